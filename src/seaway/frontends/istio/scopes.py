"""What each client sees: for each port the hosts and their spellings, and where connections go that are not HTTP.

As upstream's sidecar listeners and routes do (buildSidecarOutboundListeners, buildSidecarOutboundHTTPRouteConfig):
https://github.com/istio/istio/tree/master/pilot/pkg/networking/core

What looks alike to most clients is built once and shared: a scope of a namespace is the one of nobody's, but for the hosts that `sight`
names, and those whose names its clients may cut short.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from seaway.core.codes.mesh import EGRESS_PROXY_UNKNOWN
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.istio.ages import created
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.conflicts import Claim, settle
from seaway.frontends.istio.destination_rules.build import DestinationRules
from seaway.frontends.istio.domains import homes_of
from seaway.frontends.istio.registry import Host, Registry
from seaway.frontends.istio.settings import Settings
from seaway.frontends.istio.sidecars import Egress, SidecarRules
from seaway.frontends.istio.sight import Sight, look
from seaway.frontends.istio.tables import Row, Rows, table_of
from seaway.frontends.istio.views import NOBODY, Views
from seaway.frontends.istio.virtual_services.build import VirtualServices
from seaway.model.mesh import HttpTable, Scope, TcpRoute, Unknown
from seaway.model.upstream import AppProtocol, UpstreamId


@dataclass(frozen=True, slots=True)
class Sources:
    """What scopes are made from."""

    registry: Registry
    virtual_services: VirtualServices
    rules: DestinationRules
    settings: Settings


def scope_id(client: Client) -> str:
    """Stable and unique: the namespace, with the Sidecar and labels that set clients apart in it."""
    labels = ",".join(f"{key}={value}" for key, value in client.labels)
    sidecar = ""
    if client.sidecar is not None:
        own = client.sidecar.namespace == client.namespace
        sidecar = f"/{client.sidecar.name}" if own else f"/{client.sidecar.namespace}/{client.sidecar.name}"
    return f"{client.namespace}{sidecar}{'?' if labels else ''}{labels}"


@dataclass(slots=True)
class _Shared:
    """What a client of no namespace sees: rows by port, and all claims of connections, as they are settled."""

    rows: dict[int, Rows] = field(default_factory=dict[int, Rows])
    tables: dict[int, HttpTable] = field(default_factory=dict[int, HttpTable])
    tcp: tuple[TcpRoute, ...] = ()
    findings: Findings = ()


class Scopes:
    """Builds scopes, each from what the others left. `findings` are about all that were built."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._registry = sources.registry
        concerns = (*sources.rules.concerns(), *sources.virtual_services.concerns())
        self._sight: Sight = look(sources.registry.hosts, concerns)
        self._views = Views(sources.virtual_services, sources.rules, sources.settings.domain, self._sight)
        self.findings: list[Finding] = []

    def build(self, client: Client, sidecar: SidecarRules | None = None) -> Scope:
        """The client's view; `sidecar` is the object that scopes it."""
        http, tcp = self._by_egress(client) if client.egress else self._of_namespace(client)
        settings = self._sources.settings
        unknown, origin, proxy = settings.outbound, settings.outbound_origin, None
        if sidecar is not None and sidecar.unknown is not None:
            unknown, origin = sidecar.unknown, sidecar.resource.at("spec", "outboundTrafficPolicy", "mode")
            unknown, proxy = self._egress_proxy(client, sidecar, unknown)
        return Scope(scope_id(client), client.namespace, http, tcp, unknown, origin, proxy)

    # Clients without a Sidecar, or one that says nothing of hosts

    def _of_namespace(self, client: Client) -> tuple[tuple[HttpTable, ...], tuple[TcpRoute, ...]]:
        special = self._sight.special(client)
        changed: defaultdict[int, list[str]] = defaultdict(list)
        for name in sorted(special | self._near.get(client.namespace, frozenset())):
            numbers = {port.number for host in self._registry.hosts[name] for port in host.ports if is_looked_into(port.protocol)}
            for number in numbers:
                changed[number].append(name)
        shared = self._shared
        tables = dict(shared.tables)
        for number, names in changed.items():
            tables[number] = self._table(client, number, shared.rows.get(number, Rows()).without(names), names)
        if self._sight.loose:
            tables = {number: self._with_named(client, number, table) for number, table in tables.items()}
        tcp = shared.tcp if special.isdisjoint(self._opaque) else self._settled(client, self._seen_by(client))
        return tuple(tables[number] for number in sorted(tables) if tables[number].hosts), tcp

    def _table(self, client: Client, number: int, rows: Rows, names: Iterable[str]) -> HttpTable:
        for name in names:
            host = self._registry.called(name, client.namespace)
            port = host.port(number) if host is not None else None
            if host is not None and port is not None and is_looked_into(port.protocol):
                rows.add(Row(self._views.mesh_host(client, host, number), port.protocol.http))
        return table_of(number, rows)

    @cached_property
    def _shared(self) -> _Shared:
        shared = _Shared()
        for host in self._seen_by(NOBODY):
            for port in host.ports:
                if is_looked_into(port.protocol):
                    row = Row(self._views.mesh_host(NOBODY, host, port.number), port.protocol.http)
                    shared.rows.setdefault(port.number, Rows()).add(row)
        shared.tables = {number: table_of(number, rows) for number, rows in shared.rows.items()}
        shared.tcp = self._settled(NOBODY, self._seen_by(NOBODY))
        return shared

    @cached_property
    def _near(self) -> Mapping[str, frozenset[str]]:
        """By namespace, the hosts whose names its clients may cut short."""
        near: defaultdict[str, set[str]] = defaultdict(set)
        for name, candidates in self._registry.hosts.items():
            for host in candidates:
                for namespace in homes_of(host, self._registry.domain):
                    near[namespace].add(name)
        return {namespace: frozenset(names) for namespace, names in near.items()}

    @cached_property
    def _opaque(self) -> frozenset[str]:
        """Hosts with ports that are not, or not always, HTTP."""
        hosts = self._registry.hosts.items()
        return frozenset(name for name, same in hosts if any(not port.protocol.http for host in same for port in host.ports))

    @cached_property
    def _by_age(self) -> tuple[str, ...]:
        """Names of all hosts, those of the oldest object first."""
        hosts = self._registry.hosts
        return tuple(sorted(hosts, key=lambda name: (created(hosts[name][0].created), name)))

    def _seen_by(self, client: Client) -> Iterator[Host]:
        return (host for name in self._by_age if (host := self._registry.called(name, client.namespace)) is not None)

    # Clients whose Sidecar names hosts

    def _by_egress(self, client: Client) -> tuple[tuple[HttpTable, ...], tuple[TcpRoute, ...]]:
        """Each way out by itself; the one for all other ports leaves those alone that have their own."""
        rows: dict[tuple[int, str], Rows] = {}
        claims: list[Claim] = []
        numbered = {one.port for one in client.egress}
        for egress in client.egress:
            for host in self._imported(client, egress):
                for port in host.ports:
                    if port.number != egress.port and (egress.port or port.number in numbered):
                        continue
                    protocol = egress.protocol if egress.protocol not in (None, AppProtocol.DETECT) else port.protocol
                    if is_looked_into(protocol):
                        row = Row(self._views.mesh_host(client, host, port.number), protocol.http)
                        rows.setdefault((port.number, egress.address), Rows()).add(row)
                    if not protocol.http:
                        claims += (_moved(one, egress) for one in self._views.claims(client, host, port))
        tables = [replace(table_of(key[0], rows[key]), address=key[1]) for key in sorted(rows)]
        tcp, findings = settle(claims)
        self.findings += findings
        return tuple(self._with_named(client, one.port, one) for one in tables), tcp

    def _imported(self, client: Client, egress: Egress) -> Iterator[Host]:
        """Of several hosts with one name that are let in, the one that the client would call otherwise comes first."""
        if egress.unserved:
            return
        for name in self._by_age:
            seen = [one for one in self._registry.hosts[name] if one.visible_to(client.namespace) and egress.imports(one.namespace, name)]
            if seen:
                yield next((one for one in seen if one.namespace == client.namespace), seen[0])

    def _egress_proxy(self, client: Client, sidecar: SidecarRules, unknown: Unknown) -> tuple[Unknown, UpstreamId | None]:
        written = sidecar.egress_proxy
        if written is None:
            return unknown, None
        host = self._registry.called(written.host.lower(), client.namespace)
        number = written.port.number or 0 if written.port is not None else 0
        if host is None or host.port(number) is None:
            at = sidecar.resource.at("spec", "outboundTrafficPolicy", "egressProxy")
            words = {"host": written.host, "port": number, "namespace": client.namespace}
            self.findings.append(finding(EGRESS_PROXY_UNKNOWN, at, sidecar.key, **words))
            return Unknown.REGISTRY_ONLY, None
        return unknown, self._sources.rules.identify(client, host, number, written.subset)

    # Both

    def _with_named(self, client: Client, number: int, table: HttpTable) -> HttpTable:
        """With hosts that VirtualServices alone know."""
        known = {one.name: host for one in table.hosts if (host := self._registry.called(one.name, client.namespace)) is not None}
        companions = tuple(host for name, host in known.items() if name in self._sight.companions)
        named = self._views.named(client, number, companions)
        rows = Rows()
        for one in (*table.hosts, *(one for one in named if one.name not in known)):
            rows.add(Row(one, False))
        return replace(table_of(number, rows), everywhere=table.everywhere, address=table.address) if named else table

    def _settled(self, client: Client, hosts: Iterable[Host]) -> tuple[TcpRoute, ...]:
        claims = (one for host in hosts for port in host.ports if not port.protocol.http for one in self._views.claims(client, host, port))
        tcp, findings = settle(claims)
        self.findings += findings
        return tcp


def is_looked_into(protocol: AppProtocol) -> bool:
    """Whether there may be HTTP."""
    return protocol.http or protocol is AppProtocol.DETECT


def _moved(claim: Claim, egress: Egress) -> Claim:
    """A claim at the address where the way out listens."""
    if not egress.address:
        return claim
    return replace(claim, route=replace(claim.route, addresses=(f"{egress.address}/32",)))
