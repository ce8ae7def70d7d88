"""Objects as `get` shows them: the manifest's own data, completed with what the running network knows (addresses, readiness, status)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.app.loop import Current
from seaway.app.views.istio_items import COLUMNS, cells_of
from seaway.app.views.kinds import CLUSTER_SCOPED, ISTIO_GATEWAY, is_of_kind
from seaway.app.views.status import gateway_addresses, gateway_ports, runs_word
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.index import Model
from seaway.model.service import Health, Service, ServiceType, endpoints
from seaway.model.workload import Pod

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One object: Kubernetes-shaped data, its line in the table, and where it comes from. `key` is None where no manifest holds it."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    data: dict[str, Any]
    cells: Cells
    origin: Origin
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What items are made from."""

    current: Current
    health: Health

    @property
    def model(self) -> Model:
        return self.current.model


def list_items(scene: Scene, kind: str) -> tuple[Cells, list[Item]]:
    """The table's own headings (beside namespace, name and origin) and all objects of a kind, in order of name."""
    headings, make = _MAKERS.get(kind, (_headings(kind), _plain_items(kind)))
    return headings, sorted(make(scene), key=lambda item: (item.namespace, item.name))


def _headings(kind: str) -> Cells:
    if kind in ("Secret", "ConfigMap"):
        return ("KEYS",)
    return COLUMNS[kind][0] if kind in COLUMNS else ()


def _plain_items(kind: str) -> Callable[[Scene], Iterator[Item]]:
    def make(scene: Scene) -> Iterator[Item]:
        for key, resource in scene.current.built.snapshot.objects.items():
            if is_of_kind(key, kind):
                data = dict(resource.raw)
                cells: Cells = cells_of(kind, data) if kind in COLUMNS else ()
                if kind in ("Secret", "ConfigMap"):
                    keys: list[str] = sorted({*(data.get("data") or {}), *(data.get("stringData") or {})})
                    cells = (", ".join(keys),)
                if kind == "Secret":
                    data = without_values(data)
                if kind == "ServiceEntry" and (given := _given_addresses(scene, key)):
                    data["status"] = {"addresses": given}
                namespace = "" if kind in CLUSTER_SCOPED else key.namespace
                yield Item(namespace, key.name, resource.meta.labels, data, cells, resource.origin, key)

    return make


def _given_addresses(scene: Scene, key: Key) -> list[dict[str, str]]:
    """The addresses that hosts of a ServiceEntry were given, in the form of its API's status; none for those that the manifest names."""
    prefix = f"{key.namespace}/{key.name}/"
    given = {host: address for host, address in scene.current.built.leases.hosts if host.startswith(prefix)}
    return [{"host": host.removeprefix(prefix), "value": address} for host, address in given.items()]


def without_values(secret: Mapping[str, Any]) -> dict[str, Any]:
    """A Secret with its keys but not its values: they never leave the control plane."""
    hidden = {part: dict.fromkeys(secret[part], "(hidden)") for part in ("data", "stringData") if isinstance(secret.get(part), dict)}
    return {**secret, **hidden}


def _workloads(kind: str) -> Callable[[Scene], Iterator[Item]]:
    def make(scene: Scene) -> Iterator[Item]:
        pods: dict[Key, list[Pod]] = {}
        for pod in scene.model.pods:
            pods.setdefault(pod.owner, []).append(pod)
        for item in _plain_items(kind)(scene):
            mine = pods.get(item.key, []) if item.key is not None else []
            ready = sum(pod.id in scene.health.ready for pod in mine)
            data = {**item.data, "status": {"replicas": len(mine), "readyReplicas": ready}}
            yield Item(item.namespace, item.name, item.labels, data, (f"{ready}/{len(mine)}",), item.origin, item.key)

    return make


def _pods(scene: Scene) -> Iterator[Item]:
    for pod in scene.model.pods:
        ready = pod.id in scene.health.ready
        data = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": pod.id.name,
                "namespace": pod.id.namespace,
                "labels": dict(pod.labels),
                "annotations": dict(pod.annotations),
                "ownerReferences": [] if pod.owner.kind == "Pod" else [{"kind": pod.owner.kind, "name": pod.owner.name}],
            },
            "spec": {
                "nodeName": pod.node,
                "serviceAccountName": pod.service_account,
                "hostNetwork": pod.host_network,
                "containers": [{"name": name} for name in pod.containers],
            },
            "status": {
                "phase": "Running",
                "podIP": pod.ip,
                "hostIP": next(node.address for node in scene.model.cluster.nodes if node.name == pod.node),
                "conditions": [{"type": "Ready", "status": str(ready)}],
            },
        }
        cells = ("yes" if ready else "no", pod.ip, pod.node, runs_word(pod))
        yield Item(pod.id.namespace, pod.id.name, dict(pod.labels), data, cells, pod.origin)


def _services(scene: Scene) -> Iterator[Item]:
    objects = scene.current.built.snapshot.objects
    for service in scene.model.services:
        raw = dict(objects[service.owner].raw)
        spec = {**(raw.get("spec") or {}), "type": service.type.value}
        if service.type is not ServiceType.EXTERNAL_NAME:
            spec["clusterIP"] = service.cluster_ip or "None"
        balancer = {"ingress": [{"ip": service.load_balancer_ip}]} if service.load_balancer_ip else {}
        data = {**raw, "spec": spec, "status": {"loadBalancer": balancer}}
        ports = ",".join(f"{one.port}{f':{one.node_port}' if one.node_port else ''}/{one.protocol.value}" for one in service.ports)
        external = service.load_balancer_ip or service.external_name or ",".join(service.external_ips) or "<none>"
        cells = (service.type.value, service.cluster_ip or "None", external, ports or "<none>", str(ready_count(service, scene.health)))
        yield Item(service.id.namespace, service.id.name, dict(service.labels), data, cells, service.origin, service.owner)


