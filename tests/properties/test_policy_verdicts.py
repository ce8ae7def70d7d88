"""The verdict table against the oracle, which reads the same manifests by the letter: every pair of ends, on ports on both sides of each edge."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from random import Random

import pytest
import yaml
from policy_ends import Packet
from policy_oracle import Oracle
from policy_tables import table_allows, table_of
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


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_table_and_oracle_agree_at_length(part: int) -> None:
    for seed in range(1_000_000 + part * 1000, 1_000_000 + (part + 1) * 1000):
        compare(seed, MAKERS)
