"""Edits of a small cluster's manifests, drawn so that all that objects say of each other comes and goes: for properties of many builds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c")
Edit = tuple[str, str]
"""A file and its new text; "" removes it, and `FURTHER` is the text that it has, with all but the beginnings of its objects a line further down."""

FURTHER = "further down"

PODS: tuple[dict[str, Any], ...] = (
    {},
    {"initContainers": [{"name": "before", "image": "b"}]},
    {"serviceAccountName": "robot"},
    {"hostNetwork": True},
    {"hostname": "one", "subdomain": "a"},
    {"nodeName": "node-2"},
)
SERVICES: tuple[dict[str, Any], ...] = (
    {},
    {"type": "NodePort"},
    {"type": "LoadBalancer", "externalTrafficPolicy": "Local"},
    {"clusterIP": "None"},
    {"sessionAffinity": "ClientIP"},
    {"publishNotReadyAddresses": True},
    {"clusterIP": "10.96.0.77"},
)


def _istio(kind: str, spec: dict[str, Any], group: str = "networking") -> tuple[dict[str, Any], ...]:
    return ({"apiVersion": f"{group}.istio.io/v1", "kind": kind, "metadata": {"name": kind.lower()}, "spec": spec},)


def _to(*names: str) -> dict[str, Any]:
    return {"route": [{"destination": {"host": name}, "weight": 1} for name in names]}


MESH: dict[str, tuple[tuple[dict[str, Any], ...], ...]] = {
    "virtual-service": (
        _istio("VirtualService", {"hosts": ["a"], "http": [_to("a", "b")]}),
        _istio("VirtualService", {"hosts": ["a", "c"], "http": [{"retries": {"attempts": 1}, **_to("c")}], "exportTo": ["."]}),
        _istio("VirtualService", {"hosts": ["b"], "http": [{"route": [{"destination": {"host": "b", "subset": "v1"}}]}]}),
        _istio("VirtualService", {"hosts": ["shop.example.com"], "gateways": ["gateway", "mesh"], "http": [_to("outside")]}),
    ),
    "destination-rule": (
        _istio("DestinationRule", {"host": "b", "subsets": [{"name": "v1", "labels": {"app": "b"}}]}),
        _istio("DestinationRule", {"host": "a", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 3}}}}),
        _istio("DestinationRule", {"host": "*.default.svc.cluster.local", "trafficPolicy": {"tls": {"mode": "DISABLE"}}}),
    ),
    "entry": (
        _istio("ServiceEntry", {"hosts": ["db.example.com"], "ports": [{"number": 5432, "name": "tcp", "protocol": "TCP"}]}),
        _istio(
            "ServiceEntry",
            {
                "hosts": ["api.example.com"],
                "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
                "resolution": "STATIC",
                "endpoints": [{"address": "192.0.2.9"}],
            },
        ),
    ),
    "sidecar": (
        _istio("Sidecar", {"egress": [{"hosts": ["./a.default.svc.cluster.local"]}]}),
        _istio("Sidecar", {"workloadSelector": {"labels": {"app": "b"}}, "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}),
    ),
    "peers": tuple(_istio("PeerAuthentication", {"mtls": {"mode": mode}}, "security") for mode in ("STRICT", "DISABLE")),
    "authorization": (
        _istio("AuthorizationPolicy", {"selector": {"matchLabels": {"app": "a"}}, "action": "DENY", "rules": [{}]}, "security"),
        _istio(
            "AuthorizationPolicy",
            {
                "rules": [
                    {"from": [{"source": {"principals": ["cluster.local/ns/default/sa/robot"]}}], "to": [{"operation": {"paths": ["/a"]}}]}
                ]
            },
            "security",
        ),
    ),
    "gateway": (
        _istio(
            "Gateway",
            {
                "selector": {"istio": "ingressgateway"},
                "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
            },
        ),
    ),
}
"""Files of the mesh, each in some versions."""

OTHERS: dict[str, tuple[tuple[dict[str, Any], ...], ...]] = {
    "account": (({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}},),),
    "config": tuple(({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}, "data": {"WORD": one}},) for one in "12"),
    "class": tuple(
        ({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name}, "spec": {"controller": controller}},)
        for name, controller in (("seaway", "seaway.dev/ingress"), ("other", "example.com/other"))
    ),
    "outside": (
        (
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "outside"}, "spec": {"ports": [{"port": 80}]}},
            {
                "apiVersion": "v1",
                "kind": "Endpoints",
                "metadata": {"name": "outside"},
                "subsets": [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 80}]}],
            },
        ),
        (
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "outside"},
                "spec": {"type": "ExternalName", "externalName": "example.com"},
            },
        ),
    ),
    "namespace": (
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {"istio-injection": "enabled"}}},),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {"team": "x"}}},),
        ({"apiVersion": "v1", "kind": "Namespace"},),
    ),
}
"""Files with objects that others refer to, each in some versions; one of them is broken."""


Object = dict[str, Any]


def workload(
    name: str, kind: str = "Deployment", replicas: int = 1, pod: Object = PODS[0], says: tuple[str, bool, bool] = ("1", True, True)
) -> Object:
    """`says` its containers' image, whether they run a program with a ConfigMap's values, and whether they have a probe."""
    image, program, probed = says
    container: Object = {"name": "main", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}
    if program:
        container["envFrom"] = [{"configMapRef": {"name": "words", "optional": image == "1"}}]
    if probed:
        container["readinessProbe"] = {"tcpSocket": {"port": "http"}}
    metadata = {"labels": {"app": name, "shared": "yes"}, "annotations": {"seaway.dev/command": "serve $(WORD)"} if program else {}}
    spec: Object = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": metadata, "spec": {"containers": [container], **pod}},
    }
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def service(name: str, selector: Object, port: int = 80, target: str | int = "http", more: Object = SERVICES[0]) -> Object:
    spec = {"selector": selector, "ports": [{"name": "http", "port": port, "targetPort": target}], **more}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def ingress(name: str, host: str, backend: str, path: tuple[str, str] = ("/", "Prefix"), more: tuple[Object, Object] = ({}, {})) -> Object:
    """`more` goes into its annotations and its spec."""
    to = {"service": {"name": backend, "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": path[0], "pathType": path[1], "backend": to}]}}
    metadata = {"name": name, "annotations": more[0]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": {"rules": [rule], **more[1]}}


def _workloads(name: str) -> st.SearchStrategy[Object]:
    kinds = st.sampled_from(("Deployment", "StatefulSet", "DaemonSet"))
    says = st.tuples(st.sampled_from("12"), st.booleans(), st.booleans())
    return st.builds(workload, st.just(name), kinds, st.integers(0, 2), st.sampled_from(PODS), says)


def _services(name: str) -> st.SearchStrategy[Object]:
    selectors = st.sampled_from(({"app": name}, {"app": name}, {"shared": "yes"}, {"app": "nobody"}))
    targets = st.sampled_from(("http", 8080, "htp"))
    return st.builds(service, st.just(name), selectors, st.sampled_from((80, 81)), targets, st.sampled_from(SERVICES))


def _ingresses(name: str) -> st.SearchStrategy[Object]:
    hosts = st.sampled_from(("a.example.com", "*.example.com", "b.example.com", "not a host"))
    paths = st.sampled_from((("/", "Prefix"), ("/a", "Exact"), ("/a/(.*)", "ImplementationSpecific")))
    annotations = st.sampled_from(({}, {"nginx.ingress.kubernetes.io/rewrite-target": "/$1"}))
    tls = {"tls": [{"hosts": ["a.example.com"], "secretName": "none"}]}
    specs = st.sampled_from(({}, tls, {"ingressClassName": "seaway"}, {"ingressClassName": "seaway", **tls}, {"ingressClassName": "other"}))
    return st.builds(ingress, st.just(name), hosts, st.sampled_from((*NAMES, "outside")), paths, st.tuples(annotations, specs))


def _text(*objects: Object) -> str:
    return "\n---\n".join(json.dumps(one, indent=1) for one in objects)


START: dict[str, str] = {
    **{f"workload-{name}.yaml": _text(workload(name)) for name in NAMES},
    **{f"service-{name}.yaml": _text(service(name, {"app": name})) for name in NAMES},
    **{f"ingress-{name}.yaml": _text(ingress(name, f"{name}.example.com", name)) for name in NAMES},
    **{f"{name}.yaml": _text(*versions[0]) for name, versions in (OTHERS | MESH).items()},
}
"""The files before the first edit, with all kinds of objects in them."""


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """A file is written anew, moved down by a line, moved on inside, or removed."""
    kind = draw(st.sampled_from(("workload", "workload", "service", "service", "ingress", "ingress", "other", "mesh", "mesh")))
    if kind in ("other", "mesh"):
        files = OTHERS if kind == "other" else MESH
        file = draw(st.sampled_from(sorted(files)))
        text = _text(*draw(st.sampled_from(files[file])))
    else:
        name = draw(st.sampled_from(NAMES))
        file = f"{kind}-{name}"
        text = _text(draw({"workload": _workloads, "service": _services, "ingress": _ingresses}[kind](name)))
    return f"{file}.yaml", draw(st.sampled_from(("", text, text, "#\n" + text, FURTHER, FURTHER)))
