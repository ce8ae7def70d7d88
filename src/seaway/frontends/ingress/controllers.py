"""Ingress controllers among the workloads: their pods are the gateways. Where the manifests hold none, Seaway's own is made.

Recognised are ingress-nginx (by image or arguments), Istio's gateways (by image, with label, annotation or arguments) and Seaway's own
image.
What a gateway serves is `gateways.py`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from seaway.core.memo import Memo
from seaway.core.names import SYSTEM_NAMESPACE, Key
from seaway.core.origin import GENERATED, Origin
from seaway.frontends.ingress.arguments import command_line, flags, is_true
from seaway.model.service import ServiceName
from seaway.resources.apps_v1 import DaemonSet, Deployment
from seaway.resources.core_v1 import Container, ContainerPort
from seaway.resources.istio.gateway import Gateway as IstioGateway
from seaway.resources.load import resource_of
from seaway.resources.meta import ObjectMeta
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot

NGINX_CONTROLLER = "k8s.io/ingress-nginx"
ISTIO_CONTROLLER = "istio.io/ingress-controller"
ISTIO_GATEWAY = "istio.io/gateway"
"""What serves Istio's Gateways alone, and no Ingress: egress gateways, and others beside the usual one."""
SEAWAY_CONTROLLER = "seaway.dev/gateway"
SEAWAY_CLASS = "seaway"
SEAWAY_IMAGE = "seaway/gateway"

_ISTIO_LABEL = ("istio", "ingressgateway")
_LABELS = {"app": "seaway-gateway", _ISTIO_LABEL[0]: _ISTIO_LABEL[1]}
_TEMPLATES = "inject.istio.io/templates"
_HTTP = (("http", "http2"), (80, 8080))
_HTTPS = (("https",), (443, 8443))


@dataclass(frozen=True, slots=True)
class Controller:
    """A workload whose pods are an ingress gateway.

    `controller` is what an IngressClass names, `ingress_class` what the annotation `kubernetes.io/ingress.class` names.
    `default_certificate` is `namespace/name` of a Secret or "". `implied`: made by Seaway because the manifests hold no controller.
    `nginx`: ingress-nginx, whose admission checks then hold too.
    """

    name: str
    workload: Key
    controller: str
    ingress_class: str
    watch_without_class: bool
    http_ports: tuple[int, ...]
    https_ports: tuple[int, ...]
    publish_service: ServiceName | None
    default_certificate: str
    origin: Origin
    implied: bool
    nginx: bool = False


def find_controllers(snapshot: Snapshot, memo: Memo | None = None) -> tuple[Controller, ...]:
    """All Deployments and DaemonSets that are ingress gateways, in the order of their names (`namespace/name`, which are unique)."""
    memo = memo or Memo()
    found: dict[str, Controller] = {}
    for resource in (*snapshot.of(Deployment), *snapshot.of(DaemonSet)):
        controller = memo(resource.key, _controller, resource)
        if controller is None:
            continue
        if controller.name in found:  # a DaemonSet that shares its name with a Deployment; no name holds an underscore
            controller = replace(controller, name=f"{controller.name}_daemonset")
        found[controller.name] = controller
    return tuple(found[name] for name in sorted(found))


def _controller(resource: Resource[Deployment] | Resource[DaemonSet]) -> Controller | None:
    template = resource.body.spec.template
    namespace = resource.key.namespace
    labels = template.metadata.labels
    for container in template.spec.containers:
        repository = _repository(container.image or "")
        words = command_line(container, namespace)
        if repository[-2:] == tuple(SEAWAY_IMAGE.split("/")):
            return _plain(resource, container, SEAWAY_CONTROLLER, SEAWAY_CLASS)
        if repository[-1] in ("proxyv2", "auto"):
            if labels.get(_ISTIO_LABEL[0]) == _ISTIO_LABEL[1]:
                return _plain(resource, container, ISTIO_CONTROLLER, "istio")
            if _is_router(template.metadata, container):
                return replace(_plain(resource, container, ISTIO_GATEWAY, ""), http_ports=(), https_ports=())
        if _is_nginx(repository, words):
            return _nginx(resource, container, flags(words))
    return None


def _is_router(metadata: ObjectMeta, container: Container) -> bool:
    """What Istio's charts of gateways write: the template of the injector, or the arguments `proxy router`; and the older label."""
    templates = metadata.annotations.get(_TEMPLATES, "").split(",")
    label = metadata.labels.get(_ISTIO_LABEL[0], "")
    return "gateway" in templates or "router" in container.args or label.endswith("gateway")


