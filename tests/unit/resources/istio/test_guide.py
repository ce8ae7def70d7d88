"""Manifests as a beginner's guide to the mesh has them: a canary, pools, strict mutual TLS, an authorization and a database outside."""

from __future__ import annotations

from seaway.resources.istio.authorization_policy import AuthorizationPolicy
from seaway.resources.istio.destination_rule import DestinationRule
from seaway.resources.istio.service_entry import ServiceEntry
from seaway.resources.istio.virtual_service import VirtualService
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

TRAFFIC = """\
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: orders, namespace: shop}
spec:
  hosts: [orders]
  http:
  - match: [{headers: {canary: {exact: "yes"}}}]
    route: [{destination: {host: orders, subset: canary}, weight: 100}]
  - route:
    - {destination: {host: orders, subset: stable}, weight: 95}
    - {destination: {host: orders, subset: canary}, weight: 5}
---
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: orders, namespace: shop}
spec:
  host: orders
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 20}
      http: {http1MaxPendingRequests: 10, maxRequestsPerConnection: 5}
    circuitBreaker:
      consecutiveErrors: 4
      interval: 20s
      baseEjectionTime: 40s
  subsets:
  - name: stable
    labels: {version: v1}
    trafficPolicy:
      portLevelSettings:
      - port: {number: 8080}
        connectionPool: {tcp: {maxConnections: 10}}
  - name: canary
    labels: {version: v2}
"""
SECURITY = """\
apiVersion: security.istio.io/v1beta1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: orders, namespace: shop}
spec:
  selector: {matchLabels: {app: orders}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/shop/sa/edge]}}]
  - to: [{operation: {methods: [GET], paths: [/orders/*]}}]
  - when: [{key: "request.headers[role]", values: [clerk]}]
---
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: ledger, namespace: shop}
spec:
  hosts: [ledger.example]
  ports: [{number: 5432, name: postgres, protocol: TCP}]
  location: MESH_EXTERNAL
  resolution: DNS
"""


def test_all_of_it_is_read() -> None:
    loads = [load_text(TRAFFIC, "traffic.yaml"), load_text(SECURITY, "security.yaml")]
    assert [one.findings for one in loads] == [(), ()]
    snapshot = snapshot_of(resource for one in loads for resource in one.resources)
    service = snapshot.get(VirtualService, "networking.istio.io", "shop", "orders")
    assert service is not None
    canary, both = service.body.spec.http
    assert [one.destination.subset for one in canary.route] == ["canary"]
    assert [(one.destination.subset, one.weight) for one in both.route] == [("stable", 95), ("canary", 5)]
    assert service.at("spec", "http", 1, "route", 0, "weight").line == 10
    rule = snapshot.get(DestinationRule, "networking.istio.io", "shop", "orders")
    assert rule is not None
    assert rule.api_version == "networking.istio.io/v1alpha3"
    assert rule.at("spec", "trafficPolicy", "circuitBreaker", "consecutiveErrors").line == 23
    (policy,) = snapshot.of(AuthorizationPolicy)
    assert [(one.from_ is not None, one.to is not None, len(one.when)) for one in policy.body.spec.rules] == [
        (True, False, 0),
        (False, True, 0),
        (False, False, 1),
    ]
    (entry,) = snapshot.of(ServiceEntry)
    assert (entry.body.spec.location, entry.body.spec.resolution) == ("MESH_EXTERNAL", "DNS")
