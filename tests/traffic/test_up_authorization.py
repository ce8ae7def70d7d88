"""Authorization and tokens in a network that `seaway up` runs: real pods, mutual TLS between them, two nodes; and that edits tear nothing."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from network import Load, Network, exchange, wait_until
from tokens import Issuer

ISSUER, OTHER = Issuer("https://issuer.test"), Issuer("https://issuer.test")
MESH = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: other, labels: {istio-injection: enabled}}
"""
WORKLOAD = """\
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: {namespace}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec:
  serviceAccountName: {name}
  nodeSelector: {{kubernetes.io/hostname: {node}}}
  containers: [{{name: app, ports: [{{name: http, containerPort: 8080}}, {{name: tcp-db, containerPort: 5432}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: 8080}}, {{name: tcp-db, port: 5432}}]}}
"""
OUTSIDER = """\
---
apiVersion: v1
kind: Pod
metadata: {name: outsider, namespace: default}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
"""
PODS = (("api", "shop", "node-1"), ("web", "shop", "node-1"), ("batch", "other", "node-2"), ("far", "shop", "node-2"))


def policy(name: str, spec: str, namespace: str = "shop", kind: str = "AuthorizationPolicy") -> str:
    return f"---\napiVersion: security.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"


def api(name: str, rules: str, action: str = "ALLOW") -> str:
    return policy(name, f"{{action: {action}, selector: {{matchLabels: {{app: api}}}}, rules: [{rules}]}}")


