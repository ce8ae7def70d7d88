"""ServiceEntries as hosts of the mesh: what they are called, by which addresses, and where their endpoints are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seaway.core.cidr import format_ipv4, is_ipv6, parse_cidr, parse_ipv4
from seaway.core.codes.mesh import ADDRESS_ONLY_BY_DNS, PORT_SWALLOWED
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.istio.app_protocols import parse_protocol
from seaway.frontends.istio.entry_addresses import EntryAddresses, allocate
from seaway.frontends.istio.exports import read_exports
from seaway.frontends.istio.registry import Host, HostPort, Resolution
from seaway.frontends.istio.service_entry_rules import INTERNAL, RESOLVED, check_service_entry, resolution_of
from seaway.frontends.istio.settings import Settings
from seaway.frontends.istio.workload_entries import Workload, endpoint_of, read_workload_entries, usable
from seaway.model.names import spiffe_id
from seaway.model.upstream import AppProtocol, Endpoints, Fixed, FixedEndpoint, FromRequest, OriginalDestination, Resolved
from seaway.model.workload import Pod, PodName
from seaway.resources.istio.service_entry import ServiceEntry, ServiceEntrySpec, ServicePort
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Entries:
    """`hosts` in the order of their objects; `addresses` are those that were given to hosts without one."""

    hosts: tuple[Host, ...]
    addresses: EntryAddresses
    findings: Findings


@dataclass(frozen=True, slots=True)
class _Workloads:
    """What a selector picks from, by namespace."""

    entries: Mapping[str, list[Workload]]
    pods: Mapping[str, list[Pod]]
    trust_domain: str


def read_service_entries(snapshot: Snapshot, pods: Mapping[PodName, Pod], settings: Settings, leases: Mapping[str, str]) -> Entries:
    """The hosts of all ServiceEntries that Istio would take; `leases` are addresses of the last build."""
    findings: list[Finding] = []
    sound: list[Resource[ServiceEntry]] = []
    for resource in snapshot.of(ServiceEntry):
        inspection = check_service_entry(resource)
        findings += inspection.findings
        if not inspection.refused:
            sound.append(resource)
    workloads, more = read_workload_entries(snapshot)
    addresses = allocate(sound, leases)
    selectable = _selectable(workloads, pods, settings) if sound else _Workloads({}, {}, "")
    hosts = tuple(host for entry in sound for host in _hosts(entry, addresses, selectable, settings))
    swallowed = (one for host in hosts for one in _swallowed(host, addresses.given, settings))
    return Entries(hosts, addresses, (*findings, *more, *addresses.findings, *swallowed))


def _swallowed(host: Host, given: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    """Ports that take connections to any address, because the host has none that tells it from others; or would, in other meshes."""
    if host.headless or not host.export_to:
        return
    lent = f"{host.namespace}/{host.key.name}/{host.name}" in given
    for port in host.ports:
        if port.protocol is not AppProtocol.TCP:
            continue
        if lent and not settings.captures_dns:
            address = host.addresses[0].partition("/")[0]
            yield finding(ADDRESS_ONLY_BY_DNS, port.origin, host.key, host=host.name, port=port.number, address=address)
        if not host.addresses:
            none = host.resolution is Resolution.NONE
            other = ", or another resolution." if none else ", or take out the label that opts out."
            advice = f"Give it addresses (spec.addresses){other}"
            yield finding(PORT_SWALLOWED, port.origin, host.key, host=host.name, port=port.number, advice=advice)


def _selectable(workloads: tuple[Workload, ...], pods: Mapping[PodName, Pod], settings: Settings) -> _Workloads:
    entries: defaultdict[str, list[Workload]] = defaultdict(list)
    for one in workloads:
        entries[one.resource.key.namespace].append(one)
    running: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in pods.values():
        running[pod.id.namespace].append(pod)
    return _Workloads(entries, running, settings.mesh.trust_domain)


def _hosts(entry: Resource[ServiceEntry], addresses: EntryAddresses, workloads: _Workloads, settings: Settings) -> Iterator[Host]:
    spec, namespace = entry.body.spec, entry.key.namespace
    resolution = resolution_of(spec)
    endpoints = {port.name: tuple(_endpoints(spec, port, namespace, workloads)) for port in spec.ports}
    listed = tuple(text for one in spec.addresses if (text := _range(one)))
    own = {one.address for group in endpoints.values() for one in group}
    headless = resolution is Resolution.NONE and spec.workload_selector is not None and not listed
    if headless:
        listed = tuple(f"{one}/32" for one in sorted(own) if parse_ipv4(one) is not None)
    exports, _ = read_exports(spec.export_to, namespace, settings.services_to, nobody=True)
    accounts = {one.spiffe for group in endpoints.values() for one in group if one.spiffe}
    for name in dict.fromkeys(host.lower() for host in spec.hosts):
        given = addresses.of(entry, name)
        yield Host(
            name=name,
            namespace=namespace,
            ports=tuple(_ports(entry, name, endpoints)),
            addresses=(f"{given}/32",) if given else listed,
            headless=headless,
            external=spec.location != INTERNAL,
            resolution=resolution,
            export_to=exports,
            identities=tuple(sorted(accounts | set(spec.subject_alt_names))),
            service=None,
            created=entry.meta.creation_timestamp or "",
            key=entry.key,
            origin=entry.origin,
        )


def _ports(entry: Resource[ServiceEntry], host: str, endpoints: Mapping[str, tuple[FixedEndpoint, ...]]) -> Iterator[HostPort]:
    spec = entry.body.spec
    for index, port in enumerate(spec.ports):
        protocol = parse_protocol(port.protocol)
        if protocol is not None:
            found = _found(spec, port, host, endpoints[port.name])
            yield HostPort(port.number, port.name, protocol, found, entry.at("spec", "ports", index))


def _found(spec: ServiceEntrySpec, port: ServicePort, host: str, endpoints: tuple[FixedEndpoint, ...]) -> Endpoints:
    resolution = resolution_of(spec)
    match resolution:
        case Resolution.NONE:
            return OriginalDestination(port.target_port or 0)
        case Resolution.STATIC:
            return Fixed(endpoints)
        case Resolution.DYNAMIC_DNS:
            return FromRequest()
        case Resolution.DNS | Resolution.DNS_ROUND_ROBIN:
            if not spec.endpoints and spec.workload_selector is None:
                endpoints = (FixedEndpoint(host, port.target_port or port.number),)
            return Resolved(endpoints, resolution is Resolution.DNS_ROUND_ROBIN)


def _endpoints(spec: ServiceEntrySpec, port: ServicePort, namespace: str, workloads: _Workloads) -> Iterator[FixedEndpoint]:
    trust = workloads.trust_domain
    if spec.workload_selector is None:
        for one in usable(spec.endpoints):
            yield endpoint_of(one, one.labels, port, trust, namespace)
        return
    wanted = spec.workload_selector.labels.items()
    resolved = resolution_of(spec) in RESOLVED
    for workload in workloads.entries.get(namespace, ()):
        if wanted <= workload.labels.items():
            for one in usable((workload.resource.body.spec,)):
                if resolved or parse_ipv4(one.address) is not None or one.address.startswith("unix://"):
                    yield endpoint_of(one, workload.labels, port, trust, namespace)
    for pod in workloads.pods.get(namespace, ()):
        if wanted <= dict(pod.labels).items():
            spiffe = spiffe_id(trust, namespace, pod.service_account)
            yield FixedEndpoint(pod.ip, port.target_port or port.number, labels=pod.labels, spiffe=spiffe, pod=pod.id)


def _range(text: str) -> str:
    """An address or range as a CIDR with its host bits cleared; "" for IPv6, which nothing here is reached by."""
    if is_ipv6(text):
        return ""
    span = parse_cidr(text)
    return f"{format_ipv4(span.first)}/{text.partition('/')[2]}" if span is not None else f"{text}/32"
