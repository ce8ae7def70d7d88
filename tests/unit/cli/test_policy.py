"""`seaway policy suggest` on files: from what manifests name and from flows, with the proof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from seaway.cli.main import main

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {app}, tier: t}}}}
spec:
  containers:
  - {{name: c, image: c, ports: [{{containerPort: {port}}}]{more}}}
---
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {app}}}, {more}ports: [{{port: {port}, targetPort: {target}}}]}}
---
"""
WORLD = """
apiVersion: v1
kind: ConfigMap
metadata: {name: files, namespace: shop}
data:
  nginx.conf: |
    # proxy_pass http://mail.data;
    upstream x {
      server api:80;
    }
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: shop}
stringData: {dsn: "postgres://user:hunter2@db.data.svc.cluster.local/x"}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: edge, namespace: shop}
spec:
  rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web, tier: t}}
spec:
  volumes: [{name: v, configMap: {name: files}}]
  containers: [{name: c, image: c, ports: [{containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop, labels: {app: api, tier: t}}
spec:
  containers:
  - name: c
    image: c
    ports: [{containerPort: 9000}]
    args: [--payments, "https://pay.example.com/v2"]
    env:
    - {name: DSN, valueFrom: {secretKeyRef: {name: keys, key: dsn}}}
    - {name: CACHE_HOST, value: cache.data}
    - {name: CACHE_PORT, value: "6380"}
    - {name: SELF, value: "http://$(CACHE_HOST):$(CACHE_PORT)/"}
---
"""
SHOP = (
    WORLD
    + SERVICE.format(name="web", namespace="shop", app="web", more="", port=80, target=8080)
    + SERVICE.format(name="api", namespace="shop", app="api", more="", port=80, target=9000)
    + SERVICE.format(name="db", namespace="data", app="db", more="", port=5432, target=15432)
    + SERVICE.format(name="cache", namespace="data", app="cache", more="clusterIP: None, ", port=6380, target=6380)
    + SERVICE.format(name="mail", namespace="data", app="mail", more="type: NodePort, ", port=25, target=25)
    + "".join(POD.format(name=one, namespace="data", app=one, port=1, more="") for one in ("db", "cache", "mail"))
)


@pytest.fixture
def shop(tmp_path: Path) -> str:
    (tmp_path / "shop.yaml").write_text(SHOP)
    return str(tmp_path / "shop.yaml")


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert main(["policy", "suggest", *words, "-o", "json"]) == code
    return json.loads(capsys.readouterr().out)


def needs(document: dict[str, Any]) -> set[str]:
    def name(end: dict[str, Any]) -> str:
        return f"{end['namespace']}/{end['name']}" if "namespace" in end else end["name"] or end["cidr"]

    return {f"{name(one['from'])} -> {name(one['to'])} {one['port']}/{one['protocol']}" for one in document["needs"]}


def test_what_manifests_name_is_needed(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, shop)
    assert needs(document) == {
        "0.0.0.0/0 -> data/mail 25/TCP",
        "seaway-system/gateway -> shop/web 8080/TCP",
        "shop/web -> shop/api 9000/TCP",
        "shop/api -> data/db 15432/TCP",
        "shop/api -> data/cache 6380/TCP",
        "shop/api -> pay.example.com 443/TCP",
    }
    assert document["summary"]["broken"] == document["summary"]["opened"] == 0
    assert all(one["before"] and one["after"] for one in document["needs"])
    assert document["namespaces"] == ["data", "shop"]
    (why,) = next(one for one in document["needs"] if one["to"].get("name") == "api")["why"]
    assert why["text"] == "key nginx.conf of ConfigMap files of Pod shop/web names api:80"
    assert SHOP.splitlines()[why["line"] - 1].strip() == "server api:80;"


