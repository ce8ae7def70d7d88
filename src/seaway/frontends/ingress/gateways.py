"""Gateways: what each of the controllers serves. Everything else in this folder is a part of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from seaway.core.codes import ingress as codes
from seaway.core.finding import Finding, Findings, finding, ordered
from seaway.core.memo import Memo
from seaway.core.origin import Origin
from seaway.frontends.ingress.backends import Place, find_backends
from seaway.frontends.ingress.certificates import find_certificate
from seaway.frontends.ingress.claims import Claim, claim_ingresses
from seaway.frontends.ingress.controllers import ISTIO_CONTROLLER, ISTIO_GATEWAY, Controller
from seaway.frontends.ingress.hosts import build_hosts
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.ingress.rewrite_advice import check_rewrites
from seaway.frontends.ingress.rules import IngressRules, read_rules
from seaway.frontends.ingress.tls import build_tls
from seaway.model.certificate import Certificate
from seaway.model.route import Gateway
from seaway.model.service import Service, ServiceName, ServiceType
from seaway.model.workload import Pod, PodName
from seaway.snapshot import Snapshot

_Around: TypeAlias = tuple[tuple[Pod, ...], Mapping[ServiceName, Service]]
"""All pods, and all Services by name."""


def build_gateways(
    snapshot: Snapshot, controllers: tuple[Controller, ...], pods: tuple[Pod, ...], services: tuple[Service, ...], domain: str, memo: Memo
) -> tuple[tuple[Gateway, ...], Findings]:
    """One gateway a controller, in the order of their names, and all findings about Ingresses, their classes and their Secrets.

    `pods` and `services` are the model's, with backends; `snapshot` must hold the objects of `gateway_objects` where they are in use.
    `domain` is the cluster's.
    """
    claims, findings = claim_ingresses(snapshot, controllers)
    by_name = {service.id: service for service in services}
    collected: list[Finding] = list(findings)
    gateways: list[Gateway] = []
    for controller in sorted(controllers, key=lambda one: one.name):
        own = memo.part(("gateway", controller.name))
        gateway, more = _gateway(controller, claims[controller.name], Place(snapshot, domain, controller.nginx), (pods, by_name), own)
        own.turn()
        gateways.append(gateway)
        collected += more
    return tuple(gateways), ordered(collected)


def _gateway(controller: Controller, claim: Claim, place: Place, around: _Around, memo: Memo) -> tuple[Gateway, Findings]:
    findings: list[Finding] = []
    pods, services = around
    read: list[IngressRules] = []
    for ingress in claim.ingresses:
        backends = find_backends(ingress.body, ingress.key.namespace, services, place)
        rules, more = memo(ingress.key, read_rules, ingress, backends)
        findings += more
        if not rules.settings.canary:
            read.append(rules)
            findings += memo(ingress.key, check_rewrites, rules)
    served = tuple(read)
    tls, more = build_tls(place.snapshot, served, memo)
    findings += more
    hosts, more = build_hosts(served, tls.redirecting, memo)
    findings += more
    own = tuple(sorted(pod.id for pod in pods if pod.owner == controller.workload))
    service, more = _service(controller, own, services)
    findings += more
    default, more = _default_certificate(controller, place.snapshot, memo)
    findings += more
    gateway = Gateway(
        name=controller.name,
        pods=own,
        service=service,
        classes=claim.classes,
        controller=controller.controller,
        http_ports=tuple(_listened(controller, one, 80, own, services) for one in controller.http_ports),
        https_ports=tuple(_listened(controller, one, 443, own, services) for one in controller.https_ports),
        hosts=hosts,
        tls=tls.hosts,
        owners=tuple(sorted(rules.key for rules in served)),
        origin=controller.origin,
        default_certificate=default,
    )
    return gateway, tuple(findings)


def _listened(
    controller: Controller, declared: int, exposed: int, own: tuple[PodName, ...], services: Mapping[ServiceName, Service]
) -> int:
    """The port that pods listen on for a scheme. Istio's gateways declare none: it is what their Service's port leads to."""
    if controller.controller != ISTIO_CONTROLLER:
        return declared
    for service in sorted(services.values(), key=lambda one: one.id):
        for position, port in enumerate(service.ports):
            if port.port == exposed and (backend := next((one for one in service.backends if one.pod in own), None)) is not None:
                return backend.ports[position] or declared
    return declared


def _service(
    controller: Controller, own: tuple[PodName, ...], services: Mapping[ServiceName, Service]
) -> tuple[ServiceName | None, Findings]:
    """The Service that `--publish-service` names, else the first LoadBalancer, else the first NodePort that selects the gateway's pods.

    Of gateways that serve no Ingress any will do.
    """
    words = {"workload": str(controller.workload)}
    findings: Findings = ()
    published = controller.publish_service
    if published is not None:
        if published in services:
            return published, ()
        name = plain(str(published))
        findings = (finding(codes.PUBLISH_SERVICE_MISSING, controller.origin, controller.workload, **words, service=name),)
    if not own:
        return None, (*findings, finding(codes.GATEWAY_WITHOUT_PODS, controller.origin, controller.workload, **words))
    inside = (ServiceType.CLUSTER_IP,) if controller.controller == ISTIO_GATEWAY else ()  # as egress gateways are reached
    for wanted in (ServiceType.LOAD_BALANCER, ServiceType.NODE_PORT, *inside):
        for service in sorted(services.values(), key=lambda one: one.id):
            if service.type is wanted and any(one.pod in own for one in service.backends):
                return service.id, findings
    return None, (*findings, finding(codes.GATEWAY_UNREACHED, controller.origin, controller.workload, **words))


def _default_certificate(controller: Controller, snapshot: Snapshot, memo: Memo) -> tuple[Certificate | None, Findings]:
    """What `--default-ssl-certificate` names; None where it names nothing usable, so that one is generated."""
    if not controller.default_certificate:
        return None, ()
    namespace, _, name = controller.default_certificate.partition("/")
    at = Origin(controller.origin.file, controller.origin.line, controller.origin.column, "--default-ssl-certificate")
    return find_certificate(snapshot, f"{namespace}/{name}", at, controller.workload, memo)
