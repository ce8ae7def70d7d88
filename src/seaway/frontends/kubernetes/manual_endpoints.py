"""Endpoints and EndpointSlices that people write: the backends of Services without a selector.

https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from seaway.core.cidr import parse_ipv4, refused_endpoint
from seaway.core.codes.workloads import (
    ADDRESS_TYPE,
    ENDPOINT_PORT_UNKNOWN,
    ENDPOINTS_EXPORTED,
    ENDPOINTS_IGNORED,
    ENDPOINTS_WITHOUT_SERVICE,
    IPV6,
    TARGET_REF_ADDRESS,
)
from seaway.core.finding import Finding, Findings, finding
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.kubernetes.refusal import refused
from seaway.frontends.kubernetes.services import Front
from seaway.frontends.kubernetes.template_rules import is_port_number
from seaway.model.service import Backend, ServiceName
from seaway.model.workload import Pod, PodName
from seaway.resources.core_v1 import EndpointPort, Endpoints, ObjectReference
from seaway.resources.discovery_v1 import SERVICE_NAME_LABEL, EndpointSlice, EndpointSlicePort
from seaway.resources.resource import Resource, Step
from seaway.snapshot import Snapshot

_WRITERS = ("endpointslice.kubernetes.io/managed-by", "endpoints.kubernetes.io/managed-by")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One address of one object, with the ports that go with it."""

    address: str
    hostname: str
    node: str
    target: ObjectReference | None
    ready: bool
    ports: tuple[EndpointPort | EndpointSlicePort, ...]
    path: tuple[Step, ...]
    ports_path: tuple[Step, ...]


def manual_backends(
    snapshot: Snapshot, fronts: Mapping[ServiceName, Front], pods: Mapping[PodName, Pod]
) -> tuple[Mapping[ServiceName, tuple[Backend, ...]], Findings]:
    """The backends of each Service without a selector. An address in several objects is one backend, as their ports allow."""
    findings: list[Finding] = []
    backends: defaultdict[ServiceName, dict[str, list[Backend]]] = defaultdict(dict)
    for resource in (*snapshot.of(Endpoints), *snapshot.of(EndpointSlice)):
        front = _front_of(resource, snapshot, fronts, findings)
        if front is None:
            continue
        entries = list(_entries(resource, findings))
        problems = [problem for entry in entries for problem in _problems(resource, entry)]
        findings += problems
        if problems:
            continue
        _report_unknown_ports(resource, entries, front, findings)
        for entry in entries:
            if ":" in entry.address:
                consequence = f"Nothing is sent to {entry.address}."
                findings.append(finding(IPV6, resource.at(*entry.path), resource.key, consequence=consequence))
            else:
                _add(backends[front.service.id].setdefault(entry.address, []), _backend(resource, entry, front, pods, findings))
    joined = {name: tuple(one for group in found.values() for one in group) for name, found in backends.items()}
    return joined, tuple(dict.fromkeys(findings))


def _front_of(resource: Resource[Any], snapshot: Snapshot, fronts: Mapping[ServiceName, Front], findings: list[Finding]) -> Front | None:
    """The Service without a selector that this object belongs to."""
    name = resource.key.name
    if isinstance(resource.body, EndpointSlice):
        name = resource.meta.labels.get(SERVICE_NAME_LABEL, "")
        if not name:
            problem, advice = f"no label {SERVICE_NAME_LABEL}", f"Add the label {SERVICE_NAME_LABEL} with the name of the Service."
            findings.append(finding(ENDPOINTS_WITHOUT_SERVICE, resource.origin, resource.key, problem=problem, advice=advice))
            return None
    namespace = resource.key.namespace
    if Key("", "Service", namespace, name) not in snapshot.objects:
        problem = f"no Service {name} in namespace {namespace}"
        advice = "Add the Service, without a selector, or correct the name."
        findings.append(finding(ENDPOINTS_WITHOUT_SERVICE, resource.origin, resource.key, problem=problem, advice=advice))
        return None
    front = fronts.get(ServiceName(namespace, name))
    if front is not None and front.service.selects_pods:
        code = ENDPOINTS_EXPORTED if _is_exported(resource) else ENDPOINTS_IGNORED
        findings.append(finding(code, resource.origin, resource.key, service=name))
        return None
    return front


def _is_exported(resource: Resource[Any]) -> bool:
    """Whether a controller wrote it. Those that mirror handwritten Endpoints belong to Services without a selector and are used."""
    writers = [resource.meta.labels.get(label, "") for label in _WRITERS]
    trigger = "endpoints.kubernetes.io/last-change-trigger-time" in resource.meta.annotations
    return trigger or bool(resource.meta.owner_references) or any(writer.startswith("endpoint") for writer in writers)


