"""Node ports: given, held by a lease, or chosen from the cluster's range."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence

from seaway.core.cidr import Cidr, first_free
from seaway.core.codes.workloads import NODE_PORT_OUTSIDE, NODE_PORT_TAKEN, NODE_PORTS_FULL
from seaway.core.finding import Finding, finding
from seaway.frontends.kubernetes.service_addresses import name_of
from seaway.model.cluster import Cluster
from seaway.resources.core_v1 import Service, ServicePort
from seaway.resources.resource import Resource

PortKey = str
"""`namespace/service/port name/protocol`: how leases name a port of a Service."""


def port_key(resource: Resource[Service], port: ServicePort) -> PortKey:
    """The name under which leases hold this port's node port."""
    return f"{name_of(resource)}/{port.name or ''}/{port.protocol}"


def assign_node_ports(
    services: Sequence[Resource[Service]], cluster: Cluster, leases: Mapping[PortKey, int], findings: list[Finding]
) -> tuple[dict[PortKey, int], frozenset[str]]:
    """The node port of every port that has one, and the Services (`namespace/service`) that ask for one that they cannot have.

    Ports of one Service that share a number (DNS over UDP and TCP) share the node port as well, as the API server gives it.
    """
    low, high = cluster.node_ports
    span = Cidr(low, high)
    exposed = [one for one in services if one.body.spec.type in ("NodePort", "LoadBalancer")]
    holders: dict[tuple[int, str], str] = {}
    given: dict[PortKey, int] = {}
    refused: set[str] = set()
    for resource in exposed:
        problems = list(_problems(resource, span, holders))
        findings += problems
        if problems:
            refused.add(name_of(resource))
            continue
        for port in resource.body.spec.ports:
            if port.node_port:
                given[port_key(resource, port)] = port.node_port
                holders[port.node_port, port.protocol] = name_of(resource)
    taken = {number for number, _ in holders}
    wanting = [one for one in exposed if name_of(one) not in refused and _allocates(one)]
    groups = [group for resource in wanting for group in _groups(resource, given, holders)]
    late = [group for group in groups if not _hold(group, leases, given, span, taken)]
    for group in late:
        resource, ports = group
        start = low + zlib.crc32(f"{name_of(resource)}/{ports[0].port}".encode()) % span.size
        number = first_free(span, start, taken)
        if number is None:
            findings.append(finding(NODE_PORTS_FULL, resource.origin, resource.key, port=ports[0].port, low=low, high=high))
        else:
            _give(group, number, given, taken)
    return given, frozenset(refused)


Group = tuple[Resource[Service], tuple[ServicePort, ...]]


def _problems(resource: Resource[Service], span: Cidr, holders: Mapping[tuple[int, str], str]) -> Iterator[Finding]:
    own: set[tuple[int, str]] = set()
    for index, port in enumerate(resource.body.spec.ports):
        if not port.node_port:
            continue
        origin, claim = resource.at("spec", "ports", index, "nodePort"), (port.node_port, port.protocol)
        if port.node_port not in span:
            yield finding(NODE_PORT_OUTSIDE, origin, resource.key, port=port.node_port, low=span.first, high=span.last)
        elif first := holders.get(claim) or (name_of(resource) if claim in own else ""):
            yield finding(NODE_PORT_TAKEN, origin, resource.key, port=port.node_port, protocol=port.protocol, first=first)
        own.add(claim)


def _allocates(resource: Resource[Service]) -> bool:
    return resource.body.spec.type == "NodePort" or resource.body.spec.allocate_load_balancer_node_ports is not False


def _groups(resource: Resource[Service], given: dict[PortKey, int], holders: dict[tuple[int, str], str]) -> Iterator[Group]:
    """The ports that still need a node port, those of one number together; a number that one of them was given serves all of them."""
    for number in dict.fromkeys(port.port for port in resource.body.spec.ports):
        ports = [port for port in resource.body.spec.ports if port.port == number]
        shared = next((given[key] for port in ports if (key := port_key(resource, port)) in given), 0)
        rest: list[ServicePort] = []
        for port in ports:
            if port_key(resource, port) in given:
                continue
            if shared and (shared, port.protocol) not in holders:
                given[port_key(resource, port)] = shared
                holders[shared, port.protocol] = name_of(resource)
            else:
                rest.append(port)
        if rest:
            yield resource, tuple(rest)


def _hold(group: Group, leases: Mapping[PortKey, int], given: dict[PortKey, int], span: Cidr, taken: set[int]) -> bool:
    resource, ports = group
    held = next((leases[key] for port in ports if (key := port_key(resource, port)) in leases), None)
    if held is None or held not in span or held in taken:
        return False
    _give(group, held, given, taken)
    return True


def _give(group: Group, number: int, given: dict[PortKey, int], taken: set[int]) -> None:
    resource, ports = group
    given.update({port_key(resource, port): number for port in ports})
    taken.add(number)
