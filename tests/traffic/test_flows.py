"""What the nodes' Envoys tell of real requests: how each ended, and the line that decided."""

from __future__ import annotations

import http.client
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from network import Network, exchange, wait_until

MANIFESTS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{containerPort: 8080, name: http}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 8080, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: shop}
spec: {selector: {app: nobody}, ports: [{port: 8080, name: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
    - host: web.test
      http:
        paths:
          - {path: /shop, pathType: Prefix, backend: {service: {name: web, port: {number: 8080}}}}
          - {path: /empty, pathType: Prefix, backend: {service: {name: empty, port: {number: 8080}}}}
"""


MESH = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: outside}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    outboundTrafficPolicy:
      mode: REGISTRY_ONLY
---
apiVersion: v1
kind: Pod
metadata: {name: caller, namespace: shop, labels: {app: caller}}
spec: {containers: [{name: caller, ports: [{containerPort: 8080, name: http}]}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: free, labels: {istio-injection: enabled}}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: any, namespace: free}
spec:
  outboundTrafficPolicy: {mode: ALLOW_ANY}
---
apiVersion: v1
kind: Pod
metadata: {name: free, namespace: free}
spec: {containers: [{name: free}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger, namespace: outside, labels: {app: stranger}}
spec: {containers: [{name: stranger, ports: [{containerPort: 7070, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{containerPort: 8080, name: http}, {containerPort: 5432, name: tcp-db}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports:
    - {port: 8080, name: http}
    - {port: 5432, name: tcp-db}
---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: shop}
spec:
  selector: {app: nobody}
  ports:
    - {port: 8080, name: http}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: shop}
spec:
  mtls:
    mode: STRICT
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-posts, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  action: DENY
  rules:
    - to: [{operation: {methods: [POST], ports: ["8080"]}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-db, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  action: DENY
  rules:
    - to: [{operation: {ports: ["5432"]}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: some, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  rules:
    - to: [{operation: {paths: ["/ok", "/full*"]}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: small, namespace: shop}
spec:
  host: web
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 1}
      http: {http1MaxPendingRequests: 1}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
    - match: [{uri: {prefix: /ok}}, {uri: {prefix: /full}}, {uri: {prefix: /secret}}]
      route: [{destination: {host: web, port: {number: 8080}}}]
    - match: [{uri: {prefix: /fault}}]
      fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
      route: [{destination: {host: web, port: {number: 8080}}}]
"""


@pytest.fixture(scope="module")
def shop(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write("shop.yaml", MANIFESTS)
    network.up()
    return network


@pytest.fixture(scope="module", params=["one pass", "two passes"])
def mesh(networks: Callable[..., Network], request: pytest.FixtureRequest) -> Network:
    """Calls between its pods pass Envoy once, or twice."""
    network = networks()
    network.write("mesh.yaml", MESH)
    network.write("seaway.toml", f"[mesh]\nshorter_way = {str(request.param == 'one pass').lower()}\n")
    network.up()
    return network


def told(network: Network, path: str) -> list[dict[str, Any]]:
    """What is told of requests for this path, once anything is."""

    def found() -> list[dict[str, Any]]:
        return [one for one in network.json("flows")["flows"] if one["path"] == path]

    return wait_until(found, f"what is told of {path}")


def line_of(text: str, manifests: str = MANIFESTS) -> int:
    return manifests[: manifests.index(text)].count("\n") + 1


def cited(flow: dict[str, Any]) -> list[str]:
    return [f"{one['kind']} {one['namespace']}/{one['name']} {one['file'].rpartition('/')[2]}:{one['line']}" for one in flow["because"]]


def test_no_endpoint(shop: Network) -> None:
    assert shop.host.get(shop.gateway, 80, "/empty?key=secret", "web.test").status == 503
    (flow,) = told(shop, "/empty?key=…")
    assert (flow["verdict"], flow["status"], flow["flags"], flow["reporter"]) == ("unreachable", 503, ["UH"], "gateway")
    assert cited(flow) == [f"Service shop/empty shop.yaml:{line_of('{app: nobody}')}"]
    assert flow["via"]["workload"] == "Deployment/gateway"


def test_no_route(shop: Network) -> None:
    assert shop.host.get(shop.gateway, 80, "/elsewhere", "web.test").status == 404
    (flow,) = told(shop, "/elsewhere")
    assert (flow["status"], flow["text"]) == (404, "the route itself answers 404")
    assert cited(flow) == [f"Ingress shop/web shop.yaml:{line_of('- host: web.test')}"]


def test_what_goes_well_is_not_told_of(shop: Network) -> None:
    assert shop.host.get(shop.gateway, 80, "/shop", "web.test").status == 200
    assert shop.host.get(shop.gateway, 80, "/none-of-these", "web.test").status == 404
    told(shop, "/none-of-these")
    assert [one for one in shop.json("flows")["flows"] if one["path"] == "/shop"] == []


def test_who_follows_sees_what_comes(shop: Network) -> None:
    argv = shop.argv("flows", "-f", "-o", "json", "--status", "404")
    following = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert following.stdout is not None
    try:
        assert shop.host.get(shop.gateway, 80, "/seen", "web.test").status == 404
        assert any('"path": "/seen"' in line for line in iter(following.stdout.readline, ""))
    finally:
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=10)


REQUESTS = {
    "deny": ("POST", "/ok", 403, "denied", "AuthorizationPolicy shop/no-posts", "- to: [{operation: {methods: [POST]"),
    "not allowed": ("GET", "/secret", 403, "denied", "AuthorizationPolicy shop/some", "name: some"),
    "fault": ("GET", "/fault", 418, "failed", "VirtualService shop/web", "- match: [{uri: {prefix: /fault}}]"),
    "no route": ("GET", "/none", 404, "unreachable", "VirtualService shop/web", "- match: [{uri: {prefix: /ok}}"),
}


@pytest.mark.parametrize(("method", "path", "status", "verdict", "owner", "line"), REQUESTS.values(), ids=REQUESTS)
def test_requests_of_the_mesh(mesh: Network, method: str, path: str, status: int, verdict: str, owner: str, line: str) -> None:
    with mesh.inside("shop/caller").connect(mesh.cluster_ip("shop", "web"), 8080) as connection:
        assert exchange(connection, f"{path}?key={verdict}", "web:8080", method).status == status
    flow = wait_until(lambda: [one for one in told(mesh, f"{path}?key=…") if one["verdict"] == verdict], f"who {verdict} it")[0]
    assert flow["source"]["pod"] == "caller"
    assert flow["source"]["principal"] == "spiffe://cluster.local/ns/shop/sa/default"
    assert flow["status"] == status
    assert cited(flow)[0] == f"{owner} mesh.yaml:{line_of(line, MESH) + ('name: ' in line)}"


def test_no_endpoint_in_the_mesh(mesh: Network) -> None:
    with mesh.inside("shop/caller").connect(mesh.cluster_ip("shop", "empty"), 8080) as connection:
        assert exchange(connection, "/nobody", "empty:8080").status == 503
    (flow,) = told(mesh, "/nobody")
    assert (flow["flags"], flow["destination"]["host"]) == (["UH"], "empty.shop.svc.cluster.local")
    assert cited(flow) == [f"Service shop/empty mesh.yaml:{line_of('{app: nobody}', MESH) + 2}"]


def test_full_connection_pool(mesh: Network) -> None:
    address, caller = mesh.cluster_ip("shop", "web"), mesh.inside("shop/caller")
    busy = [caller.connect(address, 8080, timeout=20) for _ in range(8)]
    for one in busy:
        one.sendall(b"GET /full?delay=2s HTTP/1.1\r\nHost: web:8080\r\nConnection: close\r\n\r\n")
    flow = told(mesh, "/full?delay=…")[0]
    for one in busy:
        one.close()
    assert (flow["status"], flow["flags"], flow["verdict"]) == (503, ["UO"], "refused")
    assert cited(flow) == [f"DestinationRule shop/small mesh.yaml:{line_of('connectionPool:', MESH)}"]


def connections(network: Network, port: int) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [one for one in network.json("flows")["flows"] if not one["method"] and one["destination"]["port"] == port]

    return wait_until(found, f"what is told of connections to {port}")[0]


def test_plaintext_to_a_strict_port(mesh: Network) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        mesh.inside("outside/stranger").get(mesh.ip("shop/web"), 8080, "/ok", "web")
    flow = connections(mesh, 8080)
    assert (flow["verdict"], flow["source"]["pod"], flow["destination"]["pod"]) == ("denied", "stranger", "web")
    assert "STRICT" in flow["text"]
    assert cited(flow) == [f"PeerAuthentication shop/strict mesh.yaml:{line_of('mode: STRICT', MESH)}"]


def test_bytes_that_a_policy_denies(mesh: Network) -> None:
    with mesh.inside("shop/caller").connect(mesh.cluster_ip("shop", "web"), 5432) as connection:
        connection.sendall(b"hello")
        with suppress(ConnectionError):
            assert connection.recv(10) == b""
    flow = connections(mesh, 5432)
    assert (flow["verdict"], flow["reporter"]) == ("denied", "destination")
    line = line_of('- to: [{operation: {ports: ["5432"]}}]', MESH)
    assert cited(flow) == [f"AuthorizationPolicy shop/no-db mesh.yaml:{line}"]


def test_hosts_that_nobody_knows(mesh: Network) -> None:
    caller, line = mesh.inside("shop/caller"), line_of("mode: REGISTRY_ONLY", MESH)
    with caller.connect("192.0.2.9", 8080) as connection:
        assert exchange(connection, "/world", "example.com").status == 502
    (flow,) = told(mesh, "/world")
    assert (flow["verdict"], cited(flow)) == ("unreachable", [f" / mesh.yaml:{line}"])
    with caller.connect("192.0.2.9", 9999) as connection:
        connection.sendall(b"hello")
        with suppress(ConnectionError):
            assert connection.recv(10) == b""
    flow = connections(mesh, 9999)
    assert (flow["verdict"], cited(flow)) == ("unreachable", [f" / mesh.yaml:{line}"])


def test_hosts_that_nobody_knows_and_may_be_called_are_counted(mesh: Network) -> None:
    address = mesh.ip("outside/stranger")
    for _ in range(3):
        assert mesh.inside("free/free").get(address, 7070, "/", "anything").status == 200
    rows = [one["what"] for one in mesh.json("proxy", "endpoints", "free/free")["endpoints"] if one["name"] == "PassthroughCluster"]
    assert [(one.partition(": ")[0], one.rpartition(", ")[2]) for one in rows] == [(f"{address}:7070", "3 requests")]


def test_proxy_shows_what_is_a_pods_own(mesh: Network) -> None:
    listeners = mesh.json("proxy", "listeners", "shop/web")["listeners"]
    assert [one["name"] for one in listeners] == ["inbound/shop/web", "outbound/shop/web"]
    parts = {part["what"].partition(":")[0]: part["from"].rpartition("/")[2] for part in listeners[0]["parts"]}
    assert parts["chain 8080 0"] == f"mesh.yaml:{line_of('mode: STRICT', MESH)}"
    assert parts["DENY shop/no-db[0]"] == f"mesh.yaml:{line_of('- to: [{operation: {ports: [', MESH)}"
    (pool,) = (
        part["from"].rpartition("/")[2]
        for one in mesh.json("proxy", "clusters", "shop/caller")["clusters"]
        for part in one["parts"]
        if one["name"] == "outbound|8080||web.shop.svc.cluster.local" and part["what"] == "connection pool"
    )
    assert pool == f"mesh.yaml:{line_of('connectionPool:', MESH)}"
    rules = [one for one in mesh.json("proxy", "routes", "shop/web")["routes"] if one["parts"] and one["name"].endswith("/http1")]
    assert "ALLOW shop/some[0]" in [part["what"] for part in rules[0]["parts"]]
    secrets = mesh.text("proxy", "secrets", "shop/web", "-o", "json")
    assert "spiffe://cluster.local/ns/shop/sa/default" in secrets
    assert "PRIVATE KEY" not in secrets


def test_objects_say_which_envoys_have_accepted_them(mesh: Network) -> None:
    for kind in ("vs", "dr", "pa", "ap"):
        listed = mesh.ask("get", kind=kind, name=None, namespace="shop", selector="", accepted=True)
        assert listed["columns"][-1] == "ACCEPTED"
        assert {one["cells"][-1] for one in listed["items"]} == {"1/1"}, kind


def test_without_a_control_plane(shop: Network) -> None:
    address = shop.gateway
    shop.kill("control")
    assert shop.host.get(address, 80, "/alone", "web.test").status == 404
    assert [one["status"] for one in told(shop, "/alone")] == [404]
