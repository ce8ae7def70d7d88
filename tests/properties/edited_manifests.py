"""Edits of a small cluster's manifests, drawn so that all that objects say of each other comes and goes: for properties of many builds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c")
Edit = tuple[str, str]
"""A file and its new text; "" removes it."""

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
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {"team": "x"}}},),
        ({"apiVersion": "v1", "kind": "Namespace"},),
    ),
}
"""Files with objects that others refer to, each in some versions; one of them is broken."""


@st.composite
def workloads(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A workload that may run a program with a ConfigMap's values."""
    kind = draw(st.sampled_from(("Deployment", "StatefulSet", "DaemonSet")))
    container: dict[str, Any] = {"name": "main", "image": draw(st.sampled_from("12")), "ports": [{"name": "http", "containerPort": 8080}]}
    annotations = {}
    if draw(st.booleans()):
        annotations["seaway.dev/command"] = "serve $(WORD)"
        container |= {"envFrom": [{"configMapRef": {"name": "words"}}], "readinessProbe": {"tcpSocket": {"port": "http"}}}
    labels = {"app": name, "shared": "yes"}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": labels, "annotations": annotations},
            "spec": {"containers": [container], **draw(st.sampled_from(PODS))},
        },
    }
    if kind != "DaemonSet":
        spec["replicas"] = draw(st.integers(0, 2))
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@st.composite
def services(draw: st.DrawFn, name: str) -> dict[str, Any]:
    selector = draw(st.sampled_from(({"app": name}, {"app": name}, {"shared": "yes"}, {"app": "nobody"})))
    port = {"name": "http", "port": draw(st.sampled_from((80, 81))), "targetPort": draw(st.sampled_from(("http", "http", 8080, "htp")))}
    spec = {"selector": selector, "ports": [port], **draw(st.sampled_from(SERVICES))}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@st.composite
def ingresses(draw: st.DrawFn, name: str) -> dict[str, Any]:
    backend = {"service": {"name": draw(st.sampled_from((*NAMES, "outside"))), "port": {"number": 80}}}
    path, kind = draw(st.sampled_from((("/", "Prefix"), ("/a", "Exact"), ("/a/(.*)", "ImplementationSpecific"))))
    host = draw(st.sampled_from(("a.example.com", "*.example.com", "b.example.com", "not a host")))
    spec: dict[str, Any] = {"rules": [{"host": host, "http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}}]}
    spec |= draw(st.sampled_from(({"ingressClassName": "seaway"}, {"ingressClassName": "other"}, {})))
    if draw(st.booleans()):
        spec["tls"] = [{"hosts": ["a.example.com"], "secretName": "none"}]
    annotations = {"nginx.ingress.kubernetes.io/rewrite-target": "/$1"} if draw(st.booleans()) else {}
    metadata = {"name": name, "annotations": annotations}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """A file is written anew, moved down by a line, or removed."""
    kind = draw(st.sampled_from(("workload", "workload", "service", "service", "ingress", "ingress", "other")))
    if kind == "other":
        file = draw(st.sampled_from(sorted(OTHERS)))
        objects = draw(st.sampled_from(OTHERS[file]))
    else:
        name = draw(st.sampled_from(NAMES))
        file = f"{kind}-{name}"
        objects = (draw({"workload": workloads, "service": services, "ingress": ingresses}[kind](name)),)
    text = "\n---\n".join(json.dumps(one, indent=1) for one in objects)
    return f"{file}.yaml", draw(st.sampled_from(("", text, text, "#\n" + text)))
