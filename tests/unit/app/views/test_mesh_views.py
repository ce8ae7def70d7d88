"""What commands are told of Istio's objects: their columns, what they do here, and whose Envoys have accepted them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from loop_world import World, run

from seaway.app.questions import questions

MANIFESTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web, version: v1}}
spec: {containers: [{name: web, ports: [{containerPort: 8080, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-2, namespace: shop, labels: {app: web, version: v2}}
spec: {containers: [{name: web, ports: [{containerPort: 8080, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: default}
spec: {containers: [{name: alone}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 8080, name: http}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
    - match: [{uri: {prefix: /a}, headers: {x-user: {exact: eve}}}]
      timeout: 5s
      fault: {abort: {httpStatus: 418, percentage: {value: 10}}}
      route:
        - {destination: {host: web, subset: v1}, weight: 90}
        - {destination: {host: web, subset: v2}, weight: 10}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec:
  host: web
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 7}}
    outlierDetection: {consecutive5xxErrors: 3}
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [web.test]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: world, namespace: shop}
spec:
  hosts: [world.test]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 192.0.2.1}]
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: machine, namespace: shop}
spec: {address: 192.0.2.7, labels: {app: machine}}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: narrow, namespace: shop}
spec: {egress: [{hosts: ["./*"]}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: shop}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-posts, namespace: shop}
spec:
  selector: {matchLabels: {version: v1}}
  action: DENY
  rules: [{to: [{operation: {methods: [POST]}}]}]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: shop}
spec: {jwtRules: [{issuer: me, jwks: '{"keys":[]}'}]}
"""
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("mesh"), nodes=2)
    made.manifests = {"mesh.yaml": MANIFESTS}
    run(made.control.settle())
    return made


@pytest.fixture
def ask(world: World) -> Ask:
    methods = questions(world.control.loop, dict)

    def ask(method: str, **params: Any) -> Any:
        return json.loads(json.dumps(asyncio.run(methods[method](**params))))

    return ask


def sections(ask: Ask, kind: str, name: str, namespace: str = "shop") -> dict[str, list[list[str]]]:
    return {one["title"]: one["rows"] for one in ask("describe", kind=kind, name=name, namespace=namespace)["sections"]}


def line_of(text: str) -> str:
    return f"mesh.yaml:{MANIFESTS[: MANIFESTS.index(text)].count(chr(10)) + 1}"


@pytest.mark.parametrize(
    ("kind", "columns", "cells"),
    [
        ("vs", ["GATEWAYS", "HOSTS"], ["<none>", "web"]),
        ("destinationrules.networking.istio.io", ["HOST"], ["web"]),
        ("gateways.networking.istio.io", ["SERVERS", "ADDRESS"], ["1", "198.18.255.253"]),
        ("se", ["HOSTS", "LOCATION", "RESOLUTION"], ["world.test", "MESH_EXTERNAL", "STATIC"]),
        ("we", ["ADDRESS"], ["192.0.2.7"]),
        ("sidecar", [], []),
        ("pa", ["MODE"], ["STRICT"]),
        ("ra", [], []),
        ("authorizationpolicies", ["ACTION"], ["DENY"]),
    ],
)
def test_columns(ask: Ask, kind: str, columns: list[str], cells: list[str]) -> None:
    listed = ask("get", kind=kind, name=None, namespace="shop", selector="")
    assert (listed["columns"], [one["cells"] for one in listed["items"]]) == (columns, [cells])


def test_gateways_alone_are_those_that_serve(ask: Ask) -> None:
    assert [one["name"] for one in ask("get", kind="gateways", name=None, namespace=None, selector="")["items"]] == [
        "seaway-system/gateway"
    ]
    assert ask("get", kind="istiogateways", name="edge", namespace="shop", selector="")["items"][0]["data"]["kind"] == "Gateway"


def test_a_virtual_service_and_its_routes(ask: Ask) -> None:
    row = next(one for one in sections(ask, "vs", "web")["Routes of callers in the mesh"] if one[0].endswith(":8080"))
    assert row[:3] == [
        "web.shop.svc.cluster.local:8080",
        "/a* [x-user = eve]",
        "to 90 % shop/web:8080 (v1), 10 % shop/web:8080 (v2), timeout 5 s, 2 retries, 10 % answered 418 on purpose",
    ]
    assert row[3].startswith("VirtualService/web, mesh.yaml:")


