"""Which pods serve a Gateway, and on which of their ports.

A selector looks at pods of all namespaces, as upstream's does unless it is told otherwise. A server's port is that of a Service that leads
to the pods: they listen on its target port; without such a Service, on the number itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from seaway.core.codes import gateways as codes
from seaway.core.finding import Finding
from seaway.frontends.ingress.controllers import ISTIO_CONTROLLER, ISTIO_GATEWAY, SEAWAY_CONTROLLER
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.gateways.rules import GatewayRules, ServerRules
from seaway.model.route import Gateway
from seaway.model.service import Service
from seaway.model.workload import Pod, PodName, Protocol

_PROXIES = frozenset({ISTIO_CONTROLLER, ISTIO_GATEWAY, SEAWAY_CONTROLLER})
UNTRANSLATED = "experimental.istio.io/disable-gateway-port-translation"
"""Label of Services whose ports stand for nothing but themselves."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A gateway of the model with what Gateways find it by. `serves`: it is a proxy of the mesh."""

    gateway: Gateway
    labels: tuple[tuple[str, str], ...]
    services: tuple[Service, ...]
    serves: bool

    def port(self, number: int) -> int:
        """The port that its pods listen on for one of the Gateways' servers."""
        for service in self.services:
            if UNTRANSLATED in dict(service.labels):
                continue
            for position, port in enumerate(service.ports):
                if port.port == number and port.protocol is Protocol.TCP:
                    target = next((one.ports[position] for one in service.backends if one.pod in self.gateway.pods), 0)
                    if target:
                        return target
        return number

    def exposes(self, number: int) -> bool:
        """Whether it has a Service with this port, or none at all, or one that leads to a port of this number."""
        if not self.services:
            return True
        ports = ((service, position, port) for service in self.services for position, port in enumerate(service.ports))
        return any(
            port.port == number or any(one.ports[position] == number for one in service.backends if one.pod in self.gateway.pods)
            for service, position, port in ports
        )


def edges_of(
    gateways: tuple[Gateway, ...], pods: Mapping[PodName, Pod], services: tuple[Service, ...], members: frozenset[PodName]
) -> tuple[Edge, ...]:
    """All gateways that have pods."""
    found: list[Edge] = []
    for gateway in gateways:
        if gateway.pods:
            own = tuple(one for one in services if any(backend.pod in gateway.pods for backend in one.backends))
            serves = members.issuperset(gateway.pods)
            found.append(Edge(gateway, pods[gateway.pods[0]].labels, own, serves))
    return tuple(found)


def selected(rules: GatewayRules, edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """The gateways that serve it."""
    return tuple(edge for edge in edges if edge.serves and _picks(rules, edge))


def _picks(rules: GatewayRules, edge: Edge) -> bool:
    return set(rules.labels) <= set(edge.labels) and (bool(rules.labels) or edge.gateway.controller in _PROXIES)


def check_selection(rules: GatewayRules, edges: tuple[Edge, ...]) -> Iterator[Finding]:
    """A Gateway that nobody serves."""
    if selected(rules, edges):
        return
    place = rules.place.of("selector")
    words = plain(_words(rules.labels)) if rules.labels else "of every gateway"
    outside = next((edge for edge in edges if _picks(rules, edge)), None)
    if outside is not None:
        yield place.find(codes.GATEWAY_OUTSIDE_MESH, selector=words, gateway=outside.gateway.name)
        return
    serving = [edge for edge in edges if edge.serves] or list(edges)
    known = "; ".join(f"{edge.gateway.name} has {_words(edge.labels)}" for edge in serving) or "there is none"
    near = next((edge for edge in serving if {key for key, _ in rules.labels} & {key for key, _ in edge.labels}), None)
    hint = f"; {near.gateway.name} has other labels" if near is not None else ""
    yield place.find(codes.NO_GATEWAY_POD, selector=words, hint=hint, known=known)


def _words(labels: Iterable[tuple[str, str]]) -> str:
    """Labels as a selector has them; that of the ReplicaSet is nobody's choice."""
    return ", ".join(f"{key}: {value}" for key, value in labels if key != "pod-template-hash")


def check_ports(servers: Iterable[ServerRules], edge: Edge) -> Iterator[Finding]:
    """Ports that no Service of the gateway has."""
    for server in servers:
        if not edge.exposes(server.number):
            service = edge.gateway.service or edge.services[0].id
            words = {"port": server.number, "gateway": edge.gateway.name, "service": str(service)}
            yield server.place.of("port", "number").find(codes.PORT_NOT_EXPOSED, **words)
