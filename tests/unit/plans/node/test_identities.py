"""Whose certificates a node's agent is ordered to get."""

from __future__ import annotations

import pytest

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


GATEWAY = """
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: edge, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: edge, namespace: shop}
spec:
  selector: {matchLabels: &edge {app: edge, istio: ingressgateway}}
  template:
    metadata: {labels: *edge}
    spec: {serviceAccountName: edge, nodeName: node-1, containers: [{name: istio-proxy, image: auto}]}
---
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: shop}
spec: {selector: {app: edge}, ports: [{name: http, port: 80}, {name: https, port: 443}]}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {selector: {app: none}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {selector: {app: edge}, servers: [{port: {number: 443, name: a, protocol: HTTPS}, hosts: ['*'], tls: {mode: MODE}}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: plain, namespace: shop}
spec: {selector: {app: edge}, servers: [{port: {number: 80, name: b, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: shop}
spec: {hosts: ['*'], gateways: [plain], http: [{route: [{destination: {host: a}}]}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, namespace: shop}
spec: {host: a, trafficPolicy: {tls: {mode: TLS}}}
"""
EDGE = "spiffe://cluster.local/ns/shop/sa/edge"


@pytest.mark.parametrize(
    ("server", "backend", "want"),
    [
        pytest.param("PASSTHROUGH", "DISABLE", (), id="shows-none"),
        pytest.param("ISTIO_MUTUAL", "DISABLE", (EDGE,), id="to-clients"),
        pytest.param("PASSTHROUGH", "ISTIO_MUTUAL", (EDGE,), id="to-backends"),
    ],
)
def test_of_gateways_alone_those_that_show_theirs(server: str, backend: str, want: tuple[str, ...]) -> None:
    text = PODS.replace("LABEL", "disabled") + GATEWAY.replace("MODE", server).replace("TLS}", f"{backend}}}")
    built = build_model(snapshot_of(load_text(text, "pods.yaml").resources), CLUSTER, Leases()).model
    assert {one.spiffe for one in built.mesh.members} == {EDGE}
    assert [plan_node(built, node).identities for node in ("node-1", "node-2")] == [want, ()]


def test_they_stand_in_the_orders_file() -> None:
    orders = plan_node(model("enabled"), "node-1")
    _, text = encode_orders(orders)
    assert decode_orders(text).node.identities == orders.identities
