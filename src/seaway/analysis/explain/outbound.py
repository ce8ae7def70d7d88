"""What the proxy of a member of the mesh does with what leaves its pod: by Host header, by address, or let through.

Envoy goes by the address of a connection before all else: a chain for this very address wins over those for any.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.analysis.explain.leg import World
from seaway.analysis.explain.matching import find_mesh_host, find_route
from seaway.analysis.explain.question import Question
from seaway.analysis.explain.services import within
from seaway.analysis.explain.steps import Explanation, Layer, Outcome, Step, Verdict, passes, stopped
from seaway.analysis.explain.upstreams import Sent, explain_destinations, explain_route, explain_upstream
from seaway.analysis.reach.because import Line
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.mesh import Capture, HttpTable, Member, MeshHost, Scope, TcpRoute, Unknown
from seaway.model.policies.language import Transport
from seaway.model.workload import GatewayProxy, Pod


def captor_of(world: World, question: Question, address: str) -> Member | None:
    """The member whose proxy takes this connection; None where it goes its own way."""
    source = question.source
    if source is None or question.transport is not Transport.TCP or isinstance(source.runs, GatewayProxy) or address == source.ip:
        return None
    member = world.model.member.get(source.id)
    return member if member is not None and not member.closing and _captures(member.capture, address, question.port) else None


def _captures(capture: Capture, address: str, port: int) -> bool:
    """As the pod's table does: exclusions, then ports, then ranges."""
    if port in capture.outbound_excluded or within(address, *capture.ranges_excluded):
        return False
    return port in capture.outbound or capture.ranges is None or within(address, *capture.ranges)


@dataclass(frozen=True, slots=True)
class Passthrough:
    """The connection goes where the caller wanted, in plaintext."""

    step: Step


def explain_outbound(world: World, question: Question, source: Pod, member: Member, address: str) -> Explanation | Passthrough:
    """What becomes of it, or that it is let through as it is."""
    scope = world.model.scope[member.scope]
    sent = Sent(source, question.http if not question.tls else None, question.tls)
    if sent.http is not None:
        found = _http_host(scope, question.port, address, sent.http.host)
        if isinstance(found, MeshHost):
            return _by_host(world, found, sent)
        if found is not None:
            return _unknown(world, scope, sent, sent.http.host)
    name = question.http.host if question.tls and question.http is not None else ""
    route = _tcp_route(scope, question.port, address, name)
    if route is None:
        return _unknown(world, scope, sent, f"{address}:{question.port}")
    lines = _line(route.owners, route.origin, "connections")
    opaque = Sent(source, None, question.tls)
    return explain_destinations(world, tuple((one, opaque) for one in route.destinations), lines)


def _by_host(world: World, host: MeshHost, sent: Sent) -> Explanation:
    assert sent.http is not None
    route = find_route(host.routes, sent.http, tls=False)
    if route is None:
        step = Step(
            Layer.ROUTE, Outcome.STOPS, f"no route of {host.name} is for this request: 404", (_line(host.owners, host.origin, "host"),)
        )
        return stopped(Verdict.UNREACHABLE, step, 404)
    return explain_route(world, route, sent, tls=False)


def _http_host(scope: Scope, port: int, address: str, host: str) -> MeshHost | HttpTable | None:
    """The host that a request is for; the table where it is for none of its hosts, None where HTTP is not looked at here."""
    special = [one for one in scope.tcp if one.port == port and one.addresses and not one.server_names and within(address, *one.addresses)]
    table = next((one for one in scope.http if one.everywhere and one.port == port and one.address == address), None)
    if table is None and special:
        named = special[0].http
        hosts = (one for tables in scope.http if tables.port == port for one in tables.hosts)
        return next((one for one in hosts if one.name == named), None) if named else None
    table = table or next((one for one in scope.http if one.everywhere and one.port == port and not one.address), None)
    if table is None:
        return None
    return find_mesh_host(table.hosts, host) or table


def _tcp_route(scope: Scope, port: int, address: str, server_name: str) -> TcpRoute | None:
    routes = [one for one in scope.tcp if one.port == port]
    for near in (True, False):
        here = [one for one in routes if bool(one.addresses) is near and (not near or within(address, *one.addresses))]
        for names in (True, False):
            for one in here:
                if bool(one.server_names) is names and (not names or _named(server_name, one.server_names)):
                    return one
    return None


def _named(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name == one or (one.startswith("*") and name.endswith(one[1:])) for one in patterns)


def _unknown(world: World, scope: Scope, sent: Sent, what: str) -> Explanation | Passthrough:
    line = _line((), scope.origin, "unknown hosts")
    if scope.unknown is Unknown.REGISTRY_ONLY:
        status = 502 if sent.http is not None else None
        step = Step(Layer.ROUTE, Outcome.STOPS, f"{what} is no host of the mesh, and REGISTRY_ONLY lets nothing else out", (line,))
        return stopped(Verdict.UNREACHABLE, step, status)
    if scope.proxy is not None:
        return explain_upstream(world, scope.proxy, sent, line)
    return Passthrough(passes(Layer.ROUTE, f"{what} is no host of the mesh on this port: let through as it is, in plaintext", line))


def _line(owners: tuple[Key, ...], origin: Origin, text: str) -> Line:
    return Line(owners[0] if owners else Key("networking.istio.io", "Sidecar", "", "(default)"), origin, text)