def test_a_destination_rule_and_what_it_shapes(ask: Ask) -> None:
    rows = sections(ask, "dr", "web")["Shapes"]
    assert [row[0] for row in rows] == ["shop/web:8080 (v1)", "shop/web:8080 (v2)"]
    assert rows[0][1:4] == [
        "LEAST_REQUEST",
        f"7 connections, {line_of('connectionPool')}",
        f"after 3 errors, {line_of('outlierDetection')}",
    ]


def test_a_service_entry(ask: Ask) -> None:
    found = sections(ask, "se", "world")
    assert ["Resolution", "STATIC"] in found[""]


def test_a_peer_authentication_and_whom_it_decides_for(ask: Ask) -> None:
    rows = sections(ask, "pa", "strict")["Decides for"]
    assert [row[:3] for row in rows] == [[f"shop/web-{n}", port, "STRICT"] for n in (1, 2) for port in ("8080", "all others")]
    assert {row[3] for row in rows} == {line_of("mode: STRICT")}


def test_policies_and_to_whom_they_apply(ask: Ask) -> None:
    found = sections(ask, "ap", "no-posts")
    assert [row[0] for row in found["Applies to"]] == ["shop/web-1"]
    assert found["Rules"] == [["0", "HTTP and TCP", line_of("rules: [{to: [{operation: {methods")]]
    assert [row[0] for row in sections(ask, "ra", "tokens")["Applies to"]] == ["shop/web-1", "shop/web-2"]


def test_a_pod_of_the_mesh(ask: Ask) -> None:
    found = sections(ask, "pod", "web-1")
    facts = dict(found[""])
    assert facts["In the mesh"].startswith("yes: ")
    assert facts["Identity"] == "spiffe://cluster.local/ns/shop/sa/default"
    assert found["Accepts"] == [
        ["8080", "HTTP", "STRICT", line_of("mode: STRICT")],
        ["all others", "detect", "STRICT", line_of("mode: STRICT")],
    ]
    assert [row[:3] for row in found["Policies that apply"]] == [
        ["AuthorizationPolicy", "shop/no-posts", "DENY, 1 rules"],
        ["RequestAuthentication", "shop/tokens", "tokens of me"],
    ]
    assert "web.shop.svc.cluster.local:8080" in [row[0] for row in found["Routes that lead here"]]


def test_a_pod_outside_of_it(ask: Ask) -> None:
    found = sections(ask, "pod", "alone", "default")
    assert dict(found[""])["In the mesh"].startswith("no: ")
    assert "Accepts" not in found
    pods = {one["name"]: one["inMesh"] for one in ask("status")["pods"] if one["namespace"] in ("shop", "default")}
    assert pods == {"web-1": True, "web-2": True, "alone": False}


def test_a_service_with_policies_of_its_pods(ask: Ask) -> None:
    found = sections(ask, "svc", "web")
    assert [row[1] for row in found["Policies that apply"]] == ["shop/no-posts", "shop/tokens"]
    assert found["Routes that lead here"][0][3].startswith("VirtualService/web, ")


def test_every_object_can_be_described(ask: Ask) -> None:
    for kind in ("vs", "dr", "istiogateway", "se", "we", "sidecar", "pa", "ap", "ra"):
        for item in ask("get", kind=kind, name=None, namespace=None, selector="")["items"]:
            found = ask("describe", kind=kind, name=item["name"], namespace=item["namespace"])
            assert all(len(row) == len(section["columns"]) for section in found["sections"] for row in section["rows"])


def test_which_envoys_have_accepted_it(ask: Ask, world: World) -> None:
    (item,) = ask("get", kind="vs", name="web", namespace="shop", selector="", accepted=True)["items"]
    nodes = {one["node"] for one in ask("status")["pods"] if one["namespace"] == "shop"}
    assert item["cells"][-1] == f"{len(nodes)}/{len(nodes)}"
    described = ask("describe", kind="vs", name="web", namespace="shop")
    assert {(one["node"], one["state"]) for one in described["envoys"]} == {(node, "accepted") for node in nodes}
    assert all("RouteConfiguration" in one["holds"] for one in described["envoys"])
    assert [section["rows"] for section in described["sections"] if section["title"] == "Envoys"] != []
    (machine,) = ask("get", kind="we", name="machine", namespace="shop", selector="", accepted=True)["items"]
    assert machine["cells"][-1] == "-"


def test_addresses_that_hosts_were_given_are_their_status(ask: Ask) -> None:
    (entry,) = ask("get", kind="serviceentries", name="world", namespace="shop", selector="")["items"]
    (given,) = entry["data"]["status"]["addresses"]
    assert given["host"] == "world.test"
    assert given["value"].startswith("240.240.")
    assert given["value"] in json.dumps(ask("describe", kind="se", name="world", namespace="shop"))
