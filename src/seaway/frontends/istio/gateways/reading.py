"""A Gateway, from the manifest to its rules. Whatever upstream's webhook refuses about it makes the whole object void.

Rules: ValidateGateway in pkg/config/validation/validation.go of https://github.com/istio/istio.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address

from seaway.core.codes import gateways as codes
from seaway.core.finding import Finding, Findings
from seaway.core.labels import is_label_key, is_label_value
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.gateways.rules import GatewayRules, ServerHost, ServerRules, Speaks
from seaway.frontends.istio.gateways.tls_rules import tls_findings, tls_problems
from seaway.frontends.istio.host_names import domain_problem, is_label
from seaway.frontends.istio.places import Place
from seaway.resources.istio.gateway import Gateway, Server
from seaway.resources.resource import Resource

HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"})
_TCP = frozenset({"TCP", "MONGO", "REDIS", "MYSQL"})
_TLS = frozenset({"HTTPS", "TLS"})
_PORTS = range(1, 65536)
_PASSED = {"PASSTHROUGH": Speaks.PASSTHROUGH, "AUTO_PASSTHROUGH": Speaks.AUTO_PASSTHROUGH}
PASSTHROUGH = "PASSTHROUGH"
"""What a `tls` block without a mode means."""


def read_gateway(resource: Resource[Gateway]) -> tuple[GatewayRules | None, Findings]:
    """The rules, None where the object is void."""
    spec, place = resource.body.spec, Place(resource)
    findings: list[Finding] = []
    if not spec.servers:
        findings.append(_refused(place, "it has no servers", "Add a server."))
    if not is_label(resource.key.name):
        findings.append(_refused(Place(resource, ("metadata", "name")), "its name is no DNS label", "Give it a name without dots."))
    for key, value in spec.selector.items():
        if not is_label_key(key) or not is_label_value(value):
            problem = f"selector {plain(key)}: {plain(value)} is no label"
            findings.append(_refused(place.of("selector", key), problem, "Select by labels as pods have them."))
    names: set[str] = set()
    for index, server in enumerate(spec.servers):
        where = place.of("servers", index)
        findings += _server_problems(server, where)
        if server.port.name and server.port.name in names:
            problem = f"two servers have a port named {plain(server.port.name)}"
            findings.append(_refused(where.of("port", "name"), problem, "Give each server's port a name of its own."))
        names.add(server.port.name)
    if findings:
        return None, tuple(findings)
    servers = tuple(_server(resource, server, place.of("servers", index)) for index, server in enumerate(spec.servers))
    idle = tuple(one for server, rules in zip(spec.servers, servers, strict=True) for one in _idle(server, rules))
    return GatewayRules(resource.key, tuple(sorted(spec.selector.items())), servers, place), idle


def _server(resource: Resource[Gateway], server: Server, place: Place) -> ServerRules:
    protocol = server.port.protocol.upper()
    namespace = resource.key.namespace
    speaks = _speaks(protocol, server)
    hosts = dict.fromkeys(_host(one, namespace) for one in server.hosts)
    return ServerRules(
        gateway=f"{namespace}/{resource.key.name}",
        number=server.port.number,
        port_name=server.port.name,
        protocol=protocol,
        speaks=speaks,
        hosts=tuple(one for one in hosts if not speaks.by_name or is_server_name(one.name)),
        bind="" if server.bind == "0.0.0.0" else server.bind,
        redirect=server.tls is not None and server.tls.https_redirect,
        tls=server.tls,
        place=place,
    )


def _speaks(protocol: str, server: Server) -> Speaks:
    if protocol in HTTP:
        return Speaks.HTTP
    if protocol not in _TLS or server.tls is None:
        return Speaks.TCP
    passed = _PASSED.get(server.tls.mode or PASSTHROUGH)
    return passed or (Speaks.HTTPS if protocol == "HTTPS" else Speaks.TLS)


def _host(written: str, namespace: str) -> ServerHost:
    before, slash, after = written.partition("/")
    if not slash:
        return ServerHost("", written.lower())
    return ServerHost({".": namespace, "*": ""}.get(before, before), after.lower())


def _server_problems(server: Server, place: Place) -> Iterator[Finding]:
    port, protocol = server.port, server.port.protocol.upper()
    if port.number not in _PORTS:
        yield _refused(place.of("port", "number"), f"port {port.number} is not from 1 to 65535", "Write the Service's port.")
    if not port.name:
        yield _refused(place.of("port"), "a port has no name", "Name each port.")
    if protocol not in HTTP | _TCP | _TLS:
        known = ", ".join(sorted(HTTP | _TCP | _TLS))
        yield _refused(place.of("port", "protocol"), f"{plain(port.protocol)} is no protocol", f"Write one of {known}.")
    if not server.hosts:
        yield _refused(place.of("hosts"), "a server has no hosts", 'Write the hosts that it serves, or "*".')
    for index, host in enumerate(server.hosts):
        if problem := _host_problem(host):
            yield _refused(place.of("hosts", index), f"host {plain(host)}: {problem}", "Write DNS, NAMESPACE/DNS, ./DNS or */DNS.")
    if server.bind and not server.bind.startswith("unix://") and not _is_address(server.bind):
        yield _refused(place.of("bind"), f"bind {plain(server.bind)} is no address", "Write an address of the pod, or leave it out.")
    for field, problem, mend in tls_problems(protocol, protocol in HTTP, protocol in _TLS, server.tls):
        yield _refused(place.of("tls", *field), problem, mend)


def _host_problem(host: str) -> str:
    namespace, slash, name = host.partition("/")
    if not slash:
        return "" if host == "*" else domain_problem(host)
    if namespace not in ("*", ".") and not is_label(namespace):
        return "its namespace is no DNS label"
    return "" if name == "*" else domain_problem(name)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _idle(server: Server, rules: ServerRules) -> Iterator[Finding]:
    """What is taken, and has no effect."""
    place = rules.place
    if server.default_endpoint:
        yield idle(place.of("defaultEndpoint"), "defaultEndpoint has no effect", "Istio reads it and does nothing with it.", "Remove it.")
    if server.port.target_port:
        why = "Istio reads it no more: the Service's own targetPort counts."
        yield idle(place.of("port", "targetPort"), "targetPort has no effect", why, "Remove it.")
    if rules.bind and not (_is_address(rules.bind) and isinstance(ip_address(rules.bind), IPv4Address)):
        why = "Seaway listens on IPv4 addresses of the gateway's pods. The server is left out."
        yield idle(place.of("bind"), f"bind {plain(rules.bind)} cannot be listened on", why, "Leave bind out.")
    for index, host in enumerate(server.hosts):
        if rules.speaks.by_name and not is_server_name(_host(host, "").name):
            claim, why = f"host {plain(host)} is left out", "Envoy knows no server names with a star that is only part of a label."
            yield idle(place.of("hosts", index), claim, why, "Write a wildcard such as *.example.com.")
    yield from tls_findings(server.tls, rules, place.of("tls"))


def idle(place: Place, claim: str, why: str, help: str) -> Finding:
    return place.find(codes.SERVER_FIELD_IDLE, claim=claim, why=why, help=help)


def is_server_name(host: str) -> bool:
    """Whether Envoy can tell it by the server name of TLS: an exact name, `*.` and a suffix, or any."""
    return host == "*" or not host.startswith("*") or host.startswith("*.")


def listens(server: ServerRules) -> bool:
    """Whether its `bind` is one that can be listened on, and some host of it can be told."""
    return bool(server.hosts) and (not server.bind or (_is_address(server.bind) and isinstance(ip_address(server.bind), IPv4Address)))


def _refused(place: Place, problem: str, help: str) -> Finding:
    return place.find(codes.GATEWAY_REFUSED, problem=problem, help=help)
