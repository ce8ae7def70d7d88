"""What VirtualServices name that is not there: destinations, subsets, ports, gateways, and hosts of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, finding
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.host_names import covers, is_wildcard
from seaway.frontends.istio.registry import Host, Registry
from seaway.frontends.istio.virtual_services.rules import MESH, ForwardRule, HttpRule, Target, VirtualRules
from seaway.resources.istio.destination_rule import DestinationRule
from seaway.resources.istio.gateway import Gateway
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Named:
    """What there is to be named. `subsets` are by host, as DestinationRules have them, wildcards too; `gateways` by `namespace/name`, with
    the ports of their servers. `wildcards` are those hosts of `subsets` that are some.
    """

    registry: Registry
    subsets: Mapping[str, frozenset[str]]
    gateways: Mapping[str, frozenset[int]]
    wildcards: tuple[str, ...] = ()

    def subsets_of(self, host: str) -> frozenset[str]:
        wider = (self.subsets[pattern] for pattern in self.wildcards if covers(pattern, host))
        return self.subsets.get(host, frozenset[str]()).union(*wider)


def read_named(snapshot: Snapshot, registry: Registry) -> Named:
    """From all objects, whoever sees them."""
    subsets: defaultdict[str, set[str]] = defaultdict(set)
    for rule in snapshot.of(DestinationRule):
        subsets[registry.full_name(rule.body.spec.host, rule.key.namespace)].update(one.name for one in rule.body.spec.subsets)
    gateways = {
        f"{one.key.namespace}/{one.key.name}": frozenset(server.port.number for server in one.body.spec.servers)
        for one in snapshot.of(Gateway)
    }
    wildcards = tuple(host for host in subsets if is_wildcard(host))
    return Named(registry, {host: frozenset(names) for host, names in subsets.items()}, gateways, wildcards)


def check_references(virtual: VirtualRules, named: Named) -> Iterator[Finding]:
    """What one VirtualService names, and what the delegates do whose rules it has."""
    ports = _callers_ports(virtual, named)
    for rule in virtual.http:
        for target in _targets(rule):
            yield from _check_target(target, {one.port for one in rule.matches if one.port} or ports, named)
        yield from _check_match_gateways(rule, virtual)
    for connections in (*virtual.tls, *virtual.tcp):
        for share in connections.shares:
            yield from _check_target(share.to, {one.port for one in connections.matches if one.port} or ports, named)
    yield from _check_gateways(virtual, named)
    yield from _check_hosts(virtual, named)


def _targets(rule: HttpRule) -> Iterator[Target]:
    if isinstance(rule.action, ForwardRule):
        yield from (share.to for share in rule.action.shares)
    if rule.copies.one is not None:
        yield rule.copies.one
    yield from (target for target, _ in rule.copies.several or ())


def _callers_ports(virtual: VirtualRules, named: Named) -> set[int]:
    """By which requests for the VirtualService come: those of its hosts (80 if they are in no registry), and of its gateways."""
    ports = {port for gateway in virtual.gateways for port in named.gateways.get(gateway, ())}
    if virtual.in_mesh:
        hosts = [host for name in virtual.hosts for host in _hosts_of(name, named.registry)]
        ports |= {port.number for host in hosts for port in host.ports} or {80}
    return ports


def _hosts_of(name: str, registry: Registry) -> Iterator[Host]:
    names = [one for one in registry.hosts if covers(name, one)] if is_wildcard(name) else [name]
    for one in names:
        yield from registry.hosts.get(one, ())


def _check_target(target: Target, ports: set[int], named: Named) -> Iterator[Finding]:
    name, place = plain(target.host), target.place
    namespace = place.key.namespace
    hosts = named.registry.hosts.get(target.host, ())
    if not hosts:
        problem, hint = "there is no such Service, and no ServiceEntry has that host", _host_hint(target.host, namespace, named.registry)
        yield place.of("host").find(codes.DESTINATION_UNKNOWN, host=name, problem=problem, hint=hint, namespace=namespace)
        return
    host = named.registry.called(target.host, namespace)
    if host is None:
        problem = f"{hosts[0].key} is not exported to namespace {namespace}"
        yield place.of("host").find(codes.DESTINATION_UNKNOWN, host=name, problem=problem, hint="", namespace=namespace)
        return
    yield from _check_port(target, host, ports)
    if target.subset and target.subset not in (subsets := named.subsets_of(target.host)):
        near = get_close_matches(target.subset, sorted(subsets), n=1)
        hint = f"; did you mean {plain(near[0])}?" if near else ""
        yield place.of("subset").find(codes.SUBSET_UNKNOWN, subset=plain(target.subset), host=name, hint=hint)


def _check_port(target: Target, host: Host, ports: set[int]) -> Iterator[Finding]:
    """Without a port it is the host's only one, else that by which the request came."""
    has = [port.number for port in host.ports]
    words = {"host": plain(target.host), "ports": ", ".join(map(str, has)) or "it has none"}
    missing = sorted(ports - set(has))
    if target.port and target.port not in has:
        yield target.place.of("port").find(codes.PORT_UNKNOWN, **words, problem=f"it has no port {target.port}")
    elif not target.port and len(has) != 1 and missing:
        problem = f"it has {len(has)} ports, none is named, and it has none of the number {missing[0]} by which requests come"
        yield target.place.find(codes.PORT_UNKNOWN, **words, problem=problem)