@pytest.fixture(scope="module")
def mesh(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write(
        "mesh.yaml", MESH + "".join(WORKLOAD.format(name=name, namespace=where, node=node) for name, where, node in PODS) + OUTSIDER
    )
    network.up(str(network.manifests), "--nodes", "2")
    return network


@pytest.fixture(scope="module")
def put(mesh: Network) -> Callable[[str], None]:
    """`put(text)` makes these the policies, and returns when Envoys have them: one more that each text has names a path of its number."""
    numbers = count(1)

    def put(text: str) -> None:
        path = f"/version/{next(numbers)}"
        rule = f"{{to: [{{operation: {{paths: [{path}], ports: ['8080']}}}}]}}"
        mesh.write("policies.yaml", text + policy("version", f"{{action: DENY, rules: [{rule}]}}"))
        for node in ("node-1", "node-2"):
            wait_until(lambda node=node: f'"{path}"' in mesh.envoy("/config_dump?resource=dynamic_route_configs", node), "the policies")

    return put


def soon(see: Callable[[], Any], expected: Any) -> None:
    """A filter that was not there before comes with the listener, a moment after the routes."""
    with suppress(AssertionError):
        wait_until(lambda: see() == expected, "what is expected")
    assert see() == expected


def call(mesh: Network, pod: str, path: str = "/", *, to: str = "api", method: str = "GET", headers: str = "", bearer: str = "") -> int:
    """Status of a request from a pod to a Service of the shop; 0 where the connection ends without an answer."""
    if bearer:
        headers += f"Authorization: Bearer {bearer}\r\n"
    try:
        with mesh.inside(pod).connect(mesh.cluster_ip("shop", to), 80) as sock:
            sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: {to}.shop\r\n{headers}\r\n".encode())
            answer = http.client.HTTPResponse(sock, method=method)
            answer.begin()
            return answer.status
    except (OSError, http.client.HTTPException):
        return 0


def echoes(mesh: Network, pod: str) -> bool:
    """Whether bytes that a pod sends to the database port come back."""
    with suppress(OSError), mesh.inside(pod).connect(mesh.cluster_ip("shop", "api"), 5432) as sock:
        sock.sendall(b"hello")
        return sock.recv(100) == b"hello"
    return False


WEB = "{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}"
CASES: list[Any] = [
    pytest.param(text, calls, id=name)
    for name, text, calls in (
        ("none", "", {"shop/web": 200, "shop/far": 200, "other/batch": 200, "default/outsider": 200}),
        ("principal", api("a", WEB), {"shop/web": 200, "shop/far": 403, "other/batch": 403, "default/outsider": 403}),
        ("namespace", api("a", "{from: [{source: {namespaces: [shop]}}]}"), {"shop/web": 200, "shop/far": 200, "other/batch": 403, "default/outsider": 403}),
        ("account", api("a", "{from: [{source: {serviceAccounts: [far, other/batch]}}]}"), {"shop/web": 403, "shop/far": 200, "other/batch": 200}),
        ("deny-namespace", api("a", "{from: [{source: {namespaces: [other]}}]}", "DENY"), {"shop/web": 200, "other/batch": 403, "default/outsider": 200}),
        ("deny-without-identity", api("a", "{from: [{source: {notPrincipals: ['*']}}]}", "DENY"), {"shop/web": 200, "other/batch": 200, "default/outsider": 403}),
        ("nothing-in-the-namespace", policy("a", "{}"), {"shop/web": 403, "shop/far": 403, "other/batch": 403}),
        ("nothing-in-the-mesh", policy("a", "{}", "istio-system"), {"shop/web": 403, "other/batch": 403}),
        ("deny-beats-allow", api("a", "{}") + api("b", WEB, "DENY"), {"shop/web": 403, "shop/far": 200}),
        ("audit", api("a", "{}", "AUDIT"), {"shop/web": 200}),
        ("mistake-in-allow", api("a", "{to: [{operation: {paths: ['/{x}']}}]}"), {"shop/web": 403}),
        ("nobody-to-ask", policy("a", "{action: CUSTOM, provider: {name: x}, rules: [{}]}"), {"shop/web": 403}),
    )
]  # fmt: skip


@pytest.mark.parametrize(("text", "calls"), CASES)
def test_who_may_call(mesh: Network, put: Callable[[str], None], text: str, calls: dict[str, int]) -> None:
    put(text)
    soon(lambda: {pod: call(mesh, pod) for pod in calls}, calls)


def test_what_may_be_called(mesh: Network, put: Callable[[str], None]) -> None:
    rules = (
        "{to: [{operation: {methods: [GET], paths: ['/products/{*}'], ports: ['8080']}}]}",
        "{from: [{source: {ipBlocks: [WEB_IP]}}], to: [{operation: {paths: [/by-address]}}]}",
        "{to: [{operation: {hosts: [admin.test]}}], when: [{key: 'request.headers[x-role]', values: [ops]}]}",
    )
    put(api("a", ", ".join(rules).replace("WEB_IP", mesh.ip("shop/web"))))
    assert [call(mesh, "shop/web", path) for path in ("/products/7", "/products/7/stock", "/by-address", "/")] == [200, 403, 200, 403]
    assert [call(mesh, "other/batch", path) for path in ("/products/7", "/by-address")] == [200, 403]
    assert call(mesh, "shop/web", "/products/7", method="POST") == 403
    assert [call(mesh, "shop/web", "/products/../admin"), call(mesh, "shop/web", "/x/../products/7")] == [403, 200]


def test_bytes(mesh: Network, put: Callable[[str], None]) -> None:
    put("")
    assert [echoes(mesh, pod) for pod in ("shop/web", "other/batch", "default/outsider")] == [True, True, True]
    put(api("a", "{from: [{source: {namespaces: [shop]}}]}"))
    assert [echoes(mesh, pod) for pod in ("shop/web", "other/batch", "default/outsider")] == [True, False, False]
    put(api("a", "{to: [{operation: {methods: [GET]}}]}"))
    assert (call(mesh, "shop/web"), echoes(mesh, "shop/web")) == (200, False)
    put(api("a", "{to: [{operation: {methods: [DELETE]}}]}", "DENY"))
    assert (call(mesh, "shop/web"), echoes(mesh, "shop/web")) == (200, False)
    codes = {one["code"] for one in mesh.findings()}
    assert "NET0647" in codes


TOKENS = policy(
    "tokens",
    f"{{jwtRules: [{{issuer: 'https://issuer.test', jwks: {json.dumps(json.dumps(json.loads(ISSUER.jwks)))}}}]}}",
    kind="RequestAuthentication",
)
REQUIRED = api("required", "{from: [{source: {notRequestPrincipals: ['*']}}], to: [{operation: {ports: ['8080']}}]}", "DENY")
GROUP = api("group", "{when: [{key: 'request.auth.claims[realm][groups]', values: [ops]}]}")


def test_tokens(mesh: Network, put: Callable[[str], None]) -> None:
    good, bad = ISSUER.token({"sub": "a", "realm": {"groups": ["ops"]}}), OTHER.token({"sub": "a", "realm": {"groups": ["ops"]}})
    put(TOKENS)
    soon(lambda: [call(mesh, "shop/web", bearer=one) for one in ("", good, bad)], [200, 200, 401])
    put(TOKENS + REQUIRED)
    assert [call(mesh, "other/batch", bearer=one) for one in ("", good, bad)] == [403, 200, 401]
    put(TOKENS + REQUIRED + GROUP)
    assert [call(mesh, "shop/web", bearer=one) for one in (good, ISSUER.token({"sub": "a"}))] == [200, 403]


def test_policies_change_under_load_without_a_failed_request(mesh: Network, put: Callable[[str], None]) -> None:
    put(api("a", WEB))
    address, web = mesh.cluster_ip("shop", "api"), mesh.inside("shop/web")
    with Load(lambda: web.get(address, 80, host="api.shop")) as load:
        for extra in (
            "{to: [{operation: {paths: [/a]}}]}",
            "{to: [{operation: {paths: [/b]}}]}",
            "{from: [{source: {namespaces: [other]}}]}",
        ):
            put(api("a", f"{WEB}, {extra}") + TOKENS)
        put(api("a", WEB))
    assert load.sent > 20
    assert load.failed == {}


def test_a_connection_that_is_open_meets_the_new_policy(mesh: Network, put: Callable[[str], None]) -> None:
    put("")
    with mesh.inside("shop/web").connect(mesh.cluster_ip("shop", "api"), 80) as sock:
        assert exchange(sock, host="api.shop", close=False).status == 200
        put(api("a", "{from: [{source: {namespaces: [other]}}]}"))
        assert exchange(sock, host="api.shop", close=False).status == 403
        put("")
        assert exchange(sock, host="api.shop", close=False).status == 200
