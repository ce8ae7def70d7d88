"""WorkloadEntries, and the same fields as a ServiceEntry's endpoints: workloads with an address that are no pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from seaway.core.cidr import is_ipv6, parse_ipv4
from seaway.core.codes.mesh import IPV4_ONLY, WORKLOAD_GROUP_IDLE
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.istio.host_names import exact_domain_problem
from seaway.frontends.istio.inspection import Inspection
from seaway.model.names import spiffe_id
from seaway.model.upstream import FixedEndpoint
from seaway.resources.istio.service_entry import ServicePort
from seaway.resources.istio.workload_entry import WorkloadEntry, WorkloadEntrySpec, WorkloadGroup
from seaway.resources.resource import Resource, Step
from seaway.snapshot import Snapshot

UNIX = "unix://"
TLS_MODE = "security.istio.io/tlsMode"
LOCALITY = "istio-locality"
_MUTUAL = "istio"


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """A sound WorkloadEntry, with the labels by which it is selected."""

    resource: Resource[WorkloadEntry]
    labels: Mapping[str, str]


def read_workload_entries(snapshot: Snapshot) -> tuple[tuple[Workload, ...], Findings]:
    """Those that Istio would take, in the order of their keys; and what is said of WorkloadGroups, by which nobody joins here."""
    found: list[Workload] = []
    findings: list[Finding] = []
    for resource in snapshot.of(WorkloadEntry):
        inspection = Inspection(resource)
        check_endpoint(inspection, resource.body.spec, None, True, "spec")
        findings += inspection.findings
        if not inspection.refused:
            found.append(Workload(resource, {**resource.body.spec.labels, **resource.meta.labels}))
    for group in snapshot.of(WorkloadGroup):
        findings.append(finding(WORKLOAD_GROUP_IDLE, group.origin, group.key, name=group.key.name))
    return tuple(found), tuple(findings)


def check_endpoint(inspection: Inspection, entry: WorkloadEntrySpec, ports: frozenset[str] | None, names: bool, *path: Step) -> None:
    """What upstream's validateWorkloadEntry refuses. `ports` are the names of the ServiceEntry's ports, None where it is not known;
    `names`: the address may be a DNS name.
    """
    address = entry.address
    if not address:
        if entry.network:
            inspection.remark("has a network and no address", "nothing is sent to it", "Give it an address.", *path)
        else:
            inspection.refuse("has no address", "Write an IP address, a DNS name or unix:///path.", *path)
    elif address.startswith(UNIX):
        _check_socket(inspection, entry, ports, *path)
    elif is_ipv6(address):
        inspection.findings.append(finding(IPV4_ONLY, inspection.resource.at(*path, "address"), inspection.resource.key, address=address))
    elif parse_ipv4(address) is not None:
        pass
    elif not names:
        inspection.refuse(f"is {address}, no IP address", "With resolution STATIC endpoints have IP addresses.", *path, "address")
    elif problem := exact_domain_problem(address):
        inspection.refuse(f"is {address}: {problem}", "Write an IP address or a DNS name.", *path, "address")
    for name, number in entry.ports.items():
        if ports is not None and name not in ports:
            inspection.refuse("names no port of the ServiceEntry", f"Its ports are {', '.join(sorted(ports))}.", *path, "ports", name)
        inspection.port_name(name, *path, "ports", name)
        inspection.port_number(number, *path, "ports", name)
    inspection.labels(entry.labels, *path, "labels")


def _check_socket(inspection: Inspection, entry: WorkloadEntrySpec, ports: frozenset[str] | None, *path: Step) -> None:
    file = entry.address.removeprefix(UNIX)
    if not file.startswith(("/", "@")) or (file.endswith("/") and not file.startswith("@")):
        inspection.refuse(f"is {entry.address}, no absolute path of a socket", "Write unix:///path/to/socket.", *path, "address")
    if entry.ports:
        inspection.refuse("stands beside the address of a unix socket", "A socket has no ports.", *path, "ports")
    if ports is not None and len(ports) != 1:
        inspection.refuse("is a unix socket, and the ServiceEntry has not one port", "Give it exactly one.", *path, "address")


def endpoint_of(entry: WorkloadEntrySpec, labels: Mapping[str, str], port: ServicePort, trust_domain: str, namespace: str) -> FixedEndpoint:
    """The endpoint that an entry is for a port of a ServiceEntry in this namespace."""
    socket = entry.address.startswith(UNIX)
    mode = labels.get(TLS_MODE, _MUTUAL if entry.service_account else "")
    return FixedEndpoint(
        address=entry.address.removeprefix(UNIX),
        port=0 if socket else entry.ports.get(port.name) or port.target_port or port.number,
        weight=entry.weight or 1,
        locality=entry.locality or labels.get(LOCALITY, "").replace(".", "/"),
        labels=tuple(sorted(labels.items())),
        spiffe=spiffe_id(trust_domain, namespace, entry.service_account) if entry.service_account else "",
        mtls=mode == _MUTUAL,
    )


def usable(entries: Iterable[WorkloadEntrySpec]) -> Iterator[WorkloadEntrySpec]:
    """Those with an address that IPv4 reaches: the others are reported where they are read."""
    return (one for one in entries if one.address and not is_ipv6(one.address))
