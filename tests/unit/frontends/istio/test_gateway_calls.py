"""Whom an ingress controller calls, and under which rules, in the mesh and outside of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from seaway.model.route import Forward
from seaway.model.upstream import OUTSIDE_MESH, MutualMesh, Plain, Upstream

if TYPE_CHECKING:
    from tests.unit.frontends.istio.conftest import World

CONTROLLER = """
apiVersion: v1
kind: Namespace
metadata: {{name: edge, labels: {{istio-injection: {injection}}}}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: shop, labels: {{istio-injection: enabled}}}}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {{name: nginx}}
spec: {{controller: k8s.io/ingress-nginx}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: controller, namespace: edge}}
spec:
  selector: {{matchLabels: {{app: controller}}}}
  template:
    metadata: {{labels: {{app: controller}}}}
    spec:
      containers:
        - name: controller
          image: registry.k8s.io/ingress-nginx/controller:v1.15.1
          args: [/nginx-ingress-controller, --ingress-class=nginx]
          ports: [{{name: http, containerPort: 80}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop, labels: {{app: web}}}}
spec: {{containers: [{{name: web, ports: [{{name: http, containerPort: 8080}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec: {{selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: http}}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web, namespace: shop}}
spec:
  ingressClassName: nginx
  rules:
    - host: web.example.com
      http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]}}
"""


def called(world: World) -> Upstream:
    """The upstream that the only host of the only gateway leads to."""
    (gateway,) = world.built.model.gateways
    (host,) = gateway.hosts
    action = host.routes[0].action
    assert isinstance(action, Forward)
    return world.built.model.upstream[action.destinations[0].to]


def test_a_controller_in_the_mesh_calls_as_a_member_does(build: Callable[[str], World]) -> None:
    upstream = called(build(CONTROLLER.format(injection="enabled")))
    assert upstream.id.variant == ""
    assert isinstance(upstream.treatment.protection, MutualMesh)
    assert upstream.treatment.protection.identities == ("spiffe://cluster.local/ns/shop/sa/default",)


@pytest.mark.parametrize("injection", ["disabled", "later"])
def test_one_outside_calls_in_plaintext_whatever_the_others_are(build: Callable[[str], World], injection: str) -> None:
    upstream = called(build(CONTROLLER.format(injection=injection)))
    assert upstream.id.variant == OUTSIDE_MESH
    assert isinstance(upstream.treatment.protection, Plain)


def test_the_rules_of_its_own_namespace_hold_for_it(build: Callable[[str], World]) -> None:
    rule = """
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: plain, namespace: edge}
spec: {host: web.shop.svc.cluster.local, trafficPolicy: {tls: {mode: DISABLE}}}
"""
    upstream = called(build(CONTROLLER.format(injection="enabled") + rule))
    assert upstream.id.variant == "edge/plain"
    assert isinstance(upstream.treatment.protection, Plain)
