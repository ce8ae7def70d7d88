"""What commands are told of network policies: their columns, which pods they select, what they isolate, and each rule with its line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from loop_world import World, run

from seaway.app.questions import questions

MANIFESTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{containerPort: 8080, name: http}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop, annotations: {seaway.dev/audit: "true"}}
spec:
  podSelector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: DoesNotExist}]}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{namespaceSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: http}, {port: 80, endPort: 90}]}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Admin
  priority: 7
  subject: {namespaces: {}}
  egress: [{name: no-nodes, action: Deny, to: [{nodes: {}}], protocols: [{tcp: {destinationPort: {number: 22}}}]}]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("policies"), nodes=1)
    made.manifests = {"policies.yaml": MANIFESTS}
    run(made.control.settle())
    return made


def ask(world: World, method: str, **params: Any) -> Any:
    return json.loads(json.dumps(asyncio.run(questions(world.control.loop, dict)[method](**params))))


def sections(world: World, kind: str, name: str, namespace: str | None) -> dict[str, list[list[str]]]:
    return {one["title"]: one["rows"] for one in ask(world, "describe", kind=kind, name=name, namespace=namespace)["sections"]}


@pytest.mark.parametrize(
    ("kind", "columns", "cells"),
    [("netpol", ["POD-SELECTOR"], ["app=web,tier DoesNotExist"]), ("cnp", ["TIER", "PRIORITY"], ["Admin", "7"])],
)
def test_columns(world: World, kind: str, columns: list[str], cells: list[str]) -> None:
    listed = ask(world, "get", kind=kind, name=None, namespace=None, selector="")
    assert (listed["columns"], [one["cells"] for one in listed["items"]]) == (columns, [cells])


def test_a_network_policy_in_words(world: World) -> None:
    found = sections(world, "networkpolicy", "web", "shop")
    assert dict(found[""]) == {
        "Selects": "pods app=web, no tier in namespace shop",
        "Pods": "1: shop/web",
        "Isolates": "ingress, egress",
        "Audit": "only reports what it would drop",
    }
    (row,) = found["Ingress"]
    assert row[:4] == ["1", "allow", "all pods in all namespaces; 10.0.0.0/8 but for 10.1.0.0/16", "http/TCP, 80-90/TCP"]
    assert row[4].startswith("policies.yaml:")
    assert found["Egress"] == [["", "nothing is let through", "", "", ""]]


def test_a_policy_of_a_tier(world: World) -> None:
    found = sections(world, "clusternetworkpolicy", "guard", None)
    facts = dict(found[""])
    assert (facts["Tier"], facts["Isolates"]) == ("admin, priority 7", "nothing")
    assert found["Egress"][0][:4] == ["no-nodes", "deny", "all nodes", "22/TCP"]
