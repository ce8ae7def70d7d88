"""What members accept: which ports callers know, what is spoken on each, mutual TLS or not, and by which policy.

A port is known by the Services that lead to it; whatever else the pod listens on is looked at, and obeys the same modes. As
`getFilterChainsByServicePort` in pilot/pkg/networking/core of istio/istio has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.core.codes.membership import PORT_OF_NO_POD, TARGET_PORT_SHARED
from seaway.core.finding import Finding, Findings, finding
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.istio.ages import created
from seaway.frontends.istio.app_protocols import service_protocol
from seaway.frontends.istio.captures import TRAFFIC
from seaway.frontends.istio.peer_authentication import (
    Mode,
    Modes,
    PeerAuthentications,
    check_selectors,
    read_peer_authentications,
    selects,
)
from seaway.frontends.istio.pod_fields import pod_field
from seaway.frontends.istio.settings import Settings
from seaway.model.mesh import Capture, Inbound, InboundPort, Member, Mtls
from seaway.model.service import Service, ServicePort
from seaway.model.upstream import AppProtocol
from seaway.model.workload import GatewayProxy, Pod, PodName, Protocol
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What a pod's port speaks, and the Service that says so. `number` is that Service's own port."""

    protocol: AppProtocol
    service: Service
    number: int


@dataclass(frozen=True, slots=True)
class People:
    """The pods that are in the mesh."""

    members: tuple[Member, ...]
    pods: Mapping[PodName, Pod]


def build_inbounds(
    snapshot: Snapshot, people: People, services: tuple[Service, ...], settings: Settings
) -> tuple[tuple[Inbound, ...], Findings]:
    """One a member, in their order; none for gateways, whose ports are their own objects' matter.

    A port that is not captured is plaintext, whatever is said of it: no proxy stands before it.
    """
    found, findings = read_peer_authentications(snapshot, settings.mesh.root_namespace)
    pairs = tuple((one, people.pods[one.pod]) for one in people.members if not isinstance(people.pods[one.pod].runs, GatewayProxy))
    spoken, shared = _spoken(services, snapshot, frozenset(member.pod for member, _ in pairs))
    inbounds: list[Inbound] = []
    for member, pod in pairs:
        modes = found.of(pod)
        own = spoken.get(pod.id, {})
        ports = tuple(
            _port(number, own.get(number), modes, _uncaptured(snapshot, member.capture, pod, number))
            for number in sorted({*own, *modes.ports, *_named(member.capture)})
        )
        other = modes.other
        inbounds.append(Inbound(pod.id, ports, other.mtls, other.origin, other.owner))
    unknown = _unknown_ports(found, pairs, spoken)
    return tuple(inbounds), (*findings, *shared, *check_selectors(found, pairs), *unknown)


def _port(number: int, spoken: _Spoken | None, modes: Modes, uncaptured: Origin | None) -> InboundPort:
    mode = modes.ports.get(number, modes.other)
    if uncaptured is not None:
        mode = Mode(Mtls.DISABLE, uncaptured)
    return InboundPort(number, spoken.protocol if spoken is not None else AppProtocol.DETECT, mode.mtls, mode.origin, mode.owner)


def _named(capture: Capture) -> tuple[int, ...]:
    return capture.inbound_excluded if capture.inbound is None else ()


def _uncaptured(snapshot: Snapshot, capture: Capture, pod: Pod, port: int) -> Origin | None:
    """The annotation because of which connections to this port pass the proxy by; None where they do not."""
    if port in capture.inbound_excluded:
        return pod_field(snapshot, pod, "metadata", "annotations", f"{TRAFFIC}excludeInboundPorts")
    if capture.inbound is not None and port not in capture.inbound:
        return pod_field(snapshot, pod, "metadata", "annotations", f"{TRAFFIC}includeInboundPorts")
    return None


def _spoken(
    services: tuple[Service, ...], snapshot: Snapshot, members: frozenset[PodName]
) -> tuple[dict[PodName, dict[int, _Spoken]], Findings]:
    """What each member's ports speak: by the oldest Service that leads there. Services that see it otherwise are named."""
    found: defaultdict[PodName, dict[int, _Spoken]] = defaultdict(dict)
    said: dict[tuple[Key, int], Finding] = {}
    for service in sorted(services, key=lambda one: _age(one, snapshot)):
        kinds = [_protocol(port) for port in service.ports]
        for backend in service.backends:
            if backend.pod is None or backend.pod not in members:
                continue
            for position, target in enumerate(backend.ports):
                protocol = kinds[position]
                if not target or protocol is None:
                    continue
                port = service.ports[position]
                first = found[backend.pod].setdefault(target, _Spoken(protocol, service, port.port))
                if first.protocol is not protocol and (service.owner, position) not in said:
                    words = {"pod": backend.pod, "protocol": protocol.value, "decided": first.protocol.value, "first": first.service.id}
                    said[service.owner, position] = finding(TARGET_PORT_SHARED, port.origin, service.owner, port=target, **words)
    return dict(found), tuple(said.values())


def _age(service: Service, snapshot: Snapshot) -> tuple[float, str, str]:
    resource = snapshot.objects.get(service.owner)
    return (created(resource.meta.creation_timestamp if resource is not None else None), service.id.name, service.id.namespace)


def _protocol(port: ServicePort) -> AppProtocol | None:
    """None for what passes no proxy."""
    return service_protocol(port.port, port.name, port.app_protocol) if port.protocol is Protocol.TCP else None


def _unknown_ports(
    found: PeerAuthentications, pairs: Iterable[tuple[Member, Pod]], spoken: Mapping[PodName, Mapping[int, _Spoken]]
) -> Findings:
    """Keys of portLevelMtls that no selected pod is called on, or declares: often the number of the Service's own port."""
    pods = [pod for _, pod in pairs]
    findings: list[Finding] = []
    for one in (each for group in found.workloads.values() for each in group):
        selected = [pod for pod in pods if selects(one, pod)]
        known = {port for pod in selected for port in (*spoken.get(pod.id, {}), *(each.port for each in pod.ports))}
        targets = {each.number: target for pod in selected for target, each in spoken.get(pod.id, {}).items()}
        for port in one.body.spec.port_level_mtls:
            if not selected or int(port) in known:
                continue
            hint = f", which {port} is: it leads to {targets[int(port)]}" if int(port) in targets else ""
            advice = f"Write {targets[int(port)]}." if hint else f"They are called on: {', '.join(map(str, sorted(known))) or 'none'}."
            at = one.at("spec", "portLevelMtls", port)
            findings.append(finding(PORT_OF_NO_POD, at, one.key, port=port, hint=hint, advice=advice))
    return tuple(findings)
