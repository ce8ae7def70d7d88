"""Ingress rules with real requests: path types, wildcards, default backends, rewrites, and who is not served."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from network import Network

BACKENDS = "".join(
    f"""\
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec: {{containers: [{{name: {name}, ports: [{{name: http, containerPort: 8080}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: http, port: 80, targetPort: http}}]
"""
    for name in ("exact", "prefix", "other", "fallback", "wild", "rewritten")
)

RULES = """\
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: mine, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: paths}
spec:
  rules:
    - host: paths.test
      http:
        paths:
          - {path: /exact, pathType: Exact, backend: {service: {name: exact, port: {number: 80}}}}
          - {path: /a/b, pathType: Prefix, backend: {service: {name: prefix, port: {name: http}}}}
          - {path: /a, pathType: Prefix, backend: {service: {name: other, port: {name: http}}}}
          - {path: /impl, pathType: ImplementationSpecific, backend: {service: {name: other, port: {name: http}}}}
    - host: "*.wild.test"
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: wild, port: {name: http}}}}]}
    - host: exactly.wild.test
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: exact, port: {name: http}}}}]}
    - host: nobody.test
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: missing, port: {name: http}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: fallback}
spec:
  defaultBackend: {service: {name: fallback, port: {number: 80}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: rewrite
  annotations: {nginx.ingress.kubernetes.io/rewrite-target: /$2, nginx.ingress.kubernetes.io/use-regex: "true"}
spec:
  rules:
    - host: rewrite.test
      http: {paths: [{path: "/things(/|$)(.*)", pathType: ImplementationSpecific, backend: {service: {name: rewritten, port: {name: http}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: secure
  annotations: {nginx.ingress.kubernetes.io/ssl-redirect: "false"}
spec:
  tls: [{hosts: [secure.test]}]
  rules:
    - host: secure.test
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: exact, port: {name: http}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: foreign}
spec:
  ingressClassName: somebody-elses
  rules:
    - host: foreign.test
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: exact, port: {name: http}}}}]}
"""


@pytest.fixture(scope="module")
def town(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write("town.yaml", (BACKENDS + RULES).removeprefix("---\n"))
    network.up()
    return network


@pytest.mark.parametrize(
    ("host", "path", "wanted"),
    [
        ("paths.test", "/exact", "exact"),
        ("paths.test", "/exact/", None),
        ("paths.test", "/exact?q=1", "exact"),
        ("paths.test", "/a/b", "prefix"),
        ("paths.test", "/a/b/c", "prefix"),
        ("paths.test", "/a/bc", "other"),
        ("paths.test", "/a", "other"),
        ("paths.test", "/ab", None),
        ("paths.test", "/impl/x", "other"),
        ("PATHS.test", "/a", "other"),
        ("paths.test:8080", "/a", "other"),
        ("one.wild.test", "/", "wild"),
        ("exactly.wild.test", "/", "exact"),
        ("a.b.wild.test", "/", "fallback"),
        ("wild.test", "/", "fallback"),
        ("unknown.test", "/x", "fallback"),
        ("foreign.test", "/", "fallback"),
        ("secure.test", "/", "exact"),
    ],
)
def test_who_answers(town: Network, host: str, path: str, wanted: str | None) -> None:
    """A default backend without rules is for hosts that no rule names: a known host's unknown path is not found, as in ingress-nginx."""
    answer = town.host.get(town.gateway, 80, path, host)
    assert (answer.status, answer.echo.get("pod")) == (200 if wanted else 404, wanted)


@pytest.mark.parametrize(("path", "wanted"), [("/things", "/"), ("/things/", "/"), ("/things/a/b?c=d", "/a/b?c=d")])
def test_rewrite_target(town: Network, path: str, wanted: str) -> None:
    echo = town.host.get(town.gateway, 80, path, "rewrite.test").echo
    assert (echo["pod"], echo["path"]) == ("rewritten", wanted)


def test_a_backend_that_is_not_there_is_unavailable(town: Network) -> None:
    assert town.host.get(town.gateway, 80, "/", "nobody.test").status == 503
    assert any("missing" in one["message"] for one in town.findings())


def test_tls_without_a_secret_takes_the_default_certificate(town: Network) -> None:
    assert town.host.get(town.gateway, 443, "/", "secure.test", tls=True).echo["pod"] == "exact"


def test_only_served_ingresses_have_an_address(town: Network) -> None:
    items = town.json("get", "ingress")["items"]
    addresses = {one["metadata"]["name"]: one["status"]["loadBalancer"].get("ingress") for one in items}
    assert addresses["foreign"] is None
    assert addresses["paths"] == [{"ip": town.gateway}]
