"""Nodes and addresses of pods."""

from collections import Counter

import pytest

from seaway.core.finding import Severity
from seaway.model.cluster import Cluster, Leases, Node

PINNED = """
    apiVersion: v1
    kind: Pod
    metadata: {name: one}
    spec: {%s, containers: [{name: main}]}
    """


def test_replicas_go_round_the_nodes(build, deployment):
    pods = build(deployment(replicas=6), nodes=3).pods()
    assert Counter(pod.node for pod in pods) == {"node-1": 2, "node-2": 2, "node-3": 2}


def test_addresses_lie_in_the_nodes_range_and_are_unique(build, deployment):
    pods = build(deployment(replicas=20), nodes=2).pods()
    for pod in pods:
        node = pod.node.removeprefix("node-")
        assert pod.ip.startswith(f"10.244.{node}.")
        assert int(pod.ip.rpartition(".")[2]) >= 2, ".0 and .1 stay free"
    assert len({pod.ip for pod in pods}) == 20


@pytest.mark.parametrize("spec", ["nodeName: node-2", "nodeSelector: {kubernetes.io/hostname: node-2}"])
def test_a_named_node_is_honoured(build, spec):
    world = build(PINNED % spec, nodes=3)
    assert world.pod.node == "node-2"
    assert not world.codes()


@pytest.mark.parametrize("spec", ["nodeName: ip-10-0-0-1", "nodeSelector: {kubernetes.io/hostname: ip-10-0-0-1}"])
def test_an_unknown_node_is_named_and_the_pod_runs_elsewhere(build, spec):
    world = build(PINNED % spec, nodes=2)
    assert world.pod.node in ("node-1", "node-2")
    found = world.finding("NET0206")
    assert "ip-10-0-0-1" in found.message
    assert "node-1, node-2" in found.help


@pytest.mark.parametrize(
    ("selector", "noted"),
    [("kubernetes.io/os: linux", False), ("kubernetes.io/arch: arm64", False), ("kubernetes.io/os: windows", True), ("disk: ssd", True)],
)
def test_other_node_selectors_are_noted(build, selector, noted):
    world = build(PINNED % f"nodeSelector: {{{selector}}}")
    assert ("NET0207" in world.codes(Severity.NOTE)) is noted
    assert world.pod


def test_leases_hold(build, deployment):
    first = build(deployment(replicas=3), nodes=2)
    again = build(deployment(replicas=4) + deployment(name="early"), leases=first.leases, nodes=2)
    known = {pod.id: (pod.ip, pod.node) for pod in first.pods()}
    assert {pod.id: (pod.ip, pod.node) for pod in again.pods() if pod.id in known} == known
    assert set(dict(first.leases.pods)) < set(dict(again.leases.pods))


def test_a_freed_address_is_not_given_out_at_once(build, deployment):
    world = build(deployment("image: v0"))
    seen = [world.pod.ip]
    for version in range(1, 20):
        world = build(deployment(f"image: v{version}"), leases=world.leases)
        assert world.pod.ip not in seen
        assert [name for name, _ in world.leases.pods if name.startswith("default/")] == [str(world.pod.id)], (
            "leases of gone pods are dropped"
        )
        seen.append(world.pod.ip)


def test_addresses_wrap_around_when_the_range_is_used_up(build, deployment):
    cluster = Cluster((Node("node-1", "172.31.0.1", "10.244.0.0/29"),))  # .2 to .6: three beside DNS and the gateway
    world = build(deployment("image: v0"), cluster=cluster)
    seen = [world.pod.ip]
    for version in range(1, 7):
        world = build(deployment(f"image: v{version}"), leases=world.leases, cluster=cluster)
        assert world.pod.ip != seen[-1]
        seen.append(world.pod.ip)
    assert set(seen) == {"10.244.0.4", "10.244.0.5", "10.244.0.6"}


def test_a_full_range_hurts_only_those_without_an_address(build, deployment):
    cluster = Cluster((Node("node-1", "172.31.0.1", "10.244.0.0/28"),))
    world = build(deployment(replicas=14), cluster=cluster)
    assert len(world.pods()) == 11
    assert world.finding("NET0208").message == "no address left for 3 of 14 pods"


@pytest.mark.parametrize(
    "pods",
    [
        pytest.param((("default/one", "not an address"),), id="no-address"),
        pytest.param((("default/one", "192.0.2.1"),), id="outside"),
        pytest.param((("default/one", "10.244.2.7"),), id="on-a-node-that-may-not-run-it"),
    ],
)
def test_leases_that_cannot_hold_are_replaced(build, pods):
    world = build(PINNED % "nodeName: node-1", leases=Leases(pods=pods), nodes=2)
    assert world.pod.ip.startswith("10.244.1.")


def test_two_leases_of_one_address(build):
    text = PINNED % "restartPolicy: Always" + "---" + (PINNED % "restartPolicy: Always").replace("one", "two")
    world = build(text, leases=Leases(pods=(("default/one", "10.244.1.9"), ("default/two", "10.244.1.9"))))
    assert world.pods()[0].ip == "10.244.1.9"
    assert len({pod.ip for pod in world.pods()}) == 2


HOST = "hostNetwork: true"


def test_host_network_pods_take_the_nodes_address_and_name(build, deployment):
    world = build(deployment("ports: [{containerPort: 80}]", HOST))
    pod = world.pod
    assert (pod.ip, pod.host_network, pod.hostname) == ("172.31.0.1", True, "node-1")
    assert not any(name.startswith("default/") for name, _ in world.leases.pods)


def test_host_network_pods_share_no_port(build, deployment):
    world = build(deployment("ports: [{containerPort: 80}]", HOST, replicas=3), nodes=2)
    assert sorted(pod.node for pod in world.pods()) == ["node-1", "node-2"]
    assert world.finding("NET0209").message.startswith("port 80 is taken on every node")


def test_host_network_pods_with_other_ports_share_a_node(build, deployment):
    text = deployment("ports: [{containerPort: 80}]", HOST) + deployment("ports: [{containerPort: 80, protocol: UDP}]", HOST, name="udp")
    assert len(build(text).pods()) == 2
