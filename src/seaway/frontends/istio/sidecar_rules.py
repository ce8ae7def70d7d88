"""Which Sidecars Istio refuses, and which it takes though they do not do what they seem to.

`ValidateSidecar` in upstream's pkg/config/validation/validation.go.
"""

from __future__ import annotations

from seaway.core.cidr import is_ipv6, parse_ipv4
from seaway.core.codes.mesh import SETTING_DIFFERS, SIDECAR_UNIX_SOCKET
from seaway.core.finding import Finding, finding
from seaway.frontends.istio.app_protocols import parse_protocol
from seaway.frontends.istio.host_names import domain_problem, exact_domain_problem, is_label
from seaway.frontends.istio.inspection import Inspection
from seaway.model.upstream import AppProtocol
from seaway.resources.istio.sidecar import (
    IstioEgressListener,
    IstioIngressListener,
    OutboundTrafficPolicy,
    Sidecar,
    SidecarPort,
    SidecarSpec,
)
from seaway.resources.resource import Resource, Step, field_path

HTTP_PROXY = "HTTP_PROXY"
UNIX = "unix://"
_CAPTURE = ("DEFAULT", "IPTABLES", "NONE")
_OWN_ADDRESSES = ("", "127.0.0.1", "0.0.0.0", "[::1]", "[::]")


def check_sidecar(resource: Resource[Sidecar]) -> Inspection:
    """Everything that is wrong with it."""
    spec, inspection = resource.body.spec, Inspection(resource)
    if not (spec.egress or spec.ingress or spec.outbound_traffic_policy or spec.inbound_connection_pool):
        inspection.refuse("says nothing", "Write egress, ingress or outboundTrafficPolicy.", "spec")
    if spec.workload_selector is not None:
        inspection.labels(spec.workload_selector.labels, "spec", "workloadSelector", "labels")
    numbers: set[int] = set()
    for index, ingress in enumerate(spec.ingress):
        _check_ingress(inspection, ingress, numbers, "spec", "ingress", index)
    numbers = set()
    for index, egress in enumerate(spec.egress):
        _check_egress(inspection, egress, index == len(spec.egress) - 1, numbers, "spec", "egress", index)
    if spec.outbound_traffic_policy is not None:
        _check_policy(inspection, spec.outbound_traffic_policy, "spec", "outboundTrafficPolicy")
    if not inspection.refused:
        _note_unserved(inspection, spec)
    return inspection


def _note_unserved(inspection: Inspection, spec: SidecarSpec) -> None:
    """What Istio does, and nothing here does yet."""
    resource = inspection.resource
    if spec.ingress:
        inspection.findings.append(
            _differs(resource, "Ports are those of Services; the application is called at its own address.", "spec", "ingress")
        )
    if spec.inbound_connection_pool is not None:
        reason = "Connections to the application have no limit but its own."
        inspection.findings.append(_differs(resource, reason, "spec", "inboundConnectionPool"))


def _differs(resource: Resource[Sidecar], reason: str, *path: Step) -> Finding:
    words = {"field": field_path(*path), "reason": reason, "advice": "Do not rely on it."}
    return finding(SETTING_DIFFERS, resource.at(*path), resource.key, **words)


def _check_ingress(inspection: Inspection, ingress: IstioIngressListener, numbers: set[int], *path: Step) -> None:
    _check_port(inspection, ingress.port, *path, "port")
    _check_unique(inspection, ingress.port, numbers, *path, "port")
    inspection.word(ingress.capture_mode, _CAPTURE, *path, "captureMode")
    _check_address(inspection, ingress.bind, *path, "bind")
    endpoint = ingress.default_endpoint
    if endpoint.startswith(UNIX):
        _socket(inspection, endpoint, *path, "defaultEndpoint")
    elif endpoint:
        address, colon, port = endpoint.rpartition(":")
        if not colon or address not in _OWN_ADDRESSES or not (port.isdecimal() and 0 < int(port) < 65536):
            advice = "Write 127.0.0.1:PORT, 0.0.0.0:PORT or unix:///path."
            inspection.refuse(f"is {endpoint}, no place in the workload", advice, *path, "defaultEndpoint")
    if ingress.tls is not None:
        said, consequence = "is given", "the port takes mutual TLS of the mesh or plaintext, as PeerAuthentication says, and nothing else"
        inspection.remark(said, consequence, "Leave TLS to the mesh, or let the application serve it.", *path, "tls")


