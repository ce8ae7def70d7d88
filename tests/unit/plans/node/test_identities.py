"""Whose certificates a node's agent is ordered to get."""

from __future__ import annotations

from seaway.drivers.agent.orders import decode_orders, encode_orders
from seaway.frontends.build import build_model
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.index import Model
from seaway.plans.node.plan import plan_node
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

CLUSTER = Cluster(nodes=(Node("node-1", "172.18.0.2", "10.244.0.0/25"), Node("node-2", "172.18.0.3", "10.244.0.128/25")))
PODS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: LABEL}}
---
apiVersion: v1
kind: Pod
metadata: {name: a1, namespace: shop}
spec: {serviceAccountName: a, nodeName: node-1, containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a2, namespace: shop}
spec: {serviceAccountName: a, nodeName: node-1, containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: shop}
spec: {serviceAccountName: b, nodeName: node-2, containers: [{name: c}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: a, namespace: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: b, namespace: shop}
"""
A, B = "spiffe://cluster.local/ns/shop/sa/a", "spiffe://cluster.local/ns/shop/sa/b"


def model(label: str) -> Model:
    return build_model(snapshot_of(load_text(PODS.replace("LABEL", label), "pods.yaml").resources), CLUSTER, Leases()).model


def test_those_of_its_own_members_each_once() -> None:
    built = model("enabled")
    one, other = (plan_node(built, node).identities for node in ("node-1", "node-2"))
    assert (A in one, B in one) == (True, False)
    assert (A in other, B in other) == (False, True)
    assert one == tuple(sorted(set(one)))


def test_none_where_nobody_but_gateways_is_in_the_mesh() -> None:
    built = model("disabled")
    assert [plan_node(built, node).identities for node in ("node-1", "node-2")] == [(), ()]


def test_they_stand_in_the_orders_file() -> None:
    orders = plan_node(model("enabled"), "node-1")
    _, text = encode_orders(orders)
    assert decode_orders(text).node.identities == orders.identities
