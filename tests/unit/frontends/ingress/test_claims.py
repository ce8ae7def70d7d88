"""Which gateway claims which Ingress, and what is said where none does."""

from __future__ import annotations

import pytest

H = "shop.example.com"


def controller(name="controller", *args, namespace="ingress-nginx", kind="Deployment"):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "registry.k8s.io/ingress-nginx/controller:v1.15.1", "args": list(args)}]},
            },
        },
    }


def a_class(name="nginx", controller="k8s.io/ingress-nginx", default=False, created=None):
    metadata = {"name": name}
    if default:
        metadata["annotations"] = {"ingressclass.kubernetes.io/is-default-class": "true"}
    if created:
        metadata["creationTimestamp"] = created
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": metadata, "spec": {"controller": controller}}


def owners(built):
    return {gateway.name: [one.name for one in gateway.owners] for gateway in built.model.gateways}


def codes(built):
    return [code for code in built.codes if code not in ("NET0312", "NET0313", "NET0314")]  # these are about the gateway itself


NGINX = "ingress-nginx/controller"
OWN = "seaway-system/gateway"


@pytest.mark.parametrize(
    ("objects", "field", "annotation", "served", "said"),
    [
        pytest.param([controller(), a_class()], "nginx", None, {NGINX}, [], id="class"),
        pytest.param([controller()], "nginx", None, set(), ["NET0301"], id="class object missing"),
        pytest.param([controller(), a_class()], "ngnix", None, set(), ["NET0301"], id="class misspelt"),
        pytest.param([controller(), a_class("traefik", "traefik.io/ic")], "traefik", None, set(), ["NET0302"], id="class of another"),
        pytest.param([controller(), a_class()], None, "nginx", {NGINX}, [], id="annotation"),
        pytest.param([controller(), a_class("web")], None, "web", set(), ["NET0307"], id="annotation is no class name"),
        pytest.param([controller("controller", "--ingress-class=web")], None, "web", {NGINX}, [], id="annotation by flag"),
        pytest.param([controller(), a_class()], None, "", set(), ["NET0307"], id="empty annotation"),
        pytest.param([controller(), a_class()], "nginx", "other", {NGINX}, ["NET0309"], id="field beats annotation"),
        pytest.param([controller(), a_class()], "nginx", "nginx", {NGINX}, [], id="both the same"),
        pytest.param([controller(), a_class(default=True)], None, None, {NGINX}, [], id="default class"),
        pytest.param([controller(), a_class(default=True)], None, "other", set(), ["NET0307"], id="no default beside the annotation"),
        pytest.param([controller(), a_class()], None, None, {NGINX}, ["NET0305"], id="no class, one gateway"),
        pytest.param([controller("controller", "--watch-ingress-without-class=true")], None, None, {NGINX}, [], id="watched without class"),
        pytest.param([controller(), controller("second")], None, None, set(), ["NET0306"], id="no class, two gateways"),
        pytest.param(
            [controller(), controller("second"), a_class()],
            "nginx",
            None,
            {NGINX, "ingress-nginx/second"},
            [],
            id="one class, two gateways",
        ),
        pytest.param([], "seaway", None, {OWN}, [], id="own class"),
        pytest.param([a_class()], "nginx", None, {OWN}, ["NET0303"], id="stranded: class without controller"),
        pytest.param([], "nginx", None, {OWN}, ["NET0304"], id="stranded: neither class nor controller"),
        pytest.param([], "seawy", None, set(), ["NET0301"], id="own class misspelt"),
        pytest.param([a_class()], "ngnix", None, set(), ["NET0301"], id="stranded: class misspelt"),
        pytest.param([], None, "nginx", {OWN}, ["NET0308"], id="stranded: annotation"),
        pytest.param([], None, None, {OWN}, ["NET0305"], id="no class, own gateway"),
        pytest.param([a_class(default=True)], None, None, {OWN}, ["NET0303"], id="stranded: default class"),
    ],
)
def test_claim(build, ingress, objects, field, annotation, served, said):
    annotations = {} if annotation is None else {"kubernetes.io/ingress.class": annotation}
    built = build(ingress((H, "/", "Prefix", "web"), annotations=annotations, ingressClassName=field), *objects)
    assert {name for name, taken in owners(built).items() if taken} == served
    assert codes(built) == said


def test_newest_default_class_is_taken(build, ingress):
    old = a_class("old", "example.com/other", default=True, created="2024-01-01T00:00:00Z")
    new = a_class("new", default=True, created="2025-01-01T00:00:00Z")
    built = build(ingress((H, "/", "Prefix", "web"), ingressClassName=None), controller(), old, new)
    assert owners(built) == {NGINX: ["shop"]}
    (again,) = built.found("NET0310")
    assert again.key.name == "old"


def test_classes_of_a_gateway(build, ingress):
    built = build(a_class(), a_class("internal"), a_class("other", "example.com/x"), controller())
    assert built.gateway.classes == ("internal", "nginx")
    stranded = build(ingress((H, "/", "Prefix", "web"), ingressClassName="nginx"), a_class())
    assert stranded.gateway.classes == ("nginx", "seaway")


def test_missing_class_says_what_is_meant(build, ingress):
    (found,) = build(ingress((H, "/", "Prefix", "web"), ingressClassName="nginx"), controller()).found("NET0301")
    assert "Deployment ingress-nginx/controller is meant" in found.why
    assert "k8s.io/ingress-nginx" in found.help
    (near,) = build(ingress((H, "/", "Prefix", "web"), ingressClassName="ngnix"), a_class()).found("NET0301")
    assert "did you mean nginx?" in near.message


def load_balancer(name="front", kind="LoadBalancer", app="controller"):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "ingress-nginx"},
        "spec": {"type": kind, "selector": {"app": app}, "ports": [{"name": "http", "port": 80}]},
    }


class TestService:
    def test_load_balancer_before_node_port(self, build):
        built = build(controller(), load_balancer("a", "NodePort"), load_balancer("b"))
        assert str(built.gateway.service) == "ingress-nginx/b"
        assert built.codes == []

    def test_cluster_ip_is_no_front(self, build):
        built = build(controller(), load_balancer(kind="ClusterIP"))
        assert built.gateway.service is None
        assert built.codes == ["NET0313"]

    def test_published(self, build):
        built = build(controller("controller", "--publish-service=$(POD_NAMESPACE)/b"), load_balancer("a"), load_balancer("b"))
        assert built.codes == ["NET0312"]  # the variable is not set: the kubelet leaves it as it is
        built = build(controller("controller", "--publish-service=ingress-nginx/b"), load_balancer("a"), load_balancer("b"))
        assert str(built.gateway.service) == "ingress-nginx/b"

    def test_no_pods(self, build):
        empty = controller()
        empty["spec"]["replicas"] = 0
        assert build(empty, load_balancer()).codes == ["NET0314"]

    def test_own_gateway_has_all(self, build):
        built = build()
        assert str(built.gateway.service) == "seaway-system/gateway"
        assert [pod.namespace for pod in built.gateway.pods] == ["seaway-system"]
        assert built.codes == []


def test_default_certificate(build, pki):
    secret = pki.pair("fallback", "*.example.com", namespace="ingress-nginx")
    built = build(controller("controller", "--default-ssl-certificate=ingress-nginx/fallback"), load_balancer(), secret)
    assert built.gateway.default_certificate.names == ("*.example.com",)
    built = build(controller("controller", "--default-ssl-certificate=ingress-nginx/gone"), load_balancer())
    assert (built.gateway.default_certificate, built.codes) == (None, ["NET0370"])
