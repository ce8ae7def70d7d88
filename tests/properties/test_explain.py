"""What `explain` says of a connection between two pods, against the oracle that reads the same policies by the letter."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from policy_ends import Packet
from policy_oracle import Oracle
from policy_tables import ground_of, policies_of
from policy_worlds import World, admin_policy, baseline_policy, cilium_policy, cluster_policy, clusterwide_policy, network_policy, world

from seaway.analysis.explain.explain import explain
from seaway.analysis.explain.leg import World as Known
from seaway.analysis.explain.question import Question, ToAddress
from seaway.analysis.explain.steps import Layer, Outcome, Verdict
from seaway.model.cluster import Cluster
from seaway.model.defaults import OUTSIDE_ADDRESS
from seaway.model.index import Model
from seaway.model.policies.language import Transport
from seaway.model.workload import PodName
from seaway.protocols.dns_zone import DnsZone

MAKERS = (network_policy, admin_policy, baseline_policy, cluster_policy, cilium_policy, clusterwide_policy)
PORTS = [*product(("TCP", "UDP"), (53, 80, 443, 8080)), ("SCTP", 80)]
NO_ZONE = DnsZone("cluster.local", "ns.dns", 5, 0, (), (), ())


def model_of(cluster: World) -> Model:
    ground = ground_of(cluster)
    policies = tuple(policy for one in cluster.policies for policy in policies_of(one))
    return Model(Cluster(ground.nodes), ground.pods, (), (), policies=policies, namespaces=ground.namespaces)


@pytest.mark.parametrize("part", range(10))
def test_explain_and_oracle_agree(part: int) -> None:
    for seed in range(part * 20, part * 20 + 20):
        dice = Random(seed)
        cluster = world(dice)
        made = [dice.choice(MAKERS)(dice, number) for number in range(dice.randint(1, 6))]
        cluster.policies = list({(one["kind"], one["metadata"]["name"]): one for one in made}.values())
        oracle, model = Oracle(cluster.namespaces, cluster.policies), model_of(cluster)
        pods = [one for one in cluster.ends() if one.is_pod]
        for source, target in product(pods, pods):
            if source == target:
                continue
            protocol, port = dice.choice(PORTS)
            asked = Question(model.pod[PodName(source.namespace, source.name)], ToAddress(target.address), Transport(protocol), port)
            found = explain(Known(model, NO_ZONE, OUTSIDE_ADDRESS), asked)
            allowed = oracle.allows(Packet(source, target, protocol, port))
            assert (found.verdict is not Verdict.DENIED) == allowed, (seed, source, target, protocol, port, found)
            stops = [one.layer for one in found.steps if one.outcome is Outcome.STOPS]
            assert allowed == set(stops).isdisjoint((Layer.EGRESS, Layer.INGRESS))
            assert allowed or found.flips
