"""Where names lead on to: Services to ports of workloads, and hosts and paths of gateways to Services, and whether policies let them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seaway.analysis.reach.because import Because, why_allowed, why_denied
from seaway.analysis.reach.peers import Peer
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.index import Model
from seaway.model.policies.language import Transport
from seaway.model.route import Exact, Forward, Gateway, PathMatch, Prefix, Regex, Route, TextPrefix
from seaway.model.service import Backend, Service, ServiceName
from seaway.model.upstream import Fixed, OfService, UpstreamId
from seaway.model.workload import PodName


@dataclass(frozen=True, slots=True)
class ServicePlace:
    """One port of a Service, and the ports of peers (by position) that it leads to."""

    service: ServiceName
    port: int
    protocol: str
    to: tuple[tuple[int, int], ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Entry:
    """A host and path of a gateway that lead to a port of a peer. `gateway` and `to` are positions; `because` is why it may or may not.

    `partly`: only some of the gateway's pods may.
    """

    gateway: int
    host: str
    path: str
    leads_by: str
    to: int
    port: int
    allowed: bool
    partly: bool
    because: Because
    owner: Key
    origin: Origin


def list_services(model: Model, peers: tuple[Peer, ...]) -> tuple[ServicePlace, ...]:
    """Those with endpoints of ours."""
    at = _positions(peers)
    return tuple(
        ServicePlace(service.id, port.port, port.protocol.value, to, port.origin)
        for service in model.services
        for number, port in enumerate(service.ports)
        if (to := _ends(service.backends, number, at))
    )


def _positions(peers: tuple[Peer, ...]) -> dict[PodName, int]:
    return {pod: at for at, peer in enumerate(peers) for pod in peer.pods}


def _ends(backends: tuple[Backend, ...], number: int, at: dict[PodName, int]) -> tuple[tuple[int, int], ...]:
    found = {(at.get(one.pod), one.ports[number]) for one in backends if one.pod is not None and one.ports[number]}
    return tuple(sorted((peer, port) for peer, port in found if peer is not None))


def list_entries(model: Model, peers: tuple[Peer, ...]) -> tuple[Entry, ...]:
    """Every route of every gateway, in the order in which they are tried."""
    at = _positions(peers)
    return tuple(
        entry
        for gateway in model.gateways
        for host in gateway.every_host
        for route in host.routes
        if isinstance(route.action, Forward)
        for to in dict.fromkeys(route.leads_to)
        for entry in _entries(model, (gateway, host.host, route, to), at)
    )


def _entries(model: Model, way: tuple[Gateway, str, Route, UpstreamId], at: dict[PodName, int]) -> Iterator[Entry]:
    gateway, host, route, to = way
    service, ends = _endpoints(model, to)
    for number, port in sorted({(at[pod], port) for pod, port in ends if pod in at}):
        pods = [pod for pod, its_port in ends if at.get(pod) == number and its_port == port]
        verdicts = [_verdict(model, source, pods[0], port) for source in gateway.pods if source in at]
        if not verdicts:
            continue
        passing = [because for allowed, because in verdicts if allowed]
        yield Entry(
            gateway=at[gateway.pods[0]],
            host=host,
            path=path_text(route.match),
            leads_by=f"{service or to.host}:{to.port}",
            to=number,
            port=port,
            allowed=bool(passing),
            partly=0 < len(passing) < len(verdicts),
            because=passing[0] if passing else verdicts[0][1],
            owner=route.owner,
            origin=route.origin,
        )


def _endpoints(model: Model, to: UpstreamId) -> tuple[ServiceName | None, list[tuple[PodName, int]]]:
    upstream = model.upstream.get(to)
    match upstream.endpoints if upstream is not None else None:
        case OfService(name, number, labels) if (service := model.service.get(name)) is not None:
            return name, [(one.pod, one.ports[number]) for one in _backends(model, service, labels) if one.pod and one.ports[number]]
        case Fixed(endpoints):
            return None, [(one.pod, one.port) for one in endpoints if one.pod is not None]
        case _:
            return None, []


def _backends(model: Model, service: Service, labels: tuple[tuple[str, str], ...]) -> Iterator[Backend]:
    for one in service.backends:
        pod = model.pod.get(one.pod) if one.pod is not None else None
        if not labels or (pod is not None and set(labels) <= set(pod.labels)):
            yield one


def _verdict(model: Model, source: PodName, destination: PodName, port: int) -> tuple[bool, Because]:
    table = model.verdicts
    if source == destination:
        return True, ()
    verdict = table.verdict(table.identity_of_pod[source], table.identity_of_pod[destination], Transport.TCP, port)
    return verdict.allowed, why_allowed(verdict) if verdict.allowed else why_denied(verdict)


def path_text(match: PathMatch) -> str:
    """`= /exact`, `/prefix`, `/text*`, `~ regex`."""
    match match:
        case Exact(path):
            return f"= {path}"
        case Prefix(path):
            return path
        case TextPrefix(path):
            return f"{path}*"
        case Regex(pattern):
            return f"~ {pattern}"
