"""Servers of several Gateways on the same pods: what shares a port, who has it where that cannot be, and who serves which host."""

from __future__ import annotations

import pytest

PASS = "tls: {mode: PASSTHROUGH}"
ROUTE = "http: [{route: [{destination: {host: web.shop.svc.cluster.local}}]}]"


def server(number, protocol, hosts, more="", name="x"):
    return f"- {{port: {{number: {number}, name: {name}, protocol: {protocol}}}, hosts: [{hosts}]{', ' if more else ''}{more}}}"


OLD, NEW = ", creationTimestamp: 2026-01-01T00:00:00Z", ", creationTimestamp: 2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [
        (server(80, "HTTP", "a.test"), server(80, "HTTP2", "b.test"), []),
        (server(80, "HTTP", "a.test"), server(80, "HTTP", "a.test"), []),
        (server(80, "HTTP", "a.test"), server(80, "TCP", "'*'"), ["NET0559"]),
        (server(90, "TCP", "'*'"), server(90, "TCP", "'*'"), ["NET0559"]),
        (server(443, "TLS", "a.test", PASS), server(443, "TLS", "b.test", PASS), []),
        (server(443, "TLS", "a.test", PASS), server(443, "TLS", "c.test, a.test", PASS), ["NET0560"]),
        (server(443, "TLS", "a.test", PASS), server(443, "HTTP", "b.test"), ["NET0559"]),
        (server(80, "HTTP", "a.test"), server(80, "TCP", "'*'", "bind: 127.0.0.1"), []),
    ],
)
def test_on_one_port(serve, write, first, second, codes):
    served = serve(write(second, "new", NEW), write(first, "old", OLD))
    assert [one for one in served.codes if one not in ("NET0563", "NET0561")] == codes


def test_a_selector_that_picks_nobody(serve, write):
    served = serve(write(server(80, "HTTP", "a.test"), spec="selector: {istio: elsewhere}"))
    assert (served.codes, served.gateway.edges) == (["NET0557"], ())


@pytest.mark.parametrize(
    ("hosts", "where", "found"),
    [
        ("a.test", "shop", True),
        ("a.test", "far", True),
        ("./a.test", "shop", True),
        ("./a.test", "far", False),
        ("far/a.test", "far", True),
        ("'*/a.test'", "far", True),
        ("'far/*'", "shop", False),
        ("'*'", "far", True),
    ],
)
def test_namespaces_of_hosts(serve, write, bind, hosts, where, found):
    text = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: far}\n"
    served = serve(text, write(server(80, "HTTP", hosts)), bind("a.test", ROUTE, where=where))
    assert ("a.test" in served.hosts(80)) == found
    assert ("NET0562" in served.codes) != found


@pytest.mark.parametrize(
    ("servers", "virtual", "hosts"),
    [
        ("'*.test'", "a.test", ["a.test"]),
        ("a.test, b.test", "'*.test'", ["a.test", "b.test"]),
        ("'*.test'", "'*.a.test'", ["*.a.test"]),
        ("'*'", "'*.test'", ["*.test"]),
        ("a.test", "b.test", []),
    ],
)
def test_hosts_in_common(serve, write, bind, servers, virtual, hosts):
    assert list(serve(write(server(80, "HTTP", servers)), bind(virtual, ROUTE)).hosts(80)) == hosts


def test_routes_of_several_virtual_services_with_those_for_every_request_last(serve, write, bind):
    one = bind("a.test", ROUTE, "one").replace("name: one,", f"name: one{OLD},")
    two = bind("a.test", "http: [{match: [{uri: {prefix: /b}}], route: [{destination: {host: web.shop.svc.cluster.local}}]}]", "two")
    lines = serve(write(server(80, "HTTP", "a.test")), one, two).hosts(80)["a.test"]
    assert len(lines) == 2
    assert int(lines[0]) > int(lines[1]), "the younger's narrower route first"


def test_a_route_for_another_gateway_is_not_there(serve, write, bind):
    rules = """
    http:
      - {match: [{gateways: [shop/other]}], route: [{destination: {host: web.shop.svc.cluster.local}}]}
      - {match: [{port: 8080}], route: [{destination: {host: web.shop.svc.cluster.local}}]}
    """
    served = serve(write(server(80, "HTTP", "a.test")), bind("a.test", rules))
    assert served.hosts(80) == {}
    assert "NET0563" in served.codes


def test_ports_of_the_implied_gateway_follow(serve, write):
    served = serve(write(server(7070, "HTTP", "a.test")))
    assert ("NET0561" in served.codes, list(served.edges)) == (False, [7070])


def test_claims_need_somebody_who_verifies_tokens(serve, write, bind):
    rules = """
    http: [{match: [{headers: {"@request.auth.claims.group": {exact: ops}}}], route: [{destination: {host: web.shop.svc.cluster.local}}]}]
    """
    tokens = """
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: seaway-system}
spec: {jwtRules: [{issuer: x, jwks: '{"keys": [{"kty": "oct", "k": "AAAA"}]}'}]}
"""
    parts = write(server(80, "HTTP", "a.test")), bind("a.test", rules)
    assert serve(*parts).codes == ["NET0567"]
    assert serve(tokens, *parts).codes == []


def test_an_ingress_controller_outside_the_mesh_serves_no_gateway(serve, write):
    nginx = """
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx, namespace: shop}
spec:
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec: {containers: [{name: controller, image: registry.k8s.io/ingress-nginx/controller:v1.15.1, ports: [{name: http, containerPort: 80}]}]}
"""
    served = serve(nginx, write(server(80, "HTTP", "a.test"), spec="selector: {app: nginx}"))
    assert (served.codes, served.gateway.edges) == (["NET0566"], ())
    inside = nginx.replace("labels: {app: nginx}}", 'labels: {app: nginx, sidecar.istio.io/inject: "true"}}')
    assert list(serve(inside, write(server(80, "HTTP", "a.test"), spec="selector: {app: nginx}")).edges) == [80]