def ready_count(service: Service, health: Health) -> int:
    """Distinct addresses that serve at least one port."""
    return len({one.address for port in range(len(service.ports)) for one in endpoints(service, port, health)})


def _endpoints(scene: Scene) -> Iterator[Item]:
    for service in scene.model.services:
        usable = [(port, endpoints(service, at, scene.health)) for at, port in enumerate(service.ports)]
        subsets = [
            {
                "addresses": [
                    {"ip": one.address, **({"targetRef": {"kind": "Pod", "name": one.pod.name}} if one.pod else {})} for one in found
                ],
                "ports": [{"name": port.name, "port": found[0].port, "protocol": port.protocol.value}],
            }
            for port, found in usable
            if found
        ]
        metadata = {"name": service.id.name, "namespace": service.id.namespace}
        data = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}
        shown = sorted({f"{one.address}:{one.port}" for _, found in usable for one in found})
        cells = (",".join(shown[:3]) + (f" + {len(shown) - 3} more" if len(shown) > 3 else "") or "<none>",)
        yield Item(service.id.namespace, service.id.name, dict(service.labels), data, cells, service.origin)


def _ingresses(scene: Scene) -> Iterator[Item]:
    model = scene.model
    for item in _plain_items("Ingress")(scene):
        gateway = next(
            (one for one in model.gateways if any(key[1:] == ("Ingress", item.namespace, item.name) for key in one.owners)), None
        )
        addresses = gateway_addresses(gateway, model) if gateway else []
        spec = item.data.get("spec") or {}
        hosts = sorted({rule.get("host") or "*" for rule in spec.get("rules") or ()}) or ["*"]
        data = {**item.data, "status": {"loadBalancer": {"ingress": [{"ip": one} for one in addresses]} if addresses else {}}}
        cells = (spec.get("ingressClassName") or "<none>", ",".join(hosts), ",".join(addresses), "80, 443" if spec.get("tls") else "80")
        yield Item(item.namespace, item.name, item.labels, data, cells, item.origin, item.key)


def _nodes(scene: Scene) -> Iterator[Item]:
    for node in scene.model.cluster.nodes:
        data = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": node.name},
            "spec": {"podCIDR": node.pod_cidr},
            "status": {"addresses": [{"type": "InternalIP", "address": node.address}]},
        }
        yield Item("", node.name, {}, data, (node.address, node.pod_cidr, str(len(scene.model.pods_on(node.name)))), Origin(""))


def _gateways(scene: Scene) -> Iterator[Item]:
    for gateway in scene.model.gateways:
        addresses, ports = gateway_addresses(gateway, scene.model), gateway_ports(gateway, scene.model)
        data = {
            "kind": "Gateway",
            "metadata": {"name": gateway.name},
            "pods": [str(name) for name in gateway.pods],
            "classes": list(gateway.classes),
            "controller": gateway.controller,
            "addresses": addresses,
            "ports": ports,
            "hosts": list(dict.fromkeys(host.host for host in gateway.every_host)),
        }
        cells = (",".join(gateway.classes) or "<none>", ",".join(addresses), ",".join(map(str, ports)), str(len(data["hosts"])))
        yield Item("", gateway.name, {}, data, cells, gateway.origin)


def _istio_gateways(scene: Scene) -> Iterator[Item]:
    """Where each can be reached besides what it says of itself."""
    for item in _plain_items(ISTIO_GATEWAY)(scene):
        serving = [one for one in scene.model.gateways if item.key in one.owners]
        addresses = list(dict.fromkeys(one for gateway in serving for one in gateway_addresses(gateway, scene.model)))
        data = {**item.data, "status": {"addresses": [{"value": one} for one in addresses]}}
        cells = (*item.cells, ",".join(addresses) or "<none>")
        yield Item(item.namespace, item.name, item.labels, data, cells, item.origin, item.key)


_MAKERS: dict[str, tuple[Cells, Callable[[Scene], Iterator[Item]]]] = {
    "Pod": (("READY", "IP", "NODE", "RUNS"), _pods),
    "Service": (("TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "READY"), _services),
    "Endpoints": (("ENDPOINTS",), _endpoints),
    "Ingress": (("CLASS", "HOSTS", "ADDRESS", "PORTS"), _ingresses),
    "Node": (("ADDRESS", "POD-CIDR", "PODS"), _nodes),
    "Gateway": (("CLASSES", "ADDRESS", "PORTS", "HOSTS"), _gateways),
    ISTIO_GATEWAY: ((*_headings(ISTIO_GATEWAY), "ADDRESS"), _istio_gateways),
    "Deployment": (("READY",), _workloads("Deployment")),
    "ReplicaSet": (("READY",), _workloads("ReplicaSet")),
    "StatefulSet": (("READY",), _workloads("StatefulSet")),
    "DaemonSet": (("READY",), _workloads("DaemonSet")),
    "Job": (("READY",), _workloads("Job")),
}
