"""A VirtualService, from the manifest to its rules. Whatever upstream's webhook refuses about it makes the whole object void."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import combinations

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.ages import created
from seaway.frontends.istio.exports import read_exports
from seaway.frontends.istio.host_names import domain_problem, overlap
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.virtual_services.bindings import gateway_names, read_gateways
from seaway.frontends.istio.virtual_services.connection_rules import read_tcp, read_tls
from seaway.frontends.istio.virtual_services.http_rules import read_http
from seaway.frontends.istio.virtual_services.matches import claim_path
from seaway.frontends.istio.virtual_services.rules import MESH, ConnectionRule, HttpRule, VirtualRules
from seaway.frontends.istio.virtual_services.unreachable import check_reach
from seaway.resources.istio.virtual_service import VirtualService, VirtualServiceSpec
from seaway.resources.resource import Resource

REFUSALS = frozenset(
    (
        *(codes.SHAPE_REFUSED, codes.MATCH_REFUSED, codes.ROUTE_REFUSED, codes.DESTINATION_REFUSED, codes.REDIRECT_REFUSED),
        *(codes.RESPONSE_REFUSED, codes.PATH_REWRITE_REFUSED, codes.HEADERS_REFUSED, codes.RETRIES_REFUSED, codes.TIMEOUT_REFUSED),
        *(codes.FAULT_REFUSED, codes.CORS_REFUSED, codes.MIRROR_REFUSED, codes.CONNECTION_REFUSED),
    )
)
"""Findings that make the whole object void."""


def read_virtual_service(
    resource: Resource[VirtualService], registry: Registry, default_exports: frozenset[str]
) -> tuple[VirtualRules | None, Findings]:
    """The rules, None where the object is void."""
    spec, place = resource.body.spec, Place(resource)
    namespace = resource.key.namespace
    exports, problem = read_exports(spec.export_to, namespace, default_exports)
    hosts = tuple(registry.full_name(host, namespace) for host in spec.hosts)
    findings: list[Finding] = [*_shape(spec, place), *_host_problems(spec, place), *read_gateways(spec.gateways, place.of("gateways"))]
    if problem:
        findings.append(_refused(place.of("exportTo"), f"exportTo: {problem}", "Name each namespace once; * stands for all of them."))
    http: list[HttpRule] = []
    for index, one in enumerate(spec.http):
        rule, more = read_http(one, not spec.hosts, registry, place.of("http", index))
        http.append(rule)
        findings += more
    tls: list[ConnectionRule] = []
    for index, one in enumerate(spec.tls):
        connections, more = read_tls(one, tuple(host.lower() for host in (*spec.hosts, *hosts)), registry, place.of("tls", index))
        tls.append(connections)
        findings += more
    tcp: list[ConnectionRule] = []
    for index, one in enumerate(spec.tcp):
        connections, more = read_tcp(one, registry, place.of("tcp", index))
        tcp.append(connections)
        findings += more
    if any(one.code in REFUSALS for one in findings):
        return None, tuple(findings)
    rules = VirtualRules(
        key=resource.key,
        created=created(resource.meta.creation_timestamp),
        hosts=hosts,
        gateways=gateway_names(spec.gateways, namespace) or (MESH,),
        exports=exports,
        http=tuple(http),
        tls=tuple(tls),
        tcp=tuple(tcp),
        place=place,
    )
    return rules, (*findings, *check_reach(spec, place))


def _shape(spec: VirtualServiceSpec, place: Place) -> Iterator[Finding]:
    if not spec.hosts:
        for field, there in (("gateways", spec.gateways), ("tls", spec.tls), ("tcp", spec.tcp)):
            if there:
                problem = f"it has no hosts, which makes it a delegate, and a delegate has no {field}"
                yield _refused(place.of(field), problem, f"Add hosts, or remove {field}: a delegate is served where its root is.")
    if not (spec.http or spec.tls or spec.tcp):
        yield _refused(place, "it has neither http nor tls nor tcp rules", "Add a rule.")
    if not spec.gateways or MESH in spec.gateways:
        for index, rule in enumerate(spec.http):
            for at, match in enumerate(rule.match):
                for field, names in (("headers", match.headers), ("withoutHeaders", match.without_headers)):
                    for name in filter(claim_path, names):
                        where = place.of("http", index, "match", at, field, name)
                        problem = "claims of a token are matched at gateways only"
                        yield _refused(where, problem, "Bind the VirtualService to gateways, and not to mesh.")


def _host_problems(spec: VirtualServiceSpec, place: Place) -> Iterator[Finding]:
    """Addresses are hosts too. Names that overlap within one object are refused, wildcards as well."""
    mesh = not spec.gateways or MESH in spec.gateways
    usable = True
    for index, host in enumerate(spec.hosts):
        where = place.of("hosts", index)
        problem = "" if _is_address(host) else domain_problem(host)
        if problem:
            usable = False
            yield _refused(where, f"host {plain(host)}: {problem}", "Write a DNS name, a wildcard such as *.example.com, or an address.")
        elif host == "*" and mesh:
            usable = False
            yield _refused(where, "host * is for gateways only", "Bind the VirtualService to gateways, and not to mesh.")
    if usable:
        for (_, one), (index, other) in combinations(enumerate(spec.hosts), 2):
            if overlap(one.lower(), other.lower()):
                problem = f"hosts {plain(one)} and {plain(other)} overlap"
                yield _refused(place.of("hosts", index), problem, "Name each host once, and no wildcard beside a host that it stands for.")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _refused(place: Place, problem: str, help: str) -> Finding:
    return place.find(codes.SHAPE_REFUSED, problem=problem, help=help)
