"""The routes of every host, for every client: those of its VirtualServices, else to itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from seaway.core.finding import Finding, Findings
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.concerns import Concern
from seaway.frontends.istio.destination_rules.build import DestinationRules
from seaway.frontends.istio.exports import EVERYBODY, exported_to
from seaway.frontends.istio.host_names import is_wildcard, overlap
from seaway.frontends.istio.registry import Host, Registry
from seaway.frontends.istio.settings import Settings
from seaway.frontends.istio.virtual_services.connections import build_connections
from seaway.frontends.istio.virtual_services.delegates import join_delegates
from seaway.frontends.istio.virtual_services.precedence import check_claims, claimants
from seaway.frontends.istio.virtual_services.reading import read_virtual_service
from seaway.frontends.istio.virtual_services.references import check_references, read_named
from seaway.frontends.istio.virtual_services.retries import BUILT_IN, read_default_retries
from seaway.frontends.istio.virtual_services.routes import Caller, Lookups, build_routes, default_route
from seaway.frontends.istio.virtual_services.rules import ForwardRule, RetryRule, Sources, VirtualRules
from seaway.model.mesh import TcpRoute
from seaway.model.route import Route
from seaway.resources.istio.virtual_service import VirtualService
from seaway.snapshot import Snapshot

NAMED_ONLY = 80
"""The port on which hosts that are in no registry are known by their VirtualService alone."""


@dataclass(frozen=True, slots=True)
class NamedHost:
    """A host that no object declares and a VirtualService names."""

    name: str
    routes: tuple[Route, ...]
    key: Key
    origin: Origin


@dataclass(frozen=True, slots=True)
class VirtualServices:
    """Look-ups by client, host and port. `rules` are oldest first, those of delegates put into their roots.

    `by_name` and `by_suffix` (of wildcards, without the star) find those that name a host; `indexed` fills them.
    """

    registry: Registry
    rules: tuple[VirtualRules, ...] = ()
    retries: RetryRule = BUILT_IN
    by_name: Mapping[str, tuple[VirtualRules, ...]] = field(default_factory=dict[str, tuple[VirtualRules, ...]], repr=False)
    by_suffix: tuple[tuple[str, VirtualRules], ...] = ()

    @property
    def label_keys(self) -> frozenset[str]:
        """The labels of callers that some match looks at."""
        return frozenset(name for one in self._sources() for name, _ in one.labels)

    def concerns(self) -> Iterator[Concern]:
        """What each VirtualService of the mesh may change for some clients and not for others."""
        for one in self.rules:
            if not one.in_mesh:
                continue
            sources = tuple(_sources_of(one))
            exports = one.exports - {EVERYBODY}
            namespaces = exports | {source.namespace for source in sources if source.namespace}
            labels = any(source.labels for source in sources)
            yield Concern(one.hosts, frozenset(namespaces), labels, imported=True, to=frozenset(_targets(one)))

    def about(self, host: str) -> VirtualServices:
        """Only those that say something of this host of the registry, or of one that it covers."""
        if is_wildcard(host):
            return replace(self, rules=tuple(one for one in self.rules if any(overlap(name, host) for name in one.hosts)))
        found = {id(one): one for one in (*self.by_name.get(host, ()), *(one for name, one in self.by_suffix if host.endswith(name)))}
        return replace(self, rules=tuple(sorted(found.values(), key=lambda one: one.age)))

    def limited(self, imports: Callable[[str, str], bool]) -> VirtualServices:
        """Only those that a Sidecar lets its workloads see: some host of theirs is imported from their namespace."""
        return indexed(replace(self, rules=tuple(one for one in self.rules if any(imports(one.key.namespace, host) for host in one.hosts))))

    def http_routes(self, client: Client, host: Host, port: int, rules: DestinationRules) -> tuple[Route, ...]:
        """All routes of a host's HTTP requests, in the order in which they are tried; never empty."""
        caller, lookups = Caller(client, port), Lookups(self.registry, rules, self.retries)
        for virtual in claimants(host.name, self._seen(client)):
            if routes := build_routes(virtual, caller, lookups):
                return routes
        return (default_route(host, caller, lookups),)

    def tcp_routes(self, client: Client, host: Host, port: int, rules: DestinationRules) -> tuple[TcpRoute, ...]:
        """Where connections to a host's port go that are not HTTP; never empty."""
        named = (one for one in self._seen(client) if any(overlap(name, host.name) for name in one.hosts))
        return build_connections(host, named, Caller(client, port), Lookups(self.registry, rules, self.retries))

    def at_gateway(self, client: Client, gateway: str) -> Iterator[VirtualRules]:
        """Those that are bound to a Gateway (`namespace/name`), as the gateway that serves it sees them; oldest first."""
        return (one for one in self.rules if gateway in one.gateways and exported_to(one.exports, client.namespace))

    def named_hosts(self, client: Client, port: int, hosts: tuple[Host, ...], rules: DestinationRules) -> tuple[NamedHost, ...]:
        """Hosts of a port besides `hosts` (all that the client may call by it): in no registry, and known by a VirtualService.

        They are known by port 80, and by the ports of registered hosts that the same VirtualService rules.
        """
        caller, lookups = Caller(client, port), Lookups(self.registry, rules, self.retries)
        seen = tuple(self._seen(client))
        ruled = {host.name: next(iter(claimants(host.name, seen)), None) for host in hosts}
        found: dict[str, NamedHost] = {}
        for virtual in seen:
            if port != NAMED_ONLY and virtual not in ruled.values():
                continue
            for index, name in enumerate(virtual.hosts):
                if name in found or name in ruled or (is_wildcard(name) and any(overlap(name, one) for one in ruled)):
                    continue
                if routes := build_routes(virtual, caller, lookups):
                    found[name] = NamedHost(name, routes, virtual.key, virtual.place.of("hosts", index).origin)
        return tuple(found[name] for name in sorted(found))

    def _seen(self, client: Client) -> Iterator[VirtualRules]:
        return (one for one in self.rules if one.in_mesh and exported_to(one.exports, client.namespace))

    def _sources(self) -> Iterator[Sources]:
        return (source for one in self.rules for source in _sources_of(one))


