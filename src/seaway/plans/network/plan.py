"""Which network namespaces there are, and how they are wired: one a node, one a pod, pods routed over their node."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.model.index import Model
from seaway.model.names import pod_netns
from seaway.model.workload import PodName

NEXT_HOP = "169.254.1.1"
"""Default gateway inside every pod: a link-local address on the node's end of the pod's veth, so that no subnet is shared."""


@dataclass(frozen=True, slots=True)
class NodeNetwork:
    """A node's namespace. Its uplink carries `address`; the fabric routes `pod_cidr` to it."""

    name: str
    address: str
    pod_cidr: str


@dataclass(frozen=True, slots=True)
class PodNetwork:
    """A pod's namespace: `ip`/32 on eth0, a default route over the node. It lives as long as the pod's name and address."""

    pod: PodName
    netns: str
    node: str
    ip: str


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """`load_balancers` maps each load balancer address to the node that answers for it."""

    nodes: tuple[NodeNetwork, ...]
    pods: tuple[PodNetwork, ...]
    load_balancers: tuple[tuple[str, str], ...]


def plan_network(model: Model) -> NetworkPlan:
    """The wiring of all nodes. A load balancer address is answered by one node, as MetalLB's layer 2 mode has it.

    With externalTrafficPolicy Local that is the first node that holds a backend, else the first node.
    """
    nodes = tuple(NodeNetwork(node.name, node.address, node.pod_cidr) for node in model.cluster.nodes)
    pods = tuple(PodNetwork(pod.id, pod_netns(pod.id), pod.node, pod.ip) for pod in model.pods if not pod.host_network)
    first = model.cluster.nodes[0].name
    balancers = []
    for service in model.services:
        if service.load_balancer_ip:
            homes = [backend.node for backend in service.backends if backend.node] if service.external_local else []
            balancers.append((service.load_balancer_ip, min(homes, default=first)))
    return NetworkPlan(nodes, pods, tuple(sorted(balancers)))