def test_the_yaml_is_the_document_and_shuts_the_rest(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, shop)
    assert main(["policy", "suggest", shop]) == 0
    out, report = capsys.readouterr()
    assert [one for one in yaml.safe_load_all(out) if one] == document["policies"]
    assert "hunter2" not in out + report
    assert "of 6 connections that are needed 0 break" in report
    assert "pay.example.com is open together with all addresses outside" in report
    by_name = {(one["metadata"]["namespace"], one["metadata"]["name"]): one["spec"] for one in document["policies"]}
    assert by_name["shop", "default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ((dns),) = by_name["shop", "allow-dns"]["egress"]
    assert dns["ports"] == [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    assert by_name["data", "allow-db"] == {
        "podSelector": {"matchLabels": {"app": "db"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
                        "podSelector": {"matchLabels": {"app": "api"}},
                    }
                ],
                "ports": [{"protocol": "TCP", "port": 15432}],
            }
        ],
    }
    shut = {(source, one["to"]) for one in document["closed"] for source in one["from"]}
    assert ("shop/pod/web", "data/pod/db") in shut
    assert "names db.data.svc.cluster.local:5432 (" in out


def test_one_namespace_and_the_system_ones_by_name(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, shop, "-n", "kube-system", "-n", "seaway-system")
    assert all("seaway-system/gateway" in one for one in needs(document))
    assert {one["metadata"]["namespace"] for one in document["policies"]} == {"kube-system", "seaway-system"}
    assert document["summary"]["broken"] == 0
    (server,) = (one for one in document["policies"] if one["metadata"]["name"] == "allow-dns-server")
    assert server["spec"]["ingress"][0]["from"] == [{"namespaceSelector": {}}]
    assert main(["policy", "suggest", shop, "-n", "nowhere"]) == 2
    assert "namespace nowhere has no pods" in capsys.readouterr().err


