"""One object with all that applies to it, across layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seaway.app.views.findings import finding_document
from seaway.app.views.objects import Item, Scene
from seaway.core.finding import Findings
from seaway.core.names import Key
from seaway.frontends.ingress.quoting import plain
from seaway.model.names import service_host
from seaway.model.route import (
    Destination,
    Exact,
    Forward,
    Gateway,
    Prefix,
    Redirect,
    Regex,
    Respond,
    Rewrite,
    RewritePrefix,
    Route,
    TextPrefix,
)
from seaway.model.service import Service, ServiceName, is_ready
from seaway.model.upstream import OfService, UpstreamId
from seaway.model.workload import Exec, GrpcHealth, HttpGet, Pod, PodName, ProbeAction, TcpConnect

Section = dict[str, Any]


def describe_item(scene: Scene, kind: str, item: Item, findings: Findings) -> dict[str, Any]:
    """The object, its sections (title, columns, rows of text), and the findings about it."""
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
            sections = _pods_of(scene, kind, item)
    about = [one for one in findings if one.key and (one.key.kind, one.key.namespace, one.key.name) == (kind, item.namespace, item.name)]
    return {
        "kind": kind,
        "namespace": item.namespace,
        "name": item.name,
        "file": item.origin.file,
        "line": item.origin.line,
        "labels": dict(item.labels),
        "object": item.data,
        "sections": [section for section in sections if section["rows"]],
        "findings": [finding_document(one, scene.current.built.snapshot.objects) for one in about],
    }


def _section(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Section:
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows]}


def _facts(rows: list[tuple[str, str]]) -> Section:
    return _section("", ("", ""), [row for row in rows if row[1]])


def _pod(scene: Scene, pod: Pod) -> list[Section]:
    model = scene.model
    behind = [service for service in model.services if any(backend.pod == pod.id for backend in service.backends)]
    names = {service.id for service in behind}
    return [
        _facts(
            [
                ("Ready", "yes" if pod.id in scene.health.ready else "no"),
                ("IP", pod.ip + (" (the node's own: hostNetwork)" if pod.host_network else "")),
                ("Node", pod.node),
                ("Made by", f"{pod.owner.kind}/{pod.owner.name}, {pod.origin}"),
                ("Service account", pod.service_account),
                ("In the mesh", "no"),
            ]
        ),
        _section(
            "Ports",
            ("NAME", "PORT", "ANSWERS"),
            [(one.name, f"{one.port}/{one.protocol.value}", "HTTP" if one.http else "echo") for one in pod.ports],
        ),
        _section("Probes", ("KIND", "DOES", "FROM"), [(one.kind.value, _does(one.action), str(one.origin)) for one in pod.probes]),
        _section("Services", ("NAME", "ADDRESS", "FROM"), [(str(one.id), one.cluster_ip or "headless", str(one.origin)) for one in behind]),
        _routes_to(scene, names),
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
        _facts(
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
        _section(
            "Ports",
            ("NAME", "PORT", "NODE PORT", "FROM"),
            [(one.name, f"{one.port}/{one.protocol.value}", str(one.node_port or ""), str(one.origin)) for one in service.ports],
        ),
        _section("Backends", ("ADDRESS", "PORTS", "POD", "NODE", "READY"), backends),
        _routes_to(scene, {service.id}),
    ]


def _locals(service: Service) -> list[str]:
    return [word for word, on in (("internal Local", service.internal_local), ("external Local", service.external_local)) if on]


def _routes_to(scene: Scene, services: set[ServiceName]) -> Section:
    rows = [
        row
        for gateway in scene.model.gateways
        for host in gateway.hosts
        for route in host.routes
        if isinstance(route.action, Forward) and services & set(_services(scene, route.action))
        for row in [_route_row(scene, host.host, route)]
    ]
    return _section("Routes that lead here", _ROUTE_COLUMNS, rows)


_ROUTE_COLUMNS = ("HOST", "PATH", "DOES", "FROM")


def _route_row(scene: Scene, host: str, route: Route) -> tuple[str, ...]:
    return (host, _path(route), _action(scene, route), f"{route.owner.kind}/{route.owner.name}, {route.origin}")


def _path(route: Route) -> str:
    match route.match:
        case Exact(path):
            return f"= {path}"
        case Prefix(path):
            return f"{path}"
        case TextPrefix(path):
            return f"{path}*"
        case Regex(pattern):
            return f"~ {pattern}"


def _action(scene: Scene, route: Route) -> str:
    redirect = "308 to https; then " if route.https_redirect else ""
    match route.action:
        case Forward(destinations, rewrite):
            return f"{redirect}to {_split(scene, destinations)}{_rewritten(rewrite)}"
        case Redirect():
            return f"{redirect}{_redirected(route.action)}"
        case Respond(status, why, body):
            return f"{redirect}{status}: {why or plain(body.decode(errors='replace'))}"


def _redirected(redirect: Redirect) -> str:
    """What changes; the rest stays as the request has it."""
    scheme = f"{redirect.scheme}://" if redirect.scheme else "//" if redirect.authority else ""
    port = f":{redirect.port}" if redirect.port else ""
    return f"{redirect.status} to {scheme}{redirect.authority}{port}{redirect.path or _rewritten(redirect.rewrite)}".strip() or "itself"


def _split(scene: Scene, destinations: tuple[Destination, ...]) -> str:
    """The destinations, with their shares where there are several."""
    total = sum(one.weight for one in destinations)
    names = [(_place(scene, one.to), one.weight) for one in destinations]
    return ", ".join(f"{weight * 100 / total:.4g} % {name}" if len(names) > 1 else name for name, weight in names)


def _place(scene: Scene, to: UpstreamId) -> str:
    service = _service_of(scene, to)
    subset = f" ({to.subset})" if to.subset else ""
    return f"{service or to.host}:{to.port}{subset}"


def _service_of(scene: Scene, to: UpstreamId) -> ServiceName | None:
    upstream = scene.model.upstream.get(to)
    return upstream.endpoints.service if upstream is not None and isinstance(upstream.endpoints, OfService) else None


def _services(scene: Scene, forward: Forward) -> Iterator[ServiceName]:
    for destination in forward.destinations:
        if (service := _service_of(scene, destination.to)) is not None:
            yield service


def _rewritten(rewrite: Rewrite | RewritePrefix | None) -> str:
    match rewrite:
        case Rewrite(_, substitution):
            return f", path rewritten to {substitution}"
        case RewritePrefix(text):
            return f", what matched of the path rewritten to {text}"
        case None:
            return ""


def _ingress(scene: Scene, item: Item) -> list[Section]:
    mine = Key("networking.k8s.io", "Ingress", item.namespace, item.name)
    gateways = [one for one in scene.model.gateways if mine in one.owners]
    rows = [
        _route_row(scene, host.host, route)
        for gateway in gateways
        for host in gateway.hosts
        for route in host.routes
        if route.owner == mine
    ]
    addresses = ", ".join(one["ip"] for one in item.data["status"]["loadBalancer"].get("ingress", ()))
    return [
        _facts([("Gateway", ", ".join(one.name for one in gateways) or "none serves it"), ("Address", addresses)]),
        _section("Routes", _ROUTE_COLUMNS, rows),
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
    return _section("TLS", ("HOST", "CERTIFICATE", "NOT AFTER", "FROM"), rows)


def _gateway(scene: Scene, gateway: Gateway) -> list[Section]:
    rows = [_route_row(scene, host.host, route) for host in gateway.hosts for route in host.routes]
    return [
        _facts(
            [
                ("Controller", gateway.controller),
                ("Classes", ", ".join(gateway.classes)),
                ("Pods", ", ".join(str(name) for name in gateway.pods)),
                ("Service", str(gateway.service) if gateway.service else ""),
            ]
        ),
        _section("Routes", _ROUTE_COLUMNS, rows),
        _tls([gateway]),
    ]


def _pods_of(scene: Scene, kind: str, item: Item) -> list[Section]:
    mine = [pod for pod in scene.model.pods if (pod.owner.kind, pod.owner.namespace, pod.owner.name) == (kind, item.namespace, item.name)]
    rows = [(pod.id.name, "yes" if pod.id in scene.health.ready else "no", pod.ip, pod.node) for pod in mine]
    return [_section("Pods", ("NAME", "READY", "IP", "NODE"), rows)]
