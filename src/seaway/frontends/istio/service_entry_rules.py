"""Which ServiceEntries Istio refuses, and which it takes though they do not do what they seem to.

`ValidateServiceEntry` in upstream's pkg/config/validation/validation.go; what the CRD refuses (words of enumerations) too.
"""

from __future__ import annotations

from seaway.core.cidr import is_ipv6, parse_cidr, parse_ipv4
from seaway.core.codes.mesh import IPV4_ONLY
from seaway.core.finding import finding
from seaway.frontends.istio.app_protocols import parse_protocol
from seaway.frontends.istio.exports import read_exports
from seaway.frontends.istio.host_names import domain_problem, exact_domain_problem, is_wildcard
from seaway.frontends.istio.inspection import Inspection
from seaway.frontends.istio.registry import EVERYWHERE, Resolution
from seaway.frontends.istio.workload_entries import check_endpoint
from seaway.model.upstream import AppProtocol
from seaway.resources.istio.service_entry import ServiceEntry, ServiceEntrySpec
from seaway.resources.resource import Resource

EXTERNAL, INTERNAL = "MESH_EXTERNAL", "MESH_INTERNAL"
RESOLVED = (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)
_BY_NAME = frozenset({AppProtocol.HTTP, AppProtocol.HTTP2, AppProtocol.GRPC, AppProtocol.TLS})


def check_service_entry(resource: Resource[ServiceEntry]) -> Inspection:
    """Everything that is wrong with it."""
    spec, inspection = resource.body.spec, Inspection(resource)
    inspection.word(spec.resolution, tuple(one.value for one in Resolution), "spec", "resolution")
    inspection.word(spec.location, (EXTERNAL, INTERNAL), "spec", "location")
    _check_hosts(inspection, spec)
    _check_addresses(inspection, spec)
    _check_ports(inspection, spec)
    _, problem = read_exports(spec.export_to, resource.key.namespace, EVERYWHERE, nobody=True)
    if problem:
        inspection.refuse(f"cannot be: {problem}", 'Write namespaces, "." or "*".', "spec", "exportTo")
    if spec.workload_selector is not None:
        _check_selector(inspection, spec)
    if not inspection.refused:
        _check_resolution(inspection, spec, resolution_of(spec))
    return inspection


def resolution_of(spec: ServiceEntrySpec) -> Resolution:
    return Resolution(spec.resolution or Resolution.NONE.value)


def _check_hosts(inspection: Inspection, spec: ServiceEntrySpec) -> None:
    if not spec.hosts:
        inspection.refuse("is empty", "Name at least one host.", "spec", "hosts")
    for index, host in enumerate(spec.hosts):
        problem = "every host there is" if host == "*" else domain_problem(host)
        if problem:
            inspection.refuse(
                f"is {host!r}: {problem}", "Write a DNS name such as db.example.com or *.example.com.", "spec", "hosts", index
            )


def _check_addresses(inspection: Inspection, spec: ServiceEntrySpec) -> None:
    for index, address in enumerate(spec.addresses):
        if is_ipv6(address):
            at = inspection.resource.at("spec", "addresses", index)
            inspection.findings.append(finding(IPV4_ONLY, at, inspection.resource.key, address=address))
        elif parse_ipv4(address) is None and parse_cidr(address) is None:
            inspection.refuse(f"is {address!r}, no address or range", "Write 192.0.2.1 or 192.0.2.0/24.", "spec", "addresses", index)


def _check_ports(inspection: Inspection, spec: ServiceEntrySpec) -> None:
    names: set[str] = set()
    numbers: set[int] = set()
    for index, port in enumerate(spec.ports):
        at = ("spec", "ports", index)
        if port.name in names:
            inspection.refuse(f"is {port.name} once more", "Each port has a name of its own.", *at, "name")
        if port.number in numbers:
            inspection.refuse(f"is {port.number} once more", "Each port has a number of its own.", *at, "number")
        names.add(port.name)
        numbers.add(port.number)
        inspection.port_name(port.name, *at, "name")
        inspection.port_number(port.number, *at, "number")
        if port.target_port:
            inspection.port_number(port.target_port, *at, "targetPort")
        if port.protocol and parse_protocol(port.protocol) is AppProtocol.DETECT:
            words = "HTTP, HTTP2, GRPC, GRPC-Web, HTTPS, TLS, TCP, MONGO, MYSQL, REDIS, UDP"
            inspection.refuse(f"is {port.protocol}, no protocol", f"Write one of {words}, or nothing to have it detected.", *at, "protocol")


