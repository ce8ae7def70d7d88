"""Controllers among workloads: by image, label and arguments, with what their flags say."""

from __future__ import annotations

import json

import pytest

from seaway.core.names import Key
from seaway.frontends.ingress.arguments import expand, flags
from seaway.frontends.ingress.controllers import find_controllers, gateway_objects
from seaway.model.service import ServiceName
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of


def workload(image, args=(), kind="Deployment", labels=None, ports=(), name="c", env=(), command=()):
    labels = {"app": "c", **(labels or {})}
    container = {"name": "c", "image": image, "args": list(args), "command": list(command), "env": list(env), "ports": list(ports)}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "edge"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def find(*objects):
    return find_controllers(snapshot_of(one for text in objects for one in load_text(json.dumps(text), "in.yaml").resources))


@pytest.mark.parametrize(
    ("image", "args", "labels", "controller"),
    [
        ("registry.k8s.io/ingress-nginx/controller:v1.15.1", (), {}, "k8s.io/ingress-nginx"),
        ("registry.k8s.io/ingress-nginx/controller:v1.11.5@sha256:abc", (), {}, "k8s.io/ingress-nginx"),
        ("k8s.gcr.io/ingress-nginx/controller-chroot:v1.8.1", (), {}, "k8s.io/ingress-nginx"),
        ("localhost:5000/ingress-nginx/controller", (), {}, "k8s.io/ingress-nginx"),
        ("quay.io/kubernetes-ingress-controller/nginx-ingress-controller:0.33.0", (), {}, "k8s.io/ingress-nginx"),
        ("bitnami/nginx-ingress-controller", (), {}, "k8s.io/ingress-nginx"),
        ("mirror.example.com/edge:1", ("/nginx-ingress-controller",), {}, "k8s.io/ingress-nginx"),
        ("mirror.example.com/edge:1", ("--controller-class=example.com/mine",), {}, "example.com/mine"),
        ("docker.io/istio/proxyv2:1.29.0", (), {"istio": "ingressgateway"}, "istio.io/ingress-controller"),
        ("auto", (), {"istio": "ingressgateway"}, "istio.io/ingress-controller"),
        ("seaway/gateway", (), {}, "seaway.dev/gateway"),
        ("nginx/nginx-ingress:5.3.0", (), {}, None),
        ("docker.io/istio/proxyv2:1.29.0", (), {"istio": "egressgateway"}, "istio.io/gateway"),
        ("auto", ("proxy", "router"), {}, "istio.io/gateway"),
        ("docker.io/istio/proxyv2:1.29.0", (), {}, None),
        ("nginx:1.29", (), {}, None),
        ("", (), {}, None),
    ],
)
def test_recognised(image, args, labels, controller):
    assert [one.controller for one in find(workload(image, args, labels=labels))] == ([controller] if controller else [])


NGINX = "registry.k8s.io/ingress-nginx/controller:v1.15.1"


def port(number, name=None, protocol="TCP"):
    return {"containerPort": number, "protocol": protocol, **({"name": name} if name else {})}


@pytest.mark.parametrize(
    ("ports", "args", "expected"),
    [
        pytest.param([port(8000, "http"), port(80), port(8444, "https")], (), (8000, 8444), id="by name"),
        pytest.param([port(80), port(443)], (), (80, 443), id="by number"),
        pytest.param([port(8080), port(8443)], (), (8080, 8443), id="the higher ones"),
        pytest.param([port(8080), port(80), port(443)], (), (80, 443), id="80 before 8080"),
        pytest.param([], (), (80, 443), id="none declared"),
        pytest.param([port(80), port(443)], ("--http-port=8080", "--https-port", "8443"), (8080, 8443), id="flags decide"),
        pytest.param([port(80)], ("--http-port=x", "--https-port=70000"), (80, 443), id="unreadable flags do not"),
        pytest.param([port(443, "https", "UDP"), port(8443)], (), (80, 8443), id="UDP is no HTTPS port"),
    ],
)
def test_ports(ports, args, expected):
    (found,) = find(workload(NGINX, args, ports=ports))
    assert (found.http_ports, found.https_ports) == ((expected[0],), (expected[1],))


def test_flags_of_ingress_nginx():
    env = [{"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}, {"name": "CLASS", "value": "inner"}]
    args = [
        "--controller-class=k8s.io/$(CLASS)",
        "--ingress-class",
        "$(CLASS)",
        "--watch-ingress-without-class",
        "--publish-service=$(POD_NAMESPACE)/front",
        "--default-ssl-certificate=$(POD_NAMESPACE)/cert",
    ]
    (found,) = find(workload(NGINX, args, env=env, command=["/nginx-ingress-controller"]))
    assert (found.controller, found.ingress_class, found.watch_without_class) == ("k8s.io/inner", "inner", True)
    assert (found.publish_service, found.default_certificate) == (ServiceName("edge", "front"), "edge/cert")
    assert (found.workload, found.implied, found.nginx) == (Key("apps", "Deployment", "edge", "c"), False, True)
    assert found.origin.full == "in.yaml:1:1"


def test_names_are_unique_and_ordered():
    found = find(workload(NGINX, name="b"), workload(NGINX, name="a"), workload(NGINX, name="b", kind="DaemonSet"))
    assert [one.name for one in found] == ["edge/a", "edge/b", "edge/b_daemonset"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--a=1", "--b", "2"), {"a": "1", "b": "2"}),
        (("--a", "--b=2"), {"a": "true", "b": "2"}),
        (("--a=1", "--a=2"), {"a": "2"}),
        (("--a=",), {"a": ""}),
        (("a", "-b", "--"), {}),
        (("--a=b=c",), {"a": "b=c"}),
    ],
)
def test_flags(words, expected):
    assert flags(words) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("$(A)/x", "1/x"), ("$(B)", "$(B)"), ("$$(A)", "$(A)"), ("$A", "$A"), ("$(A", "$(A"), ("$(A)$(A)", "11")]
)
def test_expansion_as_the_kubelet_has_it(text, expected):
    assert expand(text, {"A": "1"}) == expected


def test_own_gateway():
    objects = gateway_objects(())
    assert [str(one.key) for one in objects] == [
        "Namespace seaway-system",
        "ServiceAccount seaway-system/gateway",
        "Deployment seaway-system/gateway",
        "Service seaway-system/gateway",
        "IngressClass seaway",
    ]
    (found,) = find_controllers(snapshot_of(objects))
    assert (found.name, found.implied, found.ingress_class, found.http_ports, found.https_ports) == (
        "seaway-system/gateway",
        True,
        "seaway",
        (80,),
        (443,),
    )
    assert objects[-1].meta.annotations == {}