def _host_hint(name: str, namespace: str, registry: Registry) -> str:
    """`name.namespace` is literal upstream, to the surprise of many; a wildcard host is called by no narrower name."""
    full = f"{name}.svc.{registry.domain}"
    if full in registry.hosts:
        return f"; write {plain(full)}, since only a name without a dot is completed"
    wider = next((one for one in sorted(registry.hosts) if is_wildcard(one) and covers(one, name)), "")
    if wider:
        return f"; {plain(wider)} is there, and leads to it only where no VirtualService names a narrower host"
    bare = name.partition(".")[0]
    elsewhere = [one for one in sorted(registry.hosts) if one.startswith(f"{bare}.") and one.endswith(f".svc.{registry.domain}")]
    near = elsewhere or get_close_matches(name, sorted(registry.hosts), n=1, cutoff=0.8)
    return f"; did you mean {plain(near[0])}?" if near else ""


def _check_gateways(virtual: VirtualRules, named: Named) -> Iterator[Finding]:
    for index, gateway in enumerate(virtual.gateways):
        if gateway != MESH and gateway not in named.gateways:
            name = gateway.partition("/")[2]
            near = [one for one in sorted(named.gateways) if one.endswith(f"/{name}")]
            near = near or get_close_matches(gateway, sorted(named.gateways), n=1, cutoff=0.8)
            hint = f"; did you mean {plain(near[0])}?" if near else ""
            yield virtual.place.of("gateways", index).find(codes.GATEWAY_UNKNOWN, name=plain(gateway), hint=hint)


def _check_match_gateways(rule: HttpRule, virtual: VirtualRules) -> Iterator[Finding]:
    for match in rule.matches:
        named = match.sources.gateways
        if named and not set(named) & set(virtual.gateways):
            reason = f"the VirtualService is not bound to {plain(', '.join(named))}"
            yield finding(codes.MATCH_UNREACHABLE, match.origin, rule.owner, reason=reason)


def _check_hosts(virtual: VirtualRules, named: Named) -> Iterator[Finding]:
    """Hosts that are served at gateways too are names of the world outside as a rule, and nothing is said of them."""
    if virtual.gateways != (MESH,):
        return
    for index, name in enumerate(virtual.hosts):
        if not any(_hosts_of(name, named.registry)):
            words = {"host": plain(name), "hint": _host_hint(name, virtual.key.namespace, named.registry), "domain": named.registry.domain}
            yield virtual.place.of("hosts", index).find(codes.HOST_UNREGISTERED, **words)
