"""Gateways outside the mesh before workloads that take mutual TLS alone: what they are to pass on never arrives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seaway.core.codes.mesh import GATEWAY_TURNED_AWAY
from seaway.core.finding import Finding, Findings, finding
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.istio.peer_authentication import read_peer_authentications
from seaway.model.mesh import Inbound, Member, Mtls
from seaway.model.route import Forward, Gateway
from seaway.model.service import Service
from seaway.model.upstream import OfService, Upstream
from seaway.model.workload import PodName
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Callers:
    """Gateways that call as everybody does who is not in the mesh, and the upstreams by which they do."""

    gateways: tuple[Gateway, ...]
    upstreams: tuple[Upstream, ...]


@dataclass(frozen=True, slots=True)
class _Call:
    """A port of a pod that a gateway calls, and the route for which it does."""

    gateway: str
    route: Origin
    pod: PodName
    port: int


def outside_the_mesh(gateways: tuple[Gateway, ...], upstreams: tuple[Upstream, ...], members: tuple[Member, ...]) -> Callers:
    inside = {member.pod for member in members}
    return Callers(tuple(one for one in gateways if one.pods and not inside.issuperset(one.pods)), upstreams)


def check_gateways(callers: Callers, services: tuple[Service, ...], inbounds: tuple[Inbound, ...]) -> Findings:
    """Routes to what is STRICT: said once a gateway and line."""
    accepting = {one.pod: one for one in inbounds}
    said: dict[tuple[str, Origin], Finding] = {}
    for call in _calls(callers, services):
        mtls, origin, owner = _accepted(accepting[call.pod], call.port) if call.pod in accepting else _ANYTHING
        if mtls is Mtls.STRICT and owner is not None:
            words = {"gateway": call.gateway, "whom": f"port {call.port} of {call.pod}", "route": f" ({call.route})"}
            said.setdefault((call.gateway, origin), finding(GATEWAY_TURNED_AWAY, origin, owner, **words))
    return tuple(said.values())


def check_empty_namespaces(callers: Callers, snapshot: Snapshot, root: str, inhabited: frozenset[str]) -> Findings:
    """STRICT in a namespace of which no pod is known: whether a gateway calls any cannot be seen, and none could be called."""
    found, _ = read_peer_authentications(snapshot, root)
    return tuple(
        finding(
            GATEWAY_TURNED_AWAY, one.at("spec", "mtls", "mode"), one.key, gateway=gateway.name, whom=f"every pod of {namespace}", route=""
        )
        for namespace, one in found.namespaces.items()
        for gateway in callers.gateways
        if namespace not in inhabited and one.body.spec.mtls is not None and one.body.spec.mtls.mode == Mtls.STRICT.name
    )


_ANYTHING: tuple[Mtls, Origin, Key | None] = (Mtls.DISABLE, Origin(""), None)


def _accepted(inbound: Inbound, number: int) -> tuple[Mtls, Origin, Key | None]:
    own = next((port for port in inbound.ports if port.port == number), None)
    return (own.mtls, own.origin, own.owner) if own is not None else (inbound.other, inbound.other_origin, inbound.other_owner)


def _calls(callers: Callers, services: tuple[Service, ...]) -> Iterator[_Call]:
    by_id = {one.id: one for one in callers.upstreams}
    by_name: Mapping[object, Service] = {one.id: one for one in services}
    for gateway in callers.gateways:
        for route in (route for host in gateway.hosts for route in host.routes):
            for one in route.action.destinations if isinstance(route.action, Forward) else ():
                endpoints = by_id[one.to].endpoints if one.to in by_id else None
                if isinstance(endpoints, OfService) and endpoints.service in by_name:
                    for backend in by_name[endpoints.service].backends:
                        if backend.pod is not None:
                            yield _Call(gateway.name, route.origin, backend.pod, backend.ports[endpoints.port])