def _entries(resource: Resource[Any], findings: list[Finding]) -> Iterator[_Entry]:
    if isinstance(resource.body, Endpoints):
        for index, subset in enumerate(resource.body.subsets):
            at: tuple[Step, ...] = ("subsets", index)
            for field, ready, addresses in (
                ("addresses", True, subset.addresses),
                ("notReadyAddresses", False, subset.not_ready_addresses),
            ):
                for place, one in enumerate(addresses):
                    path = (*at, field, place)
                    yield _Entry(
                        one.ip, one.hostname or "", one.node_name or "", one.target_ref, ready, subset.ports, (*path, "ip"), (*at, "ports")
                    )
        return
    body = resource.body
    assert isinstance(body, EndpointSlice)
    if body.address_type != "IPv4":
        why = "Names have no meaning for a Service." if body.address_type == "FQDN" else "IPv6 is not served yet."
        findings.append(finding(ADDRESS_TYPE, resource.at("addressType"), resource.key, type=body.address_type, why=why))
        return
    for index, endpoint in enumerate(body.endpoints):
        path: tuple[Step, ...] = ("endpoints", index, "addresses", 0)
        ready = endpoint.conditions.ready is not False
        # All addresses of an endpoint are the same pod's; clients use the first, as kube-proxy does.
        for address in endpoint.addresses[:1]:
            hostname, node = endpoint.hostname or "", endpoint.node_name or ""
            yield _Entry(address, hostname, node, endpoint.target_ref, ready, body.ports, path, ("ports",))


def _problems(resource: Resource[Any], entry: _Entry) -> Iterator[Finding]:
    """What the API server would refuse in one entry."""
    address = parse_ipv4(entry.address)
    if address is None and (":" not in entry.address or isinstance(resource.body, EndpointSlice)):
        yield refused(resource, entry.path, f'is "{entry.address}", which is no IPv4 address', "Write an IPv4 address.")
    elif address is not None and (kind := refused_endpoint(address)):
        yield refused(resource, entry.path, f"is {entry.address}, a {kind} address", "Write an address that all nodes reach.")
    for index, port in enumerate(entry.ports):
        if port.port is not None and not is_port_number(port.port):
            yield refused(resource, (*entry.ports_path, index, "port"), f"is {port.port}, but ports are 1 to 65535", "Correct the port.")


def _report_unknown_ports(resource: Resource[Any], entries: list[_Entry], front: Front, findings: list[Finding]) -> None:
    known = {(port.name, port.protocol.value) for port in front.service.ports}
    names = ", ".join(f"{name or '(no name)'} ({protocol})" for name, protocol in sorted(known))
    for ports, path in {entry.ports_path: (entry.ports, entry.ports_path) for entry in entries}.values():
        for index, port in enumerate(ports):
            if (port.name or "", port.protocol) not in known:
                row = finding(
                    ENDPOINT_PORT_UNKNOWN,
                    resource.at(*path, index),
                    resource.key,
                    service=front.service.id.name,
                    protocol=port.protocol,
                    port=port.name or "(no name)",
                    ports=names,
                )
                findings.append(row)


def _backend(resource: Resource[Any], entry: _Entry, front: Front, pods: Mapping[PodName, Pod], findings: list[Finding]) -> Backend:
    origin = resource.at(*entry.path)
    numbers = {(port.name or "", port.protocol): port.port or 0 for port in reversed(entry.ports)}
    ports = tuple(numbers.get((port.name, port.protocol.value), 0) for port in front.service.ports)
    pod = _target(resource, entry, pods, origin, findings)
    node = entry.node or (pod.node if pod else "")
    return Backend(entry.address, pod.id if pod else None, node, entry.hostname, ports, entry.ready, origin)


def _target(resource: Resource[Any], entry: _Entry, pods: Mapping[PodName, Pod], origin: Origin, findings: list[Finding]) -> Pod | None:
    """The pod of ours that an address belongs to, by its targetRef."""
    target = entry.target
    if target is None or target.kind != "Pod":
        return None
    pod = pods.get(PodName(target.namespace or resource.key.namespace, target.name or ""))
    if pod is not None and pod.ip != entry.address:
        row = finding(TARGET_REF_ADDRESS, origin, resource.key, pod=pod.id, actual=pod.ip, address=entry.address)
        findings.append(row)
        return None
    return pod


def _add(found: list[Backend], new: Backend) -> None:
    """Into the backends of one address, or into the one with whose ports it agrees: mirrored objects are one."""
    for index, old in enumerate(found):
        agrees = all(a == b or not a or not b for a, b in zip(old.ports, new.ports, strict=True))
        if old.address == new.address and agrees:
            ports = tuple(a or b for a, b in zip(old.ports, new.ports, strict=True))
            found[index] = replace(
                old, ports=ports, ready=old.ready or new.ready, hostname=old.hostname or new.hostname, pod=old.pod or new.pod
            )
            return
    found.append(new)