def indexed(virtual_services: VirtualServices) -> VirtualServices:
    """The same, quick to ask for what names a host."""
    by_name: defaultdict[str, tuple[VirtualRules, ...]] = defaultdict(tuple)
    by_suffix: list[tuple[str, VirtualRules]] = []
    for one in virtual_services.rules:
        for host in one.hosts:
            if is_wildcard(host):
                by_suffix.append((host[1:], one))
            else:
                by_name[host] += (one,)
    return replace(virtual_services, by_name=dict(by_name), by_suffix=tuple(by_suffix))


def _sources_of(virtual: VirtualRules) -> Iterator[Sources]:
    yield from (match.sources for rule in virtual.http for match in rule.matches)
    yield from (match.sources for rule in (*virtual.tls, *virtual.tcp) for match in rule.matches)


def _targets(virtual: VirtualRules) -> Iterator[str]:
    """Names of all hosts that it leads to."""
    for rule in virtual.http:
        if isinstance(rule.action, ForwardRule):
            yield from (share.to.host for share in rule.action.shares)
        if rule.copies.one is not None:
            yield rule.copies.one.host
        yield from (target.host for target, _ in rule.copies.several or ())
    for connection in (*virtual.tls, *virtual.tcp):
        yield from (share.to.host for share in connection.shares)


def build_virtual_services(snapshot: Snapshot, registry: Registry, settings: Settings) -> tuple[VirtualServices, Findings]:
    """All VirtualServices that upstream would take, and what is wrong with those and the others."""
    findings: list[Finding] = []
    read: list[VirtualRules] = []
    void: set[tuple[str, str]] = set()
    for resource in snapshot.of(VirtualService):
        rules, more = read_virtual_service(resource, registry, settings.virtual_services_to)
        findings += more
        if rules is None:
            void.add((resource.key.namespace, resource.key.name))
        else:
            read.append(rules)
    joined, more = join_delegates(sorted(read, key=lambda one: one.age), frozenset(void))
    findings += more
    findings += check_claims(joined)
    named = read_named(snapshot, registry)
    for rules in joined:
        findings += check_references(rules, named)
    retries, more = read_default_retries(settings)
    return indexed(VirtualServices(registry, joined, retries)), (*dict.fromkeys(findings), *more)
