"""What a client sees: for each port the hosts and their spellings, and where connections go that are not HTTP.

As upstream's sidecar listeners and routes do (buildSidecarOutboundListeners, buildSidecarOutboundHTTPRouteConfig):
https://github.com/istio/istio/tree/master/pilot/pkg/networking/core
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from seaway.core.names import Key
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.destination_rules.build import DestinationRules
from seaway.frontends.istio.domains import domains_of
from seaway.frontends.istio.registry import Host, HostPort, Registry
from seaway.frontends.istio.settings import Settings
from seaway.frontends.istio.virtual_services.build import NAMED_ONLY, VirtualServices
from seaway.model.mesh import HttpTable, MeshHost, Scope, TcpRoute
from seaway.model.route import Route
from seaway.model.upstream import AppProtocol


@dataclass(frozen=True, slots=True)
class Sources:
    """What scopes are made from."""

    registry: Registry
    virtual_services: VirtualServices
    rules: DestinationRules
    settings: Settings


def scope_id(client: Client) -> str:
    """Stable and unique: the namespace, with the Sidecar and labels that set clients apart in it."""
    sidecar = f"/{client.sidecar.name}" if client.sidecar else ""
    labels = ",".join(f"{key}={value}" for key, value in client.labels)
    return f"{client.namespace}{sidecar}{'?' if labels else ''}{labels}"


def build_scope(client: Client, sources: Sources) -> Scope:
    """The client's view."""
    http: defaultdict[int, list[tuple[Host, HostPort]]] = defaultdict(list)
    tcp: list[TcpRoute] = []
    for host in visible(client, sources.registry):
        for port in host.ports:
            if port.protocol.http or port.protocol is AppProtocol.DETECT:
                http[port.number].append((host, port))
            if not port.protocol.http:
                tcp += _tcp(client, host, port, sources)
    http.setdefault(NAMED_ONLY, [])
    built = (_table(client, number, http[number], sources) for number in sorted(http))
    tables = tuple(table for table in built if table.hosts)
    settings = sources.settings
    return Scope(scope_id(client), client.namespace, tables, tuple(tcp), settings.outbound, settings.outbound_origin)


def visible(client: Client, registry: Registry) -> Iterator[Host]:
    """The hosts that the client may call, each name once: of several objects with one name, that of its own namespace comes first."""
    for name in registry.hosts:
        if (host := registry.called(name, client.namespace)) is not None:
            yield host


def _table(client: Client, number: int, hosts: list[tuple[Host, HostPort]], sources: Sources) -> HttpTable:
    names = {host.name for host, _ in hosts}
    taken: set[str] = set()
    rows: list[MeshHost] = []
    for host, _ in hosts:
        spellings = domains_of(host, client.namespace, sources.settings.domain)
        domains = tuple(one for one in spellings if one == host.name or (one not in names and one not in taken))
        taken.update(domains)
        routes = sources.virtual_services.http_routes(client, host, number, sources.rules)
        rows.append(MeshHost(host.name, domains, routes, _owners(host.key, routes), host.origin))
    named = sources.virtual_services.named_hosts(client, number, tuple(host for host, _ in hosts), sources.rules)
    rows += (
        MeshHost(one.name, (one.name,), one.routes, _owners(one.key, one.routes), one.origin) for one in named if one.name not in taken
    )
    return HttpTable(number, tuple(sorted(rows, key=lambda one: (one.name.startswith("*"), one.name))))


def _owners(host: Key, routes: tuple[Route, ...]) -> tuple[Key, ...]:
    """All objects without which the host would be another: the one that declares it, and those of its routes."""
    return tuple(dict.fromkeys((host, *(key for route in routes for key in (route.owner, *route.via)))))


def _tcp(client: Client, host: Host, port: HostPort, sources: Sources) -> Iterator[TcpRoute]:
    if host.headless and not host.addresses:
        return
    http = host.name if port.protocol is AppProtocol.DETECT else ""
    for route in sources.virtual_services.tcp_routes(client, host, port.number, sources.rules):
        yield replace(route, http=http) if http else route
