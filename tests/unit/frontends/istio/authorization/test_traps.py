"""Policies that do something else than they seem to are told; the same policies without the trap are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Policy = Callable[..., str]
TRAPS = {f"NET06{number}" for number in range(41, 59)}
TOKENS = """
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{name: tokens, namespace: shop}}
spec: {{jwtRules: [{{issuer: "https://issuer.test", jwksUri: "https://issuer.test/jwks"{more}}}]}}
---
"""
WHO = "from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]"
WHAT = 'to: [{operation: {methods: [GET, POST], paths: ["/api/products/*"]}}]'
WHEN = "when: [{key: 'request.headers[user-role]', values: [admin, user]}]"


def found(shop: Callable[[str], Any], text: str) -> list[str]:
    return [code for code in shop(text).codes if code in TRAPS]


def web(policy: Policy, rules: str, action: str = "ALLOW") -> str:
    return policy(spec=f"{{action: {action}, selector: {{matchLabels: {{app: web}}}}, rules: [{rules}]}}")


TCP_TOO = "{to: [{operation: {ports: ['5432']}}]}"
"""The TCP port of the shop is meant to be open."""

CASES: list[Any] = [
    pytest.param(action, rules, trap, id=name)
    for name, action, rules, trap in (
        ("three-items", "ALLOW", f"{{{WHO}}}, {{{WHAT}}}, {{{WHEN}}}", ["NET0641", "NET0642"]),
        ("one-item", "ALLOW", f"{{{WHO}, {WHAT}, {WHEN}}}, {TCP_TOO}", []),
        ("two-callers", "ALLOW", f"{{{WHO}}}, {{from: [{{source: {{namespaces: [shop]}}}}]}}", []),
        ("caller-and-paths-for-all", "ALLOW", f"{{{WHO}, {WHAT}}}, {{to: [{{operation: {{paths: [/healthz]}}}}]}}, {TCP_TOO}", []),
        ("two-items-denied", "DENY", f"{{{WHO}}}, {{to: [{{operation: {{ports: ['8080']}}}}]}}", []),
        ("caller-and-methods", "ALLOW", f"{{{WHO}}}, {{{WHAT}}}", ["NET0641"]),
        ("caller-and-a-check-for-all", "ALLOW", f"{{{WHO}}}, {{to: [{{operation: {{methods: [GET], paths: [/healthz]}}}}]}}", []),
        ("caller-and-a-path-for-all", "ALLOW", f"{{{WHO}}}, {{to: [{{operation: {{paths: [/assets/*]}}}}]}}", []),
        ("condition-and-methods", "ALLOW", f"{{{WHAT}}}, {{when: [{{key: source.ip, values: [10.0.0.1]}}]}}", ["NET0641"]),
        ("header", "ALLOW", f"{{{WHAT}, {WHEN}}}, {TCP_TOO}", ["NET0642"]),
        ("header-of-a-known-caller", "ALLOW", f"{{{WHO}, {WHEN}}}, {TCP_TOO}", []),
        ("header-from-an-address", "ALLOW", f"{{from: [{{source: {{ipBlocks: [10.0.0.1]}}}}], {WHEN}}}, {TCP_TOO}", []),
        ("header-that-closes", "DENY", f"{{to: [{{operation: {{ports: ['8080']}}}}], {WHEN}}}", []),
        ("header-that-saves", "DENY", "{to: [{operation: {ports: ['8080']}}], when: [{key: 'request.headers[a]', notValues: [b]}]}", ["NET0642"]),
        ("tcp-never", "ALLOW", f"{{{WHAT}}}", ["NET0646"]),
        ("tcp-in-another-rule", "ALLOW", f"{{{WHAT}}}, {TCP_TOO}", []),
        ("tcp-not-meant", "ALLOW", "{to: [{operation: {methods: [GET], ports: ['8080']}}]}, " + TCP_TOO, []),
        ("tcp-more", "DENY", "{to: [{operation: {methods: [PUT]}}]}", ["NET0647"]),
        ("tcp-more-not-meant", "DENY", "{to: [{operation: {methods: [PUT], ports: ['8080']}}]}", []),
        ("tcp-more-by-another-condition", "DENY", "{to: [{operation: {methods: [PUT]}}], when: [{key: destination.port, values: ['8080']}]}", []),
        ("host", "DENY", "{to: [{operation: {hosts: [admin.test], ports: ['8080']}}]}", ["NET0651"]),
        ("host-and-port", "DENY", "{to: [{operation: {hosts: [admin.test, 'admin.test:*'], ports: ['8080']}}]}", []),
        ("host-prefix", "DENY", "{to: [{operation: {hosts: ['admin.test*'], ports: ['8080']}}]}", []),
        ("host-that-opens", "ALLOW", "{to: [{operation: {hosts: [web.test]}}]}, " + TCP_TOO, []),
        ("host-that-saves", "ALLOW", "{to: [{operation: {notHosts: [admin.test]}}]}, " + TCP_TOO, ["NET0651"]),
        ("service-port", "ALLOW", "{to: [{operation: {ports: ['80', '8080', '5432']}}]}", ["NET0652"]),
        ("service-port-condition", "DENY", "{when: [{key: destination.port, notValues: ['80']}]}", ["NET0652"]),
        ("unknown-port", "ALLOW", "{to: [{operation: {ports: ['9090', '5432']}}]}", []),
        ("small-method", "DENY", "{to: [{operation: {methods: [put], ports: ['8080']}}]}", ["NET0653"]),
        ("path-without-slash", "DENY", "{to: [{operation: {paths: [admin], ports: ['8080']}}]}", ["NET0653"]),
        ("path-with-query", "DENY", "{to: [{operation: {notPaths: ['/a?b=c'], ports: ['8080']}}]}", ["NET0653"]),
        ("principal-with-scheme", "ALLOW", "{from: [{source: {principals: ['spiffe://cluster.local/ns/shop/sa/web']}}]}", ["NET0653"]),
        ("host-with-scheme", "ALLOW", "{to: [{operation: {hosts: ['http://a.test']}}]}, " + TCP_TOO, ["NET0653"]),
        ("namespace-with-slash", "ALLOW", "{from: [{source: {namespaces: [shop/web]}}]}", ["NET0653"]),
        ("token-unverified", "ALLOW", "{from: [{source: {requestPrincipals: ['*']}}]}, " + TCP_TOO, ["NET0654"]),
        ("audit", "AUDIT", f"{{{WHAT}}}, {{{WHEN}, {WHAT}}}", []),
    )
]  # fmt: skip


@pytest.mark.parametrize(("action", "rules", "trap"), CASES)
def test_traps_of_rules(shop: Callable[[str], Any], policy: Policy, action: str, rules: str, trap: list[str]) -> None:
    assert found(shop, web(policy, rules, action)) == trap


def test_what_separate_items_allow_is_told(shop: Callable[[str], Any], policy: Policy) -> None:
    told = shop(web(policy, f"{{{WHO}}}, {{{WHAT}}}, {{{WHEN}}}"))
    assert told.message("NET0641") == (
        "each of the 3 items under rules allows by itself: cluster.local/ns/shop/sa/web may do anything; "
        "anyone may GET or POST /api/products/*; anyone with request.headers[user-role] admin or user may do anything"
    )
    assert told.allows(path="/x", headers={"user-role": "admin"})


SELECTIONS: list[Any] = [
    pytest.param(namespace, spec, trap, id=name)
    for name, namespace, spec, trap in (
        ("nobody", "shop", "{selector: {matchLabels: {app: product-service}}}", ["NET0643"]),
        ("no-pod-in-the-namespace", "nowhere", "{rules: [{}]}", ["NET0643"]),
        ("outsiders", "bare", "{rules: [{}]}", ["NET0644"]),
        ("selected-outsiders", "bare", "{selector: {matchLabels: {app: web}}}", ["NET0644"]),
        ("root", "istio-system", "{rules: [{}]}", []),
        ("root-nobody", "istio-system", "{selector: {matchLabels: {app: x}}}", ["NET0643"]),
        ("target", "shop", "{targetRefs: [{kind: Service, name: web}, {group: gateway.networking.k8s.io, kind: Gateway, name: g}]}", ["NET0645", "NET0645"]),
        ("all-is-well", "shop", "{selector: {matchLabels: {app: web}}}", []),
    )
]  # fmt: skip


@pytest.mark.parametrize(("namespace", "spec", "trap"), SELECTIONS)
def test_traps_of_selection(shop: Callable[[str], Any], policy: Policy, namespace: str, spec: str, trap: list[str]) -> None:
    assert found(shop, policy(namespace=namespace, spec=spec)) == trap


REQUIRED = "{from: [{source: {notRequestPrincipals: ['*']}}], to: [{operation: {ports: ['8080']}}]}"


def test_tokens_that_nobody_asks_for(shop: Callable[[str], Any], policy: Policy) -> None:
    assert found(shop, TOKENS.format(more="")) == ["NET0655"]
    asked = policy(spec=f"{{action: DENY, rules: [{REQUIRED}]}}")
    assert found(shop, TOKENS.format(more="") + asked) == []
    assert found(shop, TOKENS.format(more="") + web(policy, REQUIRED, "DENY")) == ["NET0655"]
    assert found(shop, TOKENS.format(more=", presence: REQUIRED") + asked) == ["NET0658"]


def test_a_header_from_a_verified_token_proves_something(shop: Callable[[str], Any], policy: Policy) -> None:
    required = policy("required", spec=f"{{action: DENY, rules: [{REQUIRED}]}}")
    text = required + web(policy, f"{{{WHAT}, {WHEN}}}, {TCP_TOO}")
    assert found(shop, TOKENS.format(more="") + text) == ["NET0642"]
    sets = ", outputClaimToHeaders: [{header: User-Role, claim: role}]"
    assert found(shop, TOKENS.format(more=sets) + text) == []
