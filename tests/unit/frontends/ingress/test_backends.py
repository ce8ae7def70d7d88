"""Backends that cannot be: each is a finding at its line and a 503 on its path, and the rest serves."""

from __future__ import annotations

import pytest

H = "shop.example.com"

NGINX = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: ingress-nginx}
spec:
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec: {containers: [{name: controller, image: registry.k8s.io/ingress-nginx/controller:v1.15.1}]}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
"""


def service(name, /, **port):
    return {"service": {"name": name, "port": port}}


@pytest.mark.parametrize(
    ("backend", "action", "code"),
    [
        pytest.param(service("web", number=80), "web:80", None, id="by number"),
        pytest.param(service("web", name="http"), "web:80", None, id="by name"),
        pytest.param(service("gone", number=80), "503", "NET0340", id="no such Service"),
        pytest.param(service("web", number=81), "503", "NET0341", id="no such number"),
        pytest.param(service("web", name="htttp"), "503", "NET0341", id="no such name"),
        pytest.param(service("web", number=8080), "503", "NET0341", id="a target port is no port"),
        pytest.param(service("web", name="quic"), "503", "NET0345", id="UDP"),
        pytest.param(service("outside", number=80), "503", "NET0342", id="ExternalName"),
        pytest.param({"resource": {"kind": "Bucket", "name": "icons"}}, "503", "NET0343", id="resource"),
        pytest.param({"resource": {"kind": "Bucket", "name": "icons"}, **service("web", number=80)}, "503", "NET0344", id="both"),
        pytest.param({}, "503", "NET0344", id="neither"),
        pytest.param(service("web"), "503", "NET0344", id="no port"),
        pytest.param(service("web", name="http", number=80), "503", "NET0344", id="two ports"),
        pytest.param(service("web", number=0), "503", "NET0344", id="port 0"),
        pytest.param(service("../web", number=80), "503", "NET0344", id="not a name"),
    ],
)
def test_backend(build, ingress, backend, action, code):
    rules = [{"host": H, "http": {"paths": [{"path": "/a", "pathType": "Prefix", "backend": backend}]}}]
    built = build(ingress((H, "/b", "Prefix", "api"), name="other"), ingress(rules=rules))
    assert built.table(H) == [f"/a {action}", "/b api:8080", "/ 404"]
    assert built.codes == ([code] if code else [])
    for found in built.findings:
        assert found.origin.field.startswith("spec.rules[0].http.paths[0].backend")


def test_spelling_is_suggested(build, ingress):
    (found,) = build(ingress((H, "/", "Prefix", "webb"))).findings
    assert "did you mean web?" in found.help


def test_only_the_own_namespace_counts(build, ingress):
    there = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "far", "namespace": "elsewhere"},
        "spec": {"ports": [{"port": 80}]},
    }
    assert build(ingress((H, "/", "Prefix", "far")), there).codes == ["NET0340"]


def test_refused_service_is_not_called_missing(build, ingress):
    broken = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "broken"}, "spec": {"ports": [{"port": "eighty"}]}}
    (found,) = build(ingress((H, "/", "Prefix", "broken")), broken).found("NET0340")
    assert "was refused" in found.message


def test_one_number_for_tcp_and_udp(build, ingress):
    both = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "h3"},
        "spec": {"ports": [{"name": "quic", "port": 80, "protocol": "UDP"}, {"name": "http", "port": 80}]},
    }
    assert build(ingress((H, "/", "Prefix", "h3")), both).table(H) == ["/ h3:80"]


def test_ingress_nginx_takes_a_target_port(build, ingress):
    rules = [{"host": H, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": service("web", number=8080)}]}}]
    built = build(NGINX, ingress(rules=rules, ingressClassName="nginx"))
    assert built.table(H) == ["/ web:80"]
    assert "NET0346" in built.codes


def test_strict_paths_are_ingress_nginxs(build, ingress):
    rows = [(H, "/a(/|$)(.*)", "Prefix", "web"), (H, "/~b", "Exact", "web"), (H, "/c", "Prefix", "api")]
    built = build(NGINX, ingress(*rows, ingressClassName="nginx"))
    assert built.table(H) == ["=/~b 503", "/c api:8080", "/ 404"]
    assert len(built.found("NET0325")) == 2


@pytest.mark.parametrize(("kind", "nearest"), [("prefix", "Prefix"), ("exact", "Exact"), ("Regex", "Prefix")])
def test_unknown_path_type(build, ingress, kind, nearest):
    built = build(ingress((H, "/a", kind, "web"), (H, "/b", "Prefix", "api")))
    assert built.table(H) == ["/b api:8080", "/a 503", "/ 404"]
    assert nearest in built.found("NET0322")[0].help
