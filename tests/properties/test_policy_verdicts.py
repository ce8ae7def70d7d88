"""The verdict table against the oracle, which reads the same manifests by the letter: every pair of ends, on ports on both sides of each edge."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from random import Random

import pytest
import yaml
from policy_ends import Packet
from policy_oracle import Oracle
from policy_tables import ground_of, policies_of, table_allows, table_of
from policy_worlds import (
    Object,
    World,
    admin_policy,
    baseline_policy,
    cilium_policy,
    cluster_policy,
    clusterwide_policy,
    network_policy,
    world,
)

from seaway.core.memo import Memo
from seaway.model.policies.verdicts import build_verdicts

PROBES = [
    *product(("TCP", "UDP"), (53, 80, 82, 443, 8080)),
    *(("TCP", 81), ("TCP", 9999), ("SCTP", 80), ("SCTP", 8080), ("ICMP", 8), ("other", 0)),
]

MAKERS: tuple[Callable[[Random, int], Object], ...] = (
    network_policy,
    admin_policy,
    baseline_policy,
    cluster_policy,
    cilium_policy,
    clusterwide_policy,
)
WORLDS_A_TEST = 50


def compare(seed: int, makers: tuple[Callable[[Random, int], Object], ...]) -> None:
    dice = Random(seed)
    cluster = world(dice)
    made = [dice.choice(makers)(dice, number) for number in range(dice.randint(1, 6))]
    cluster.policies = list({(one["kind"], one["metadata"]["name"]): one for one in made}.values())
    oracle, table = Oracle(cluster.namespaces, cluster.policies), table_of(cluster)
    ends = cluster.ends()
    for source, destination in product(ends, ends):
        exempt = source == destination or source.node == destination.name or destination.node == source.name
        if exempt or not (source.is_pod or destination.is_pod):
            continue
        for protocol, port in dice.sample(PROBES, 4):
            packet = Packet(source, destination, protocol, port)
            assert table_allows(table, packet) == oracle.allows(packet), explain(seed, cluster, packet)


def explain(seed: int, cluster: World, packet: Packet) -> str:
    return f"seed {seed}: {packet}\n{yaml.safe_dump([*cluster.pods, *cluster.policies])}{cluster.namespaces}"


@pytest.mark.parametrize("part", range(20))
def test_table_and_oracle_agree(part: int) -> None:
    for seed in range(part * WORLDS_A_TEST, (part + 1) * WORLDS_A_TEST):
        compare(seed, MAKERS)


@pytest.mark.parametrize("seed", range(40))
def test_a_table_made_from_the_last_one_is_the_same_as_a_new_one(seed: int) -> None:
    """Policies and pods come, change and go one by one."""
    dice, memo = Random(seed), Memo()
    cluster = world(dice)
    made = {number: dice.choice(MAKERS)(dice, number) for number in range(6)}
    pods = list(cluster.pods)
    for turn in range(6):
        if turn % 2:
            made[turn] = dice.choice(MAKERS)(dice, turn)
        else:
            cluster.pods = [one for one in pods if dice.random() < 0.8]
        kept = [made[number] for number in sorted(made) if number != turn]
        policies = tuple(policy for one in kept for policy in policies_of(one))
        table, fresh = build_verdicts(policies, ground_of(cluster), memo), build_verdicts(policies, ground_of(cluster))
        memo.turn()
        assert (table.identities, table.ranges) == (fresh.identities, fresh.ranges)
        assert table.identity_of_pod == fresh.identity_of_pod
        assert (table.egress, table.ingress) == (fresh.egress, fresh.ingress)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_table_and_oracle_agree_at_length(part: int) -> None:
    for seed in range(1_000_000 + part * 1000, 1_000_000 + (part + 1) * 1000):
        compare(seed, MAKERS)