def _is_nginx(repository: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """`ingress-nginx/controller` (also `controller-chroot`), the older and repackaged `nginx-ingress-controller`, or its arguments."""
    image = repository[-2:-1] == ("ingress-nginx",) and repository[-1].startswith("controller")
    argument = any(word == "/nginx-ingress-controller" or word.split("=")[0] == "--controller-class" for word in words)
    return image or argument or repository[-1] == "nginx-ingress-controller"


def _repository(image: str) -> tuple[str, ...]:
    """The parts of an image's name, without tag and digest: `("registry.k8s.io", "ingress-nginx", "controller")`."""
    *parents, last = image.partition("@")[0].split("/")
    return (*parents, last.partition(":")[0])


def _plain(resource: Resource[Any], container: Container, controller: str, ingress_class: str) -> Controller:
    return Controller(
        name=f"{resource.key.namespace}/{resource.key.name}",
        workload=resource.key,
        controller=controller,
        ingress_class=ingress_class,
        watch_without_class=False,
        http_ports=(_port(container.ports, *_HTTP),),
        https_ports=(_port(container.ports, *_HTTPS),),
        publish_service=None,
        default_certificate="",
        origin=resource.origin,
        implied=resource.file == GENERATED.file,
    )


def _nginx(resource: Resource[Any], container: Container, given: Mapping[str, str]) -> Controller:
    """https://kubernetes.github.io/ingress-nginx/user-guide/cli-arguments/"""
    published = given.get("publish-service", "")
    namespace, _, name = published.partition("/")
    found = _plain(resource, container, given.get("controller-class") or NGINX_CONTROLLER, given.get("ingress-class") or "nginx")
    return replace(
        found,
        watch_without_class=is_true(given.get("watch-ingress-without-class")),
        http_ports=(_number(given.get("http-port")) or found.http_ports[0],),
        https_ports=(_number(given.get("https-port")) or found.https_ports[0],),
        publish_service=ServiceName(namespace, name) if published else None,
        default_certificate=given.get("default-ssl-certificate", ""),
        nginx=True,
    )


def _port(ports: tuple[ContainerPort, ...], names: tuple[str, ...], numbers: tuple[int, ...]) -> int:
    """The container's port for one scheme: by name, else by usual number; else the first of these, declared or not."""
    declared = [port for port in ports if port.protocol == "TCP"]
    for name in names:
        for port in declared:
            if port.name == name:
                return port.container_port
    return next((number for number in numbers if any(port.container_port == number for port in declared)), numbers[0])


def _number(text: str | None) -> int:
    """A port number from a flag, 0 where it is absent or none."""
    return int(text) if text and text.isascii() and text.isdecimal() and 0 < int(text) < 65536 else 0


def wanted_ports(snapshot: Snapshot) -> tuple[int, ...]:
    """Ports of Istio's Gateways that Seaway's own gateway would serve, besides those that it has in any case."""
    found = {
        server.port.number
        for one in snapshot.of(IstioGateway)
        if one.body.spec.selector.items() <= _LABELS.items()
        for server in one.body.spec.servers
    }
    return tuple(sorted(port for port in found - {80, 443} if 0 < port < 65536))


def lacks_proxy(snapshot: Snapshot, controllers: tuple[Controller, ...]) -> bool:
    """Whether there is nothing that serves Istio's Gateways, and there are some for Seaway's own gateway."""
    if any(one.controller in (ISTIO_CONTROLLER, ISTIO_GATEWAY, SEAWAY_CONTROLLER) for one in controllers):
        return False
    return any(one.body.spec.selector.items() <= _LABELS.items() for one in snapshot.of(IstioGateway))


def gateway_objects(more: tuple[int, ...]) -> tuple[Resource[Any], ...]:
    """The gateway for manifests without one: namespace, identity, Deployment, LoadBalancer Service and a class that is no default.

    `more` are ports besides those of HTTP and HTTPS.
    """
    labels = _LABELS
    ports = [{"name": "http", "containerPort": 80}, {"name": "https", "containerPort": 443}]
    ports += [{"name": f"port-{one}", "containerPort": one} for one in more]
    pod = {"serviceAccountName": "gateway", "containers": [{"name": "gateway", "image": SEAWAY_IMAGE, "ports": ports}]}
    deployment = {"replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    service = {
        "type": "LoadBalancer",
        "selector": labels,
        "ports": [{"name": "http", "port": 80, "targetPort": "http"}, {"name": "https", "port": 443, "targetPort": "https"}]
        + [{"name": f"port-{one}", "port": one, "targetPort": one} for one in more],
    }
    inside: dict[str, Any] = {"name": "gateway", "namespace": SYSTEM_NAMESPACE, "labels": labels}
    rows: tuple[dict[str, Any], ...] = (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": inside},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": inside, "spec": deployment},
        {"apiVersion": "v1", "kind": "Service", "metadata": inside, "spec": service},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": SEAWAY_CLASS},
            "spec": {"controller": SEAWAY_CONTROLLER},
        },
    )
    return tuple(resource_of(row) for row in rows)
