"""The cluster that is assumed where the user says nothing: one node, the ranges that kubeadm's users know."""

from __future__ import annotations

from ipaddress import IPv4Network

from seaway.model.cluster import Cluster, Node

NODES_CIDR = "198.18.0.0/24"
"""Addresses of nodes, from the range that RFC 2544 sets aside for tests of networks."""


def default_cluster(nodes: int = 1, pod_cidr: str = "10.244.0.0/16") -> Cluster:
    """`nodes` nodes called node-1, node-2, …, each with an equal part of `pod_cidr`."""
    addresses = IPv4Network(NODES_CIDR)
    whole = IPv4Network(pod_cidr)
    parts = list(whole.subnets(prefixlen_diff=(nodes - 1).bit_length()))
    return Cluster(
        nodes=tuple(Node(f"node-{number}", str(addresses[number]), str(parts[number - 1])) for number in range(1, nodes + 1)),
        pod_cidr=pod_cidr,
    )
