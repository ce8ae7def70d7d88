"""What commands are told of the storefront while it runs on two nodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loop_world import World, run

from seaway.app.questions import questions
from seaway.app.views.kinds import CLUSTER_SCOPED, kind_named
from seaway.core.errors import SeawayError, UsageError

STOREFRONT = Path(__file__).parents[4] / "examples" / "storefront"
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("storefront"), nodes=2)
    made.manifests = {path.name: path.read_text() for path in STOREFRONT.glob("*.yaml")}
    made.manifests["99-wrong.yaml"] = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: lost, namespace: production}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: nowhere}]}\n"
    )
    run(made.control.settle())
    return made


@pytest.fixture
def ask(world: World) -> Ask:
    """`ask(method, **params)`: what the control socket would answer; everything must be what JSON can say."""
    methods = questions(world.control.loop, lambda: {"envoy-node-1": True, "agent-node-1": True})

    def ask(method: str, **params: Any) -> Any:
        return json.loads(json.dumps(asyncio.run(methods[method](**params))))

    return ask


def get(ask: Ask, kind: str, **params: Any) -> dict[str, dict[str, Any]]:
    """All found items by name; in all namespaces unless one is named."""
    listed = ask("get", **{"kind": kind, "name": None, "namespace": None, "selector": "", **params})
    return {f"{item['namespace']}/{item['name']}".lstrip("/"): item for item in listed["items"]}


def sections(described: dict[str, Any]) -> dict[str, list[list[str]]]:
    return {section["title"]: section["rows"] for section in described["sections"]}


def test_status(ask: Ask) -> None:
    status = ask("status")
    assert status["controlPlane"] == "running"
    assert [(one["name"], one["envoy"], one["agent"], one["pods"]) for one in status["nodes"]] == [
        ("node-1", "running", "running", 7),
        ("node-2", "down", "down", 7),
    ]
    assert {one["runs"] for one in status["pods"]} == {"gateway", "dns", "stand-in"}
    assert all(one["ready"] for one in status["pods"])
    services = {f"{one['namespace']}/{one['name']}": one for one in status["services"]}
    assert services["production/product-service"]["endpoints"] == 3
    assert services["production/database"]["clusterIP"] is None
    (gateway,) = status["gateways"]
    assert gateway["ports"] == [80, 443]
    assert [one["host"] for one in status["certificates"]] == ["api.example.com", "web.example.com"]
    assert status["findings"]["error"] + status["findings"]["warning"] == 1


def test_status_before_anything_is_built(tmp_path: Path) -> None:
    world = World(tmp_path)
    status = asyncio.run(questions(world.control.loop, dict)["status"]())
    assert (status["pods"], status["version"], status["nodes"][0]["pods"]) == ([], "", 0)
    assert asyncio.run(questions(world.control.loop, dict)["progress"]()) == {"words": "building", "up": False}
    with pytest.raises(SeawayError, match="nothing is built yet"):
        asyncio.run(questions(world.control.loop, dict)["get"]("pods", None, None, ""))


def test_progress(ask: Ask) -> None:
    assert ask("progress") == {"words": "14 of 14 pods ready", "up": True}


@pytest.mark.parametrize(
    ("kind", "name", "cells"),
    [
        ("deploy", "production/web", ["2/2"]),
        ("sts", "production/database", ["2/2"]),
        ("po", "production/database-0", ["yes", "10.244.0.6", "node-1", "stand-in"]),
        ("svc", "production/web-nodeport", ["NodePort", "80:30080/TCP", "2"]),
        ("svc", "production/supplier-database", ["ExternalName", "None", "database.external.com", "<none>", "0"]),
        ("svc", "kube-system/kube-dns", ["10.96.0.10", "53/UDP,53/TCP", "2"]),
        ("ep", "production/lost", ["<none>"]),
        ("ing", "production/storefront", ["nginx", "api.example.com,web.example.com", "80, 443"]),
        ("no", "node-2", ["198.18.0.2", "10.244.128.0/17", "7"]),
        ("secret", "production/storefront-tls", ["tls.crt, tls.key"]),
        ("gw", "ingress-nginx/nginx-ingress-controller", ["nginx", "80,443", "2"]),
    ],
)
def test_get(ask: Ask, kind: str, name: str, cells: list[str]) -> None:
    found = get(ask, kind)[name]
    assert set(cells) <= set(found["cells"]), found["cells"]


def test_get_tells_where_an_object_stands(ask: Ask) -> None:
    found = get(ask, "service", name="web", namespace="production")
    assert [(one["file"], one["line"]) for one in found.values()] == [("30-web.yaml", 40)]


def test_get_keeps_to_namespace_and_labels(ask: Ask) -> None:
    assert {name.split("/")[0] for name in get(ask, "pods", namespace="kube-system")} == {"kube-system"}
    tiers = get(ask, "pods", selector="app=web,tier=web")
    assert len(tiers) == 2
    assert get(ask, "pods", selector="app=web,tier=database") == {}
    assert get(ask, "nodes", namespace="production"), "what has no namespace is in all of them"
    with pytest.raises(UsageError, match="not a selector"):
        get(ask, "pods", selector="app")


def test_values_of_secrets_stay_inside(ask: Ask, world: World) -> None:
    assert "PRIVATE KEY" in world.manifests["21-tls-secret.yaml"]
    shown = get(ask, "secrets")["production/storefront-tls"]["data"]
    assert shown["stringData"] == {"tls.crt": "(hidden)", "tls.key": "(hidden)"}
    assert "PRIVATE KEY" not in json.dumps(ask("describe", kind="secret", name="storefront-tls", namespace="production"))


def test_an_ingress_has_the_status_that_a_cluster_would_give_it(ask: Ask) -> None:
    found = get(ask, "ingress")["production/storefront"]
    (address,) = found["data"]["status"]["loadBalancer"]["ingress"]
    assert (
        address["ip"]
        == get(ask, "services")["ingress-nginx/ingress-nginx-controller"]["data"]["status"]["loadBalancer"]["ingress"][0]["ip"]
    )


def test_a_pod_and_all_that_applies_to_it(ask: Ask) -> None:
    name = next(one.split("/")[1] for one in get(ask, "pods", selector="app=web"))
    found = sections(ask("describe", kind="pod", name=name, namespace="production"))
    assert ["Made by", "Deployment/web, 30-web.yaml:8"] in found[""]
    assert found["Ports"] == [["http", "8080/TCP", "HTTP"]]
    assert found["Probes"][0][0] == "readiness"
    assert {row[0] for row in found["Services"]} == {"production/web", "production/web-nodeport", "production/lost"}
    assert [row[:2] for row in found["Routes that lead here"]] == [["web.example.com", "/"]]


def test_a_service_and_its_backends(ask: Ask) -> None:
    found = sections(ask("describe", kind="svc", name="product-service", namespace="production"))
    assert ["DNS", "product-service.production.svc.cluster.local"] in found[""]
    assert len(found["Backends"]) == 3
    assert {row[4] for row in found["Backends"]} == {"yes"}


def test_an_ingress_with_routes_and_certificates(ask: Ask) -> None:
    found = sections(ask("describe", kind="ingress", name="storefront", namespace="production"))
    assert [row[:2] for row in found["Routes"]] == [["api.example.com", "/api"], ["api.example.com", "/"], ["web.example.com", "/"]]
    assert found["Routes"][0][2] == "308 to https; then to production/api-gateway:8080"
    assert [row[0] for row in found["TLS"]] == ["api.example.com", "web.example.com"]


@pytest.mark.parametrize(("kind", "name", "title"), [("deployment", "web", "Pods"), ("statefulset", "database", "Pods")])
def test_a_workload_and_its_pods(ask: Ask, kind: str, name: str, title: str) -> None:
    assert len(sections(ask("describe", kind=kind, name=name, namespace="production"))[title]) == 2


def test_every_object_can_be_described(ask: Ask) -> None:
    for kind in (
        "pod",
        "service",
        "ingress",
        "gateway",
        "deployment",
        "statefulset",
        "namespace",
        "node",
        "secret",
        "configmap",
        "sa",
        "ep",
    ):
        for item in get(ask, kind).values():
            found = ask("describe", kind=kind, name=item["name"], namespace=item["namespace"])
            assert all(len(row) == len(section["columns"]) for section in found["sections"] for row in section["rows"])


def test_findings_stand_with_their_object(ask: Ask) -> None:
    (found,) = ask("describe", kind="service", name="lost", namespace="production")["findings"]
    checked = [one for one in ask("check")["findings"] if one["file"] == "99-wrong.yaml"]
    assert found in checked
    assert found["resource"]["kind"] == "Service"
    assert (found["file"], found["line"] > 0, found["fixable"]) == ("99-wrong.yaml", True, False)


def test_check_counts_what_was_looked_at(ask: Ask) -> None:
    document = ask("check")
    assert document["coverage"]["kinds"]["Deployment"] == 7
    assert document["coverage"]["resources"] == sum(document["coverage"]["kinds"].values())
    assert document["summary"]["warning"] + document["summary"]["error"] == 1


def test_what_is_not_there_is_named_with_the_nearest(ask: Ask) -> None:
    with pytest.raises(SeawayError, match="web not found in namespace default") as refusal:
        ask("describe", kind="service", name="web", namespace="default")
    assert "-n production" in refusal.value.help
    with pytest.raises(UsageError, match="no kind is called 'podz'") as refusal:
        get(ask, "podz")
    assert "did you mean po" in refusal.value.help


@pytest.mark.parametrize(
    ("text", "kind"), [("PODS", "Pod"), ("svc", "Service"), ("deploy", "Deployment"), ("ing", "Ingress"), ("ns", "Namespace")]
)
def test_kinds_by_any_name_that_kubectl_knows(text: str, kind: str) -> None:
    assert kind_named(text) == kind


def test_cluster_scoped_kinds_are_kinds() -> None:
    assert {kind_named(kind) for kind in CLUSTER_SCOPED} == set(CLUSTER_SCOPED)