def _check_egress(inspection: Inspection, egress: IstioEgressListener, last: bool, numbers: set[int], *path: Step) -> None:
    if egress.port is None:
        if not last:
            inspection.refuse("has no port and is not the last", "Put the one for all other ports at the end.", *path)
    elif not egress.port.number:
        _check_socket_port(inspection, egress, *path)
    else:
        _check_port(inspection, egress.port, *path, "port")
        _check_unique(inspection, egress.port, numbers, *path, "port")
        _check_address(inspection, egress.bind, *path, "bind")
    if egress.port is not None and egress.port.protocol.upper() == HTTP_PROXY:
        said, consequence = "is HTTP_PROXY", "nothing listens there for requests to any host"
        inspection.remark(said, consequence, "Call hosts by their own ports.", *path, "port", "protocol")
    inspection.word(egress.capture_mode, _CAPTURE, *path, "captureMode")
    if egress.capture_mode == "NONE":
        said, consequence = "is NONE", "nothing listens in the workload for these hosts, and connections to them are as to unknown ones"
        inspection.remark(said, consequence, "Leave it out: connections are captured.", *path, "captureMode")
    if not egress.hosts:
        inspection.refuse("are missing", 'Name hosts such as "./*" or "shop/api.shop.svc.cluster.local".', *path, "hosts")
    for index, host in enumerate(egress.hosts):
        if problem := _host_problem(host):
            inspection.refuse(f"is {host!r}: {problem}", "Write NAMESPACE/HOST, such as ./* or shop/*.", *path, "hosts", index)
    for index, host in enumerate(egress.hosts):
        if host in egress.hosts[:index]:
            inspection.remark(f"is {host} once more", "the second has no effect", "Take it out.", *path, "hosts", index)
    if len(egress.hosts) > 1 and "*/*" in egress.hosts and not any(one.startswith("~") for one in egress.hosts):
        inspection.remark("hold */*", "it takes in all others", "Take out */*, or the others.", *path, "hosts")


def _host_problem(text: str) -> str:
    namespace, slash, host = text.partition("/")
    if not slash or not namespace or not host:
        return "it is not NAMESPACE/HOST"
    name = namespace.removeprefix("~")
    if name not in ("", "*", ".") and not is_label(name):
        return f"{namespace} is no namespace"
    return "" if host == "*" else domain_problem(host)


def _check_port(inspection: Inspection, port: SidecarPort, *path: Step) -> None:
    inspection.port_number(port.number or 0, *path, "number")
    if port.name:
        inspection.port_name(port.name, *path, "name")
    if port.protocol and parse_protocol(port.protocol) is AppProtocol.DETECT:
        inspection.refuse(f"is {port.protocol}, no protocol", "Write HTTP, TCP or another that Istio knows.", *path, "protocol")
    if port.target_port:
        inspection.refuse("has no meaning here", "Take it out.", *path, "targetPort")


def _check_unique(inspection: Inspection, port: SidecarPort, numbers: set[int], *path: Step) -> None:
    if port.number in numbers:
        inspection.refuse(f"is {port.number} once more", "Each port stands once.", *path, "number")
    numbers.add(port.number or 0)


def _check_address(inspection: Inspection, address: str, *path: Step) -> None:
    if address and parse_ipv4(address) is None and not is_ipv6(address):
        inspection.refuse(f"is {address}, no IP address", "Write an address such as 127.0.0.1.", *path)


def _check_socket_port(inspection: Inspection, egress: IstioEgressListener, *path: Step) -> None:
    if egress.bind.startswith(UNIX):
        _socket(inspection, egress.bind, *path, "bind")
    else:
        inspection.refuse("is 0, and bind is no unix socket", "Write a port from 1 to 65535.", *path, "port", "number")


def _socket(inspection: Inspection, address: str, *path: Step) -> None:
    resource = inspection.resource
    inspection.findings.append(finding(SIDECAR_UNIX_SOCKET, resource.at(*path), resource.key, address=address))


def _check_policy(inspection: Inspection, policy: OutboundTrafficPolicy, *path: Step) -> None:
    inspection.word(policy.mode, ("REGISTRY_ONLY", "ALLOW_ANY"), *path, "mode")
    proxy = policy.egress_proxy
    if proxy is None:
        return
    if policy.mode != "ALLOW_ANY":
        inspection.refuse("is for mode ALLOW_ANY", "Set mode to ALLOW_ANY, or take it out.", *path, "egressProxy")
    if problem := exact_domain_problem(proxy.host):
        inspection.refuse(f"is {proxy.host!r}: {problem}", "Write a full name.", *path, "egressProxy", "host")
    if proxy.port is None or not proxy.port.number:
        inspection.refuse("has no port", "Say which.", *path, "egressProxy")
