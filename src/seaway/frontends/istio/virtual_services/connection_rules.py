"""`tls` and `tcp`: rules for connections that are not looked into. TLS is told apart by the server name that the client asks for."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.host_names import covers, domain_problem
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.virtual_services.bindings import gateway_names, read_gateways
from seaway.frontends.istio.virtual_services.destinations import read_shares
from seaway.frontends.istio.virtual_services.matches import source_problems
from seaway.frontends.istio.virtual_services.rules import ConnectionMatch, ConnectionRule, Sources
from seaway.resources.istio.virtual_service import L4MatchAttributes, TCPRoute, TLSMatchAttributes, TLSRoute

_PORTS = range(1, 65536)


def read_tls(written: TLSRoute, hosts: tuple[str, ...], registry: Registry, place: Place) -> tuple[ConnectionRule, Findings]:
    """One of `spec.tls`. `hosts` are the VirtualService's, among which each server name must be."""
    findings: list[Finding] = []
    if not written.match:
        findings.append(_refused(place, "tls", "it has no match"))
    for index, match in enumerate(written.match):
        findings += _name_problems(match, hosts, place.of("match", index))
        findings += _match_problems(match, "tls", place.of("match", index))
    if not written.route:
        findings.append(_refused(place, "tls", "it has no route"))
    shares, more = read_shares(written.route, registry, place.of("route"))
    matches = tuple(_match(one, tuple(name.lower() for name in one.sni_hosts), place) for one in written.match)
    return ConnectionRule(matches, shares, place), (*findings, *more)


def read_tcp(written: TCPRoute, registry: Registry, place: Place) -> tuple[ConnectionRule, Findings]:
    """One of `spec.tcp`."""
    findings: list[Finding] = []
    for index, match in enumerate(written.match):
        findings += _match_problems(match, "tcp", place.of("match", index))
        if match.source_subnet:
            findings.append(_no_source_subnet(place.of("match", index, "sourceSubnet")))
    if not written.route:
        findings.append(_refused(place, "tcp", "it has no route"))
    shares, more = read_shares(written.route, registry, place.of("route"))
    return ConnectionRule(tuple(_match(one, (), place) for one in written.match), shares, place), (*findings, *more)


def _match(written: TLSMatchAttributes | L4MatchAttributes, names: tuple[str, ...], place: Place) -> ConnectionMatch:
    gateways = gateway_names(written.gateways, place.key.namespace)
    sources = Sources(gateways, tuple(sorted(written.source_labels.items())), written.source_namespace)
    return ConnectionMatch(names, tuple(map(_cidr, written.destination_subnets)), written.port or 0, sources)


def _cidr(subnet: str) -> str:
    """With its length, and without bits beyond it, as Envoy compares it; what is no subnet stays as it is."""
    return str(ip_network(subnet, strict=False)) if _is_subnet(subnet) else subnet


def _is_subnet(text: str) -> bool:
    """An address, or an address and a length."""
    address, slash, length = text.partition("/")
    try:
        ip_address(address)
        ip_network(text, strict=False)
    except ValueError:
        return False
    return not slash or (length.isascii() and length.isdecimal())


def _name_problems(match: TLSMatchAttributes, hosts: tuple[str, ...], place: Place) -> Iterator[Finding]:
    if not match.sni_hosts:
        yield _refused(place, "tls", "a match has no sniHosts")
    for index, name in enumerate(match.sni_hosts):
        where = place.of("sniHosts", index)
        if _is_subnet(name) and "/" not in name:
            claim = f"sniHosts: {plain(name)} is an address"
            yield where.find(
                codes.DOUBTFUL, claim=claim, why="Server names are DNS names; most clients send no address.", help="Name a host."
            )
        elif problem := domain_problem(name):
            yield _refused(where, "tls", f"server name {plain(name)}: {problem}")
        elif not any(covers(host, name.lower()) for host in hosts):
            yield _refused(where, "tls", f"server name {plain(name)} is within none of the hosts {plain(', '.join(hosts))}")


def _match_problems(match: TLSMatchAttributes | L4MatchAttributes, protocol: str, place: Place) -> Iterator[Finding]:
    for index, subnet in enumerate(match.destination_subnets):
        if not _is_subnet(subnet):
            yield _refused(place.of("destinationSubnets", index), protocol, f"{plain(subnet)} is neither an address nor a CIDR")
    if match.port and match.port not in _PORTS:
        yield _refused(place.of("port"), protocol, f"port {match.port} is not from 1 to 65535")
    yield from source_problems(match.source_labels, match.source_namespace, place)
    yield from read_gateways(match.gateways, place.of("gateways"))


def _refused(place: Place, protocol: str, problem: str) -> Finding:
    return place.find(codes.CONNECTION_REFUSED, protocol=protocol, problem=problem)


def _no_source_subnet(place: Place) -> Finding:
    return place.find(
        codes.DOUBTFUL,
        claim="sourceSubnet has no effect",
        why="Istio accepts the field and does nothing with it: the rule is for all callers.",
        help="Use sourceLabels or sourceNamespace.",
    )
