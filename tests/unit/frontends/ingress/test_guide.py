"""An ingress controller, an Ingress without a class, and nothing that they name: the usual state of a folder copied from a page."""

from __future__ import annotations

MANIFESTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: edge-controller, namespace: edge}
spec:
  replicas: 2
  selector: {matchLabels: {app: edge}}
  template:
    metadata: {labels: {app: edge}}
    spec:
      containers:
      - name: controller
        image: k8s.gcr.io/ingress-nginx/controller:v1.8.1
        ports: [{containerPort: 80}, {containerPort: 443}]
        args: [/nginx-ingress-controller, --controller-class=k8s.io/ingress-nginx]
---
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: edge}
spec:
  type: LoadBalancer
  selector: {app: edge}
  ports: [{name: http, port: 80}, {name: https, port: 443}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: site
  annotations:
    nginx.ingress.kubernetes.io/rewrite-target: /
    nginx.ingress.kubernetes.io/ssl-redirect: "true"
    cert-manager.io/cluster-issuer: letsencrypt
spec:
  tls:
  - hosts: [api.example.com, web.example.com]
    secretName: site-tls
  rules:
  - host: api.example.com
    http: {paths: [{path: /api, pathType: Prefix, backend: {service: {name: the-api, port: {number: 8080}}}}]}
  - host: web.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: the-web, port: {number: 80}}}}]}
"""


def test_everything_is_named_with_its_line(build):
    built = build(MANIFESTS, services=False)
    gateway = built.gateway
    assert (len(gateway.pods), str(gateway.service)) == (2, "edge/edge")
    assert [owner.name for owner in gateway.owners] == ["site"]
    lines = ["", *MANIFESTS.splitlines()]
    assert [(one.code.id, lines[one.origin.line].strip()[:24]) for one in built.findings] == [
        ("NET0360", "cert-manager.io/cluster-"),
        ("NET0305", "spec:"),
        ("NET0370", "secretName: site-tls"),
        ("NET0358", "http: {paths: [{path: /a"),
        ("NET0340", "http: {paths: [{path: /a"),
        ("NET0362", "http: {paths: [{path: /,"),
        ("NET0340", "http: {paths: [{path: /,"),
    ]
    assert built.table("api.example.com") == ["~(?i)(?:/api).* 503 !", "/ 404 !"]
    assert built.table("web.example.com") == ["/ 503 !"]
    assert built.tls == {"api.example.com": "", "web.example.com": ""}
