"""Backends of an Ingress: one port of a Service in its own namespace. One that cannot be is answered 503, and the rest serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from seaway.core.codes import ingress as codes
from seaway.core.finding import Code, Findings, finding
from seaway.core.names import Key, is_dns_label
from seaway.core.origin import Origin
from seaway.frontends.ingress.absence import absence
from seaway.frontends.ingress.quoting import plain
from seaway.model.names import service_host
from seaway.model.route import Destination, Forward, Respond
from seaway.model.service import Service, ServiceName, ServiceType
from seaway.model.upstream import OUTSIDE_MESH, UpstreamId
from seaway.model.workload import Protocol
from seaway.resources import core_v1
from seaway.resources.networking_v1 import Ingress, IngressBackend, IngressServiceBackend
from seaway.resources.resource import Resource, Step
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is no such Service, in words, and the nearest name that there is, "" for none."""

    state: str
    near: str


@dataclass(frozen=True, slots=True)
class Backends:
    """Where backends are looked up: Services, what there is instead of one that is missing, and Services as they are written.

    `nginx`: a port may also be the text of a port's targetPort, as ingress-nginx has it.
    """

    services: Mapping[ServiceName, Service | Missing]
    written: Mapping[ServiceName, Resource[core_v1.Service]]
    domain: str
    nginx: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where Ingresses stand: the manifests, the cluster's domain, and whether an ingress-nginx serves them."""

    snapshot: Snapshot
    domain: str
    nginx: bool


def find_backends(ingress: Ingress, namespace: str, services: Mapping[ServiceName, Service], place: Place) -> Backends:
    """What there is to know about the Services that an Ingress names, and nothing else."""
    spec = ingress.spec
    backends = [path.backend for rule in spec.rules if rule.http for path in rule.http.paths]
    backends += [spec.default_backend] if spec.default_backend else []
    names = {ServiceName(namespace, one.service.name) for one in backends if one.service}
    written = {name: found for name in names if (found := place.snapshot.get(core_v1.Service, "", *name)) is not None}
    found = {name: services.get(name) or _missing(name, services, place.snapshot) for name in names}
    return Backends(found, written if place.nginx else {}, place.domain, place.nginx)


def _missing(name: ServiceName, services: Iterable[ServiceName], snapshot: Snapshot) -> Missing:
    known = sorted(one.name for one in services if one.namespace == name.namespace)
    near = get_close_matches(name.name, known, n=1)
    return Missing(absence(snapshot, Key("", "Service", name.namespace, name.name)), near[0] if near else "")


def build_action(
    backends: Backends, ingress: Resource[Ingress], backend: IngressBackend, *path: Step
) -> tuple[Forward | Respond, Findings]:
    """The action for the backend that stands at `path` of the Ingress."""
    at = ingress.at(*path)
    if backend.resource is not None and backend.service is None:
        words = {"kind": plain(backend.resource.kind), "name": plain(backend.resource.name)}
        return _refused("the backend is not a Service", codes.BACKEND_RESOURCE, ingress.at(*path, "resource"), ingress, words)
    service = backend.service
    if backend.resource is not None or service is None:
        problem = "it has both a service and a resource" if service else "it has no service"
        return _refused("the backend names no Service", codes.BACKEND_UNCLEAR, at, ingress, {"problem": problem})
    problem = _problem(service)
    if problem:
        return _refused("the backend is not valid", codes.BACKEND_UNCLEAR, ingress.at(*path, "service"), ingress, {"problem": problem})
    return _to_service(backends, ingress, service, ingress.at(*path, "service", "name"), ingress.at(*path, "service", "port"))


def _problem(service: IngressServiceBackend) -> str:
    """https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/networking/validation/validation.go (validateIngressBackend)"""
    if not is_dns_label(service.name):
        return f"{plain(service.name)} is not the name of a Service"
    if service.port.name and service.port.number:
        return "it has both port.name and port.number"
    if service.port.number is not None and not 0 < service.port.number < 65536:
        return f"port number {service.port.number} is not in 1 to 65535"
    if not service.port.name and service.port.number is None:
        return "it has neither port.number nor port.name"
    return ""


def _to_service(
    backends: Backends, ingress: Resource[Ingress], wanted: IngressServiceBackend, at: Origin, port_at: Origin
) -> tuple[Forward | Respond, Findings]:
    name = ServiceName(ingress.key.namespace, wanted.name)
    service = backends.services[name]
    if isinstance(service, Missing):
        hint = f"; did you mean {service.near}?" if service.near else ""
        words = {"service": str(name), "state": service.state, "namespace": name.namespace, "hint": hint}
        return _refused(f"Service {name} {service.state}", codes.BACKEND_SERVICE_MISSING, at, ingress, words)
    if service.type is ServiceType.EXTERNAL_NAME:
        return _refused(f"Service {name} is of type ExternalName", codes.BACKEND_EXTERNAL_NAME, at, ingress, {"service": str(name)})
    asked = wanted.port.name or str(wanted.port.number)
    position = service.port_named(asked) if wanted.port.name else _by_number(service, int(asked))
    findings: Findings = ()
    if position is None and backends.nginx:
        position = _by_target_port(backends, service, asked)
        if position is not None:
            words = {"service": str(name), "port": plain(asked), "used": str(service.ports[position].port)}
            findings = (finding(codes.BACKEND_TARGET_PORT, port_at, ingress.key, **words),)
    if position is None:
        ports = ", ".join(f"{one.port} ({one.name})" if one.name else str(one.port) for one in service.ports) or "it has none"
        words = {"service": str(name), "port": plain(asked), "ports": ports}
        return _refused(f"Service {name} has no such port", codes.BACKEND_PORT_MISSING, port_at, ingress, words)
    port = service.ports[position]
    if port.protocol is not Protocol.TCP:
        words = {"service": str(name), "port": plain(asked), "protocol": port.protocol.value}
        return _refused(f"the port of Service {name} is not TCP", codes.BACKEND_PORT_NOT_TCP, port_at, ingress, words)
    to = UpstreamId(service_host(name, backends.domain), port.port, variant=OUTSIDE_MESH)
    return Forward((Destination(to),), None), findings


def _by_target_port(backends: Backends, service: Service, text: str) -> int | None:
    """Position of the first TCP port whose targetPort reads `text`."""
    written = backends.written.get(service.id)
    for port in written.body.spec.ports if written else ():
        if str(port.target_port) == text and port.protocol == "TCP":
            return _by_number(service, port.port)
    return None


def _by_number(service: Service, number: int) -> int | None:
    """Position of the TCP port with this number, else of one of another protocol (HTTP/3 puts UDP beside TCP under one number)."""
    found = [index for index, port in enumerate(service.ports) if port.port == number]
    return next((index for index in found if service.ports[index].protocol is Protocol.TCP), found[0] if found else None)


def _refused(why: str, code: Code, at: Origin, ingress: Resource[Ingress], words: Mapping[str, str]) -> tuple[Respond, Findings]:
    return Respond(503, why), (finding(code, at, ingress.key, **words),)
