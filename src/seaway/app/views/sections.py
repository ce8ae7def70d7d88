"""What a description is made of: sections with a title, columns and rows of text; and routes as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from seaway.analysis.reach.entries import path_text
from seaway.app.views.objects import Scene
from seaway.core.names import Key
from seaway.model.route import (
    ClaimMatch,
    ClosedServer,
    Conditions,
    Destination,
    Forward,
    Gateway,
    HeaderMatch,
    HttpServer,
    Redirect,
    Respond,
    Retries,
    Rewrite,
    RewritePrefix,
    Route,
    RoutePolicy,
    Server,
    TcpServer,
    Text,
)
from seaway.model.service import ServiceName
from seaway.model.upstream import OfService, UpstreamId

Section = dict[str, Any]

ROUTE_COLUMNS = ("HOST", "PATH", "DOES", "FROM")


def section(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Section:
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows]}


def facts(rows: list[tuple[str, str]]) -> Section:
    return section("", ("", ""), [row for row in rows if row[1]])


def route_row(scene: Scene, host: str, route: Route) -> tuple[str, ...]:
    asked = " ".join((path_text(route.match), *_conditions(route.conditions)))
    treatment = _treatment(scene, route.policy) if route.owner.kind == "VirtualService" else ()
    does = ", ".join((_action(scene, route), *treatment))
    return (host, asked, does, f"{route.owner.kind}/{route.owner.name}, {route.origin}")


def mesh_routes(scene: Scene, wanted: Callable[[Route], bool]) -> list[tuple[str, ...]]:
    """Rows of the routes of callers in the mesh that are wanted, each once, whoever the callers are."""
    rows: dict[tuple[str, ...], None] = {}
    seen: set[int] = set()
    for scope in scene.model.mesh.scopes:
        for table in scope.http:
            for host in table.hosts:
                if id(host) in seen:
                    continue
                seen.add(id(host))
                for route in host.routes:
                    if wanted(route):
                        rows.setdefault(route_row(scene, f"{host.name}:{table.port}" if table.port else host.name, route))
    return list(rows)


def gateway_routes(scene: Scene, wanted: Callable[[Route], bool]) -> list[tuple[str, ...]]:
    """Rows of gateways' routes that are wanted."""
    hosts = (host for gateway in scene.model.gateways for host in gateway.every_host)
    return [route_row(scene, host.host, route) for host in hosts for route in host.routes if wanted(route)]


def servers_section(scene: Scene, gateways: Iterable[Gateway], owner: Key | None = None) -> Section:
    """What these gateways listen on for Istio's Gateways; with an owner, for that one."""
    rows = [
        (
            f"{edge.address}:{edge.number}" if edge.address else str(edge.number),
            ", ".join(server.names) or "any",
            _tls_word(server),
            _served(scene, server),
            str(server.origin),
        )
        for gateway in gateways
        for edge in gateway.edges
        for server in edge.servers
        if owner is None or owner in server.owners
    ]
    return section("Listens", ("PORT", "SERVER NAMES", "TLS", "SERVES", "FROM"), rows)


def _tls_word(server: Server) -> str:
    if server.tls is None:
        return "passed through" if server.names else "none"
    names = ", ".join(f"{one.owner.namespace}/{one.owner.name}" if one.owner else one.id for one in server.tls.certificates)
    clients = server.tls.clients
    asked = "" if clients is None else ", clients must show one" if clients.required else ", clients may show one"
    return f"{names or 'its own in the mesh'}{asked}"


def _served(scene: Scene, server: Server) -> str:
    match server.does:
        case HttpServer(hosts):
            return f"HTTP, {len(hosts)} hosts"
        case TcpServer(destinations):
            return f"bytes to {split(scene, destinations)}"
        case ClosedServer(why):
            return f"nothing: {why}"


