"""One object with all that applies to it, across layers."""

from __future__ import annotations

from typing import Any

from seaway.app.views.acceptance import Acceptances
from seaway.app.views.describe_istio import describe_istio
from seaway.app.views.describe_policies import describe_policy
from seaway.app.views.findings import finding_document
from seaway.app.views.membership import inbound_section, membership_facts, policies_section
from seaway.app.views.objects import Item, Scene
from seaway.app.views.sections import ROUTE_COLUMNS, Section, facts, route_row, routes_to, section, servers_section
from seaway.core.finding import Findings
from seaway.core.names import Key
from seaway.model.names import service_host
from seaway.model.route import Gateway
from seaway.model.service import Service, ServiceName, is_ready
from seaway.model.workload import Exec, GrpcHealth, HttpGet, Pod, PodName, ProbeAction, TcpConnect


def describe_item(scene: Scene, kind: str, item: Item, findings: Findings, known: Acceptances) -> dict[str, Any]:
    """The object, its sections (title, columns, rows of text), which nodes' Envoys have accepted it, and the findings about it."""
    envoys = known.get(item.key, ()) if item.key is not None else ()
    match kind:
        case "Pod":
            sections = _pod(scene, scene.model.pod[PodName(item.namespace, item.name)])
        case "Service" | "Endpoints":
            sections = _service(scene, scene.model.service[ServiceName(item.namespace, item.name)])
        case "Ingress":
            sections = _ingress(scene, item)
        case "Gateway":
            sections = _gateway(scene, next(one for one in scene.model.gateways if one.name == item.name))
        case _:
            sections = describe_istio(scene, kind, item) or describe_policy(scene, item) or _pods_of(scene, kind, item)
    rows = [(one.node, one.state, ", ".join(f"{count} {name}" for name, count in one.holds)) for one in envoys]
    sections = [*sections, section("Envoys", ("NODE", "STATE", "HOLDS"), rows)]
    same = (kind.partition(".")[0], item.namespace, item.name)
    about = [one for one in findings if one.key and (one.key == item.key or one.key[1:] == same)]
    return {
        "kind": kind,
        "namespace": item.namespace,
        "name": item.name,
        "file": item.origin.file,
        "line": item.origin.line,
        "labels": dict(item.labels),
        "object": item.data,
        "envoys": [{"node": one.node, "state": one.state, "holds": dict(one.holds)} for one in envoys],
        "sections": [section for section in sections if section["rows"]],
        "findings": [finding_document(one, scene.current.built.snapshot.objects) for one in about],
    }


def _pod(scene: Scene, pod: Pod) -> list[Section]:
    model = scene.model
    behind = [service for service in model.services if any(backend.pod == pod.id for backend in service.backends)]
    names = {service.id for service in behind}
    return [
        facts(
            [
                ("Ready", "yes" if pod.id in scene.health.ready else "no"),
                ("IP", pod.ip + (" (the node's own: hostNetwork)" if pod.host_network else "")),
                ("Node", pod.node),
                ("Made by", f"{pod.owner.kind}/{pod.owner.name}, {pod.origin}"),
                ("Service account", pod.service_account),
                *membership_facts(scene, pod.id),
            ]
        ),
        section(
            "Ports",
            ("NAME", "PORT", "ANSWERS"),
            [(one.name, f"{one.port}/{one.protocol.value}", "HTTP" if one.http else "echo") for one in pod.ports],
        ),
        inbound_section(scene, pod.id),
        policies_section(scene, (pod.id,)),
        section("Probes", ("KIND", "DOES", "FROM"), [(one.kind.value, _does(one.action), str(one.origin)) for one in pod.probes]),
        section("Services", ("NAME", "ADDRESS", "FROM"), [(str(one.id), one.cluster_ip or "headless", str(one.origin)) for one in behind]),
        routes_to(scene, names),
    ]


