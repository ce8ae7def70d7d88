"""The cluster of somebody who says nothing, and what it takes to have more nodes."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from seaway.core.errors import UsageError
from seaway.model.defaults import LINK_CIDR, NODES_CIDR, default_cluster


@pytest.mark.parametrize("nodes", [1, 2, 3, 100])
def test_each_node_has_its_own_part(nodes: int) -> None:
    cluster = default_cluster(nodes)
    parts = [IPv4Network(node.pod_cidr) for node in cluster.nodes]
    assert [node.name for node in cluster.nodes] == [f"node-{number}" for number in range(1, nodes + 1)]
    assert len({node.address for node in cluster.nodes}) == len(set(parts)) == nodes
    assert len({part.prefixlen for part in parts}) == 1
    assert all(part.subnet_of(IPv4Network(cluster.pod_cidr)) for part in parts)
    assert not any(one.overlaps(other) for at, one in enumerate(parts) for other in parts[:at])


def test_one_node_has_the_whole_range() -> None:
    assert default_cluster(1, "10.0.0.0/20").nodes[0].pod_cidr == "10.0.0.0/20"


def test_ranges_share_no_address() -> None:
    cluster = default_cluster()
    ranges = [IPv4Network(one) for one in (cluster.pod_cidr, cluster.service_cidr, cluster.load_balancer_cidr, NODES_CIDR, LINK_CIDR)]
    assert not any(one.overlaps(other) for at, one in enumerate(ranges) for other in ranges[:at])


@pytest.mark.parametrize(("nodes", "pod_cidr"), [(1, "10.0.0.0/29"), (2, "10.0.0.0/28"), (100, "10.0.0.0/22")])
def test_a_range_without_room_is_refused(nodes: int, pod_cidr: str) -> None:
    with pytest.raises(UsageError, match=pod_cidr) as refusal:
        default_cluster(nodes, pod_cidr)
    assert refusal.value.help