def routes_to(scene: Scene, services: set[ServiceName]) -> Section:
    """Routes that may send a request to one of these. That a host leads to itself where nothing else is said goes without saying."""

    def leads_here(route: Route) -> bool:
        return isinstance(route.action, Forward) and not services.isdisjoint(_services(scene, route.action))

    written = mesh_routes(scene, lambda route: route.owner.kind == "VirtualService" and leads_here(route))
    rows = [*gateway_routes(scene, leads_here), *written]
    return section("Routes that lead here", ROUTE_COLUMNS, rows)


def place(scene: Scene, to: UpstreamId) -> str:
    """Where an upstream is: its Service, or its host."""
    service = _service_of(scene, to)
    subset = f" ({to.subset})" if to.subset else ""
    return f"{service or to.host}:{to.port}{subset}"


def split(scene: Scene, destinations: tuple[Destination, ...]) -> str:
    """The destinations, with their shares where there are several."""
    total = sum(one.weight for one in destinations)
    names = [(place(scene, one.to), one.weight) for one in destinations]
    return ", ".join(f"{weight * 100 / total:.4g} % {name}" if len(names) > 1 and total else name for name, weight in names)


def seconds(value: float) -> str:
    return f"{value:g} s"


def _conditions(conditions: Conditions) -> Iterator[str]:
    for one in conditions.headers:
        yield f"[{_condition(one)}]"
    for one in conditions.query:
        yield f"[?{one.name} {_text(one.text)}]"
    for one in conditions.claims:
        yield f"[{_condition(one)}]"


def _condition(one: HeaderMatch | ClaimMatch) -> str:
    name = one.name if isinstance(one, HeaderMatch) else f"claim {'.'.join(one.path)}"
    return f"{'not ' if one.invert else ''}{name} {_text(one.text)}"


def _text(text: Text) -> str:
    match text.kind:
        case "present":
            return "is there"
        case "exact":
            return f"= {text.value}"
        case "regex":
            return f"~ {text.value}"
        case kind:
            return f"{kind} {text.value}"


def _action(scene: Scene, route: Route) -> str:
    redirect = "308 to https; then " if route.https_redirect else ""
    match route.action:
        case Forward(destinations, rewrite):
            return f"{redirect}to {split(scene, destinations)}{_rewritten(rewrite)}"
        case Redirect(location, status):
            return f"{redirect}{status} to {location or 'itself'}"
        case Respond(status, why):
            return f"{redirect}{status}: {why}" if why else f"{redirect}{status}"


def _treatment(scene: Scene, policy: RoutePolicy) -> Iterator[str]:
    """What is done with its requests beside sending them on."""
    if policy.timeout_s:
        yield f"timeout {seconds(policy.timeout_s)}"
    if isinstance(policy.retries, Retries) and policy.retries.attempts:
        yield f"{policy.retries.attempts} retries"
    if policy.fault is not None and policy.fault.abort is not None:
        yield f"{policy.fault.abort.percent:g} % answered {policy.fault.abort.status} on purpose"
    if policy.fault is not None and policy.fault.delay is not None:
        yield f"{policy.fault.delay.percent:g} % delayed by {seconds(policy.fault.delay.seconds)}"
    for one in policy.mirrors:
        yield f"{one.percent:g} % mirrored to {place(scene, one.to)}"


def _service_of(scene: Scene, to: UpstreamId) -> ServiceName | None:
    upstream = scene.model.upstream.get(to)
    return upstream.endpoints.service if upstream is not None and isinstance(upstream.endpoints, OfService) else None


def _services(scene: Scene, forward: Forward) -> Iterator[ServiceName]:
    for destination in forward.destinations:
        if (service := _service_of(scene, destination.to)) is not None:
            yield service


def _rewritten(rewrite: Rewrite | RewritePrefix | None) -> str:
    match rewrite:
        case Rewrite(_, substitution):
            return f", path rewritten to {substitution}"
        case RewritePrefix(text):
            return f", what matched of the path rewritten to {text}"
        case None:
            return ""
