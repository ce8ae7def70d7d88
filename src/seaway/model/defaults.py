"""The cluster that is assumed where the user says nothing: one node, the ranges that kubeadm's users know."""

from __future__ import annotations

from ipaddress import IPv4Network

from seaway.core.errors import UsageError
from seaway.model.cluster import Cluster, Node

NODES_CIDR = "198.18.0.0/24"
"""Addresses of nodes, from the range that RFC 2544 sets aside for tests of networks."""

LINK_CIDR = "198.18.254.0/30"
"""Addresses of the link between this machine and the network, from the same range."""

OUTSIDE_ADDRESS = "198.18.254.2"
"""The address of that link on the network's side: what nodes see as source of requests from outside."""

_LONGEST_PREFIX = 28  # a node's part of the pod range: room for a dozen pods


def default_cluster(nodes: int = 1, pod_cidr: str = "10.244.0.0/16") -> Cluster:
    """`nodes` nodes (1 to 100) called node-1, node-2, …, each with an equal part of `pod_cidr`. UsageError where that is too small."""
    addresses = IPv4Network(NODES_CIDR)
    whole = IPv4Network(pod_cidr)
    more = (nodes - 1).bit_length()
    if whole.prefixlen + more > _LONGEST_PREFIX:
        raise UsageError(f"the pod range {pod_cidr} has no room for {nodes} nodes", help="a larger pod_cidr, or fewer nodes")
    parts = list(whole.subnets(prefixlen_diff=more))
    return Cluster(
        nodes=tuple(Node(f"node-{number}", str(addresses[number]), str(parts[number - 1])) for number in range(1, nodes + 1)),
        pod_cidr=pod_cidr,
    )