def _check_selector(inspection: Inspection, spec: ServiceEntrySpec) -> None:
    assert spec.workload_selector is not None
    at = ("spec", "workloadSelector")
    if spec.endpoints:
        inspection.refuse("stands beside endpoints", "Select workloads or list endpoints, not both.", *at)
    if not spec.workload_selector.labels:
        inspection.remark("has no labels", "it selects every workload of the namespace", "Name labels.", *at)
    for key, value in spec.workload_selector.labels.items():
        if not key or "*" in key or "*" in value:
            inspection.refuse(f"asks for {key}={value}", "A selector has whole labels, without wildcards.", *at, "labels", key)


def _check_resolution(inspection: Inspection, spec: ServiceEntrySpec, resolution: Resolution) -> None:
    ranges = any("/" in address for address in spec.addresses)
    if ranges and resolution not in (Resolution.NONE, Resolution.STATIC):
        inspection.refuse("holds a range", "Ranges are for resolution NONE and STATIC.", "spec", "addresses")
    names = frozenset(port.name for port in spec.ports)
    match resolution:
        case Resolution.NONE:
            if spec.endpoints:
                inspection.refuse("are given with resolution NONE", "Choose STATIC or DNS, or leave them out.", "spec", "endpoints")
            _selector_beside(inspection, spec, "connections go to whatever address the caller chose")
        case Resolution.STATIC:
            for index, endpoint in enumerate(spec.endpoints):
                check_endpoint(inspection, endpoint, names, False, "spec", "endpoints", index)
        case Resolution.DNS | Resolution.DNS_ROUND_ROBIN:
            _check_resolved(inspection, spec, resolution, names)
        case Resolution.DYNAMIC_DNS:
            _check_dynamic(inspection, spec)
    if resolution is not Resolution.NONE and len(spec.hosts) > 1:
        _check_many_hosts(inspection, spec)


def _check_resolved(inspection: Inspection, spec: ServiceEntrySpec, resolution: Resolution, names: frozenset[str]) -> None:
    for index, host in enumerate(spec.hosts):
        if not spec.endpoints and (problem := exact_domain_problem(host)):
            advice = "List endpoints, or name hosts that DNS can be asked for."
            inspection.refuse(f"is {host}, which nobody can resolve: {problem}", advice, "spec", "hosts", index)
    if resolution is Resolution.DNS_ROUND_ROBIN and len(spec.endpoints) > 1:
        advice = "Leave one, or choose resolution DNS."
        inspection.refuse("are more than one, with resolution DNS_ROUND_ROBIN", advice, "spec", "endpoints")
    for index, endpoint in enumerate(spec.endpoints):
        check_endpoint(inspection, endpoint, names, True, "spec", "endpoints", index)
    _selector_beside(inspection, spec, "of workloads only those count whose address is a name or an IP address")


def _selector_beside(inspection: Inspection, spec: ServiceEntrySpec, consequence: str) -> None:
    if spec.workload_selector is not None:
        said = f"stands beside resolution {resolution_of(spec).value}"
        inspection.remark(said, consequence, "Choose resolution STATIC.", "spec", "workloadSelector")


def _check_dynamic(inspection: Inspection, spec: ServiceEntrySpec) -> None:
    for index, host in enumerate(spec.hosts):
        if not is_wildcard(host):
            inspection.refuse(f"is {host}, no wildcard", "DYNAMIC_DNS is for wildcard hosts; others take DNS.", "spec", "hosts", index)
    for field, given in (("addresses", spec.addresses), ("endpoints", spec.endpoints), ("workloadSelector", spec.workload_selector)):
        if given:
            inspection.refuse("is given with resolution DYNAMIC_DNS", "The request's own host is resolved; leave it out.", "spec", field)
    for index, port in enumerate(spec.ports):
        if parse_protocol(port.protocol) not in _BY_NAME:
            advice = "DYNAMIC_DNS needs a Host header or a server name: HTTP, HTTP2, GRPC, TLS or HTTPS."
            inspection.refuse(f"is {port.protocol or 'not given'}", advice, "spec", "ports", index, "protocol")


def _check_many_hosts(inspection: Inspection, spec: ServiceEntrySpec) -> None:
    """Plain TCP names no host, so that several cannot be told apart."""
    for index, port in enumerate(spec.ports):
        protocol = parse_protocol(port.protocol)
        if protocol is None or not (protocol.http or protocol is AppProtocol.TLS):
            said = f"is neither HTTP nor TLS, and the entry has {len(spec.hosts)} hosts"
            inspection.refuse(said, "Write a ServiceEntry for each host.", "spec", "ports", index, "protocol")
            return