def _does(action: ProbeAction) -> str:
    match action:
        case HttpGet():
            return f"GET {'https' if action.tls else 'http'}://{action.host}:{action.port}{action.path}"
        case TcpConnect():
            return f"TCP connect to {action.host}:{action.port}"
        case Exec():
            return f"exec {' '.join(action.command)}"
        case GrpcHealth():
            return f"gRPC health check on {action.port}"


def _service(scene: Scene, service: Service) -> list[Section]:
    backends = [
        (
            one.address,
            ",".join(str(port) for port in one.ports if port),
            str(one.pod) if one.pod else "<none>",
            one.node or "<none>",
            "yes" if is_ready(one, scene.health) else "no",
        )
        for one in service.backends
    ]
    return [
        facts(
            [
                ("Type", service.type.value),
                ("Cluster IP", service.cluster_ip),
                ("Load balancer", service.load_balancer_ip),
                ("External name", service.external_name),
                ("DNS", service_host(service.id, scene.model.cluster.domain)),
                ("Session affinity", f"ClientIP, {service.affinity_s} s" if service.affinity_s else ""),
                ("Traffic policy", ", ".join(_locals(service))),
            ]
        ),
        section(
            "Ports",
            ("NAME", "PORT", "NODE PORT", "FROM"),
            [(one.name, f"{one.port}/{one.protocol.value}", str(one.node_port or ""), str(one.origin)) for one in service.ports],
        ),
        section("Backends", ("ADDRESS", "PORTS", "POD", "NODE", "READY"), backends),
        policies_section(scene, [one.pod for one in service.backends if one.pod is not None]),
        routes_to(scene, {service.id}),
    ]


def _locals(service: Service) -> list[str]:
    return [word for word, on in (("internal Local", service.internal_local), ("external Local", service.external_local)) if on]


def _ingress(scene: Scene, item: Item) -> list[Section]:
    mine = Key("networking.k8s.io", "Ingress", item.namespace, item.name)
    gateways = [one for one in scene.model.gateways if mine in one.owners]
    rows = [
        route_row(scene, host.host, route) for gateway in gateways for host in gateway.hosts for route in host.routes if route.owner == mine
    ]
    addresses = ", ".join(one["ip"] for one in item.data["status"]["loadBalancer"].get("ingress", ()))
    return [
        facts([("Gateway", ", ".join(one.name for one in gateways) or "none serves it"), ("Address", addresses)]),
        section("Routes", ROUTE_COLUMNS, rows),
        _tls(gateways, {host for host, *_ in rows}),
    ]


def _tls(gateways: list[Gateway], hosts: set[str] | None = None) -> Section:
    rows = [
        (
            tls.host,
            tls.certificate.id if tls.certificate else "the gateway's default",
            tls.certificate.not_after if tls.certificate else "",
            str(tls.origin),
        )
        for gateway in gateways
        for tls in gateway.tls
        if hosts is None or tls.host in hosts
    ]
    return section("TLS", ("HOST", "CERTIFICATE", "NOT AFTER", "FROM"), rows)


def _gateway(scene: Scene, gateway: Gateway) -> list[Section]:
    rows = [route_row(scene, host.host, route) for host in gateway.every_host for route in host.routes]
    return [
        facts(
            [
                ("Controller", gateway.controller),
                ("Classes", ", ".join(gateway.classes)),
                ("Pods", ", ".join(str(name) for name in gateway.pods)),
                ("Service", str(gateway.service) if gateway.service else ""),
            ]
        ),
        servers_section(scene, [gateway]),
        section("Routes", ROUTE_COLUMNS, rows),
        _tls([gateway]),
    ]


def _pods_of(scene: Scene, kind: str, item: Item) -> list[Section]:
    mine = [pod for pod in scene.model.pods if (pod.owner.kind, pod.owner.namespace, pod.owner.name) == (kind, item.namespace, item.name)]
    rows = [(pod.id.name, "yes" if pod.id in scene.health.ready else "no", pod.ip, pod.node) for pod in mine]
    return [section("Pods", ("NAME", "READY", "IP", "NODE"), rows)]