def test_a_need_that_a_deny_stops_is_broken(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(shop).with_name("admin.yaml").write_text(
        """
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: stop}
spec:
  priority: 1
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: data}}}
  ingress: [{name: no-shop, action: Deny, from: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}}]}]
"""
    )
    assert main(["policy", "suggest", str(Path(shop).parent)]) == 1
    report = capsys.readouterr().err
    assert "breaks shop/api -> data/db 15432/TCP: AdminNetworkPolicy stop ingress deny rule 1 (no-shop)" in report


def test_pods_that_labels_do_not_tell_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env = ', env: [{name: API_URL, value: "http://api:80"}]'
    text = SERVICE.format(name="api", namespace="shop", app="api", more="", port=80, target=80)
    text += POD.format(name="api", namespace="shop", app="api", port=80, more="")
    text += POD.format(name="one", namespace="shop", app="same", port=80, more=env)
    text += POD.format(name="two", namespace="shop", app="same", port=80, more="")
    (tmp_path / "shop.yaml").write_text(text)
    document = told(capsys, str(tmp_path))
    assert document["summary"]["broken"] == 0
    assert any(one.startswith("labels do not tell the pods of Pod shop/one from those of Pod shop/two") for one in document["warnings"])


def flow(source: str, target: str, **more: Any) -> dict[str, Any]:
    """As `seaway flows -o json` has it; ends are `namespace/pod@address`."""

    def end(text: str) -> dict[str, Any]:
        name, _, address = text.partition("@")
        namespace, _, pod = name.partition("/")
        kind = "Deployment" if pod == "gateway" else "Pod"
        return {"namespace": namespace, "pod": pod, "workload": f"{kind}/{pod}" if pod else "", "address": address}

    rest = {"time": 1.0, "verdict": "delivered", "reporter": "kernel", "protocol": "TCP", "method": "", "host": "", "path": ""}
    destination = {**end(target), "endpoint": more.pop("endpoint", "")}
    return {**rest, "source": end(source), "destination": destination, "via": end(more.pop("via", "@")), **more}


def test_flows(shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flows = [
        flow("shop/web@10.244.0.9:1", "data/db@10.96.0.9:5432", endpoint="10.244.0.8:15432", reporter="source"),
        flow("shop/web@10.244.0.9:2", "data/db@10.96.0.9:5432", endpoint="10.244.0.8:15432", reporter="source"),
        flow("shop/api@10.244.0.9:1", "data/mail@10.244.0.7:25"),
        flow("shop/api@10.244.0.9:1", "data/db@10.244.0.7:1", verdict="denied"),
        flow("shop/api@10.244.0.9:1", "data/cache@10.244.0.7:53", protocol="UDP", verdict="audited"),
        flow(
            "@198.51.100.7:1", "shop/web@10.244.0.5:80", endpoint="10.244.0.9:8080", via="seaway-system/gateway", reporter="gateway",
            method="GET", host="a.test", path="/x?token=…", protocol="HTTP/1.1",
        ),
        flow("shop/api@10.244.0.9:1", "@203.0.113.5:443"),
        flow("shop/api@10.244.0.9:1", "@10.244.77.77:443"),
    ]  # fmt: skip
    (tmp_path / "seen.json").write_text(json.dumps({"flows": flows}))
    document = told(capsys, shop, "--flows", str(tmp_path / "seen.json"))
    assert needs(document) == {
        "shop/web -> data/db 15432/TCP",
        "shop/api -> data/mail 25/TCP",
        "shop/api -> data/cache 53/UDP",
        "seaway-system/gateway -> shop/web 8080/TCP",
        "shop/api -> 203.0.113.5/32 443/TCP",
    }
    assert "198.51.100.7/32 -> seaway-system/gateway 80/TCP" in needs(
        told(capsys, shop, "--flows", str(tmp_path / "seen.json"), "-n", "seaway-system")
    )
    texts = {one["why"][0]["text"] for one in document["needs"]}
    assert texts == {"1 flow", "2 flows", "1 flow, such as GET a.test/x"}
    assert document["summary"]["broken"] == 0
    assert "left out, since nobody known is an end of it: shop/Pod/api -> 10.244.77.77 443/TCP" in document["warnings"]
    (tmp_path / "lines.json").write_text("".join(json.dumps(one) + "\n" for one in flows))
    assert told(capsys, shop, "--flows", str(tmp_path / "lines.json")) == document
    assert len(needs(told(capsys, shop, "--flows", str(tmp_path / "seen.json"), "--declared"))) == 10
    (tmp_path / "seen.json").write_text("[]")
    assert main(["policy", "suggest", shop, "--flows", str(tmp_path / "seen.json")]) == 2


MESH = """
apiVersion: v1
kind: Namespace
metadata: {name: mesh, labels: {istio-injection: enabled}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api, namespace: mesh}
spec:
  hosts: [api]
  http: [{route: [{destination: {host: next}, weight: 90}, {destination: {host: api}, weight: 10}]}]
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: mesh}
spec: {type: ExternalName, externalName: round.mesh.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: round, namespace: mesh}
spec: {type: ExternalName, externalName: alias.mesh.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: mesh}
spec: {type: ExternalName, externalName: next.mesh.svc.cluster.local}
---
"""


def test_routes_of_the_mesh_and_names_for_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env = ', env: [{name: A_URL, value: "http://api"}, {name: B_URL, value: "http://alias"}, {name: C_HOST, value: other}]'
    text = MESH + POD.format(name="web", namespace="mesh", app="web", port=1, more=env)
    for app in ("api", "next"):
        port = "{name: http, port: 80, targetPort: 8080}"
        text += f"apiVersion: v1\nkind: Service\nmetadata: {{name: {app}, namespace: mesh}}\n"
        text += f"spec: {{selector: {{app: {app}}}, ports: [{port}]}}\n---\n"
        text += POD.format(name=app, namespace="mesh", app=app, port=8080, more="")
    (tmp_path / "mesh.yaml").write_text(text)
    document = told(capsys, str(tmp_path))
    assert {"mesh/web -> mesh/api 8080/TCP", "mesh/web -> mesh/next 8080/TCP"} == {one for one in needs(document) if "gateway" not in one}
    assert any(
        "names alias:80" in one and "Service mesh/alias has no such port, or nobody behind it" in one for one in document["warnings"]
    )


def test_equal_input_gives_equal_bytes(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "suggest", shop]) == 0
    first = capsys.readouterr().out
    assert main(["policy", "suggest", shop]) == 0
    assert capsys.readouterr().out == first
