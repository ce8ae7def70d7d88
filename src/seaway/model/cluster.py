"""The cluster's own parameters: address ranges, nodes, DNS domain. Settings of the user, arguments of every stage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A node. `pod_cidr` is its part of the cluster's pod range; `address` is its InternalIP.

    `locality` is where it is, as `region/zone/subzone` or the first of these; "" where nobody said.
    """

    name: str
    address: str
    pod_cidr: str
    locality: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """`nodes` is never empty. `dns_upstreams` are `address` or `address:port`; none means names outside are NXDOMAIN.

    `tell_accepts`: kernels tell of new connections that they let pass, too.
    """

    nodes: tuple[Node, ...]
    domain: str = "cluster.local"
    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/12"
    dns_address: str = "10.96.0.10"
    load_balancer_cidr: str = "198.18.255.0/24"
    node_ports: tuple[int, int] = (30000, 32767)
    dns_upstreams: tuple[str, ...] = ()
    tell_accepts: bool = False


@dataclass(frozen=True, slots=True)
class Leases:
    """What was handed out and must not change while its holder lives: an argument of one build and a result of it.

    `pods`: `namespace/pod` to address. `cluster_ips` and `load_balancers`: `namespace/service` to address.
    `node_ports`: `namespace/service/port name/protocol` to port. `last_pods`: by node, the pod address that was given out last; the search
    goes on after it, so that an address comes back only when all others have had their turn. `hosts`: `namespace/name/host` of
    ServiceEntries to address.
    """

    pods: tuple[tuple[str, str], ...] = ()
    cluster_ips: tuple[tuple[str, str], ...] = ()
    load_balancers: tuple[tuple[str, str], ...] = ()
    node_ports: tuple[tuple[str, int], ...] = ()
    last_pods: tuple[tuple[str, str], ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()
