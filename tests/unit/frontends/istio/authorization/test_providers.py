"""External authorizers: what MeshConfig says of them, and what becomes of requests when it says it wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seaway.analysis.authorization import Decision
from seaway.model.route import Text
from seaway.model.upstream import UpstreamId
from seaway.model.workload import PodName

Policy = Callable[..., str]
WEB = PodName("shop", "web")
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: asker, namespace: shop}
spec: {selector: {app: api}, ports: [{name: http, port: 8000}, {name: grpc, port: 9000}]}
---
"""
HOST = "asker.shop.svc.cluster.local"


def mesh(*providers: str) -> str:
    lines = "".join(f"      - {one}\n" for one in providers)
    return f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: istio, namespace: istio-system}}
data:
  mesh: |
    extensionProviders:
{lines or "      []"}
---
"""


def http(name: str = "asker", port: int = 8000, more: str = "", service: str = HOST) -> str:
    return f"{{name: {name}, envoyExtAuthzHttp: {{service: {service}, port: {port}{more}}}}}"


def asking(policy: Policy, provider: str = "asker", name: str = "ask", rules: str = "{to: [{operation: {paths: [/ask]}}]}") -> str:
    return policy(name, spec=f"{{action: CUSTOM, provider: {{name: {provider}}}, rules: [{rules}]}}")


def test_over_http(shop: Callable[[str], Any], policy: Policy) -> None:
    more = (
        ", timeout: 0.5s, pathPrefix: /check, failOpen: true, clearRouteCache: true, statusOnError: '503', includeRequestHeadersInCheck: [X-A, 'x-b*', '*-c']"
        ", includeAdditionalHeadersInCheck: {x-z: '1', x-y: '2'}, headersToUpstreamOnAllow: [x-up], headersToDownstreamOnDeny: [x-deny]"
        ", headersToDownstreamOnAllow: [x-down], includeRequestBodyInCheck: {maxRequestBytes: 10, allowPartialMessage: true, packAsBytes: true}"
    )
    found = shop(SERVICE + mesh(http(more=more)) + asking(policy))
    (asker,) = found.policies[WEB].authorizers
    assert (asker.name, asker.to, asker.grpc, asker.timeout_s) == ("asker", UpstreamId(HOST, 8000), False, 0.5)
    assert (asker.path_prefix, asker.fail_open, asker.clear_route_cache, asker.status_on_error) == ("/check", True, True, 503)
    assert asker.sent_headers == (Text("exact", "X-A", True), Text("prefix", "x-b", True), Text("suffix", "-c", True))
    assert asker.added_headers == (("x-y", "2"), ("x-z", "1"))
    assert [one[0].value for one in (asker.upstream_headers, asker.denied_headers, asker.allowed_headers)] == ["x-up", "x-deny", "x-down"]
    assert (asker.body_bytes, asker.body_partial, asker.body_raw) == (10, True, True)
    assert "NET0649" not in found.codes
    asked = found.verdict(path="/ask")
    assert (asked.decision, asked.by.policy.key.name, asked.otherwise.decision) == (Decision.ASKED, "ask", Decision.ALLOWED)
    assert found.allows(path="/other")


def test_over_grpc_with_defaults(shop: Callable[[str], Any], policy: Policy) -> None:
    provider = f"{{name: asker, envoyExtAuthzGrpc: {{service: shop/{HOST}, port: 9000}}}}"
    found = shop(SERVICE + mesh("{name: other, zipkin: {service: a, port: 1}}", provider) + asking(policy, rules="{}"))
    (asker,) = found.policies[WEB].authorizers
    assert (asker.to, asker.grpc, asker.timeout_s, asker.fail_open, asker.status_on_error) == (
        UpstreamId(HOST, 9000),
        True,
        600,
        False,
        403,
    )
    assert (asker.sent_headers, asker.added_headers, asker.body_bytes) == ((), (), 0)
    assert found.verdict(http=False, port=5432).decision is Decision.ASKED


def test_bytes_are_not_asked_about_over_http(shop: Callable[[str], Any], policy: Policy) -> None:
    found = shop(SERVICE + mesh(http()) + asking(policy, rules="{}"))
    assert found.verdict(http=False, port=5432).decision is Decision.ALLOWED


BROKEN: list[Any] = [
    pytest.param(provider, problem, id=name)
    for name, provider, problem in (
        ("host", http(service="asker.dev.svc.cluster.local"), "no host is named asker.dev.svc.cluster.local"),
        ("namespace", http(service=f"dev/{HOST}"), f"no host is named dev/{HOST}"),
        ("no-service", "{name: asker, envoyExtAuthzHttp: {port: 8000}}", "no host is named in service"),
        ("port", http(port=1), f"{HOST} has no port 1"),
        ("no-port", f"{{name: asker, envoyExtAuthzHttp: {{service: {HOST}}}}}", "has no port named here"),
        ("status", http(more=", statusOnError: '99'"), "99 is no status that Envoy knows"),
        ("status-word", http(more=", statusOnError: forbidden"), "forbidden is no status"),
        ("prefix", http(more=", pathPrefix: check"), "pathPrefix check does not begin with a slash"),
        ("star", http(more=", headersToUpstreamOnAllow: ['*']"), "headersToUpstreamOnAllow: a name must hold more than a star"),
        ("timeout", http(more=", timeout: soon"), "timeout: it is not a duration"),
    )
]  # fmt: skip


@pytest.mark.parametrize(("provider", "problem"), BROKEN)
def test_a_broken_provider_denies_what_it_would_be_asked(shop: Callable[[str], Any], policy: Policy, provider: str, problem: str) -> None:
    found = shop(SERVICE + mesh(provider) + asking(policy))
    assert problem in found.message("NET0649")
    assert found.lines("NET0649") == [13]
    assert "NET0648" not in found.codes
    assert (found.allows(path="/ask"), found.allows(path="/other")) == (False, True)


def test_providers_of_one_name(shop: Callable[[str], Any], policy: Policy) -> None:
    found = shop(SERVICE + mesh(http(), http(port=9000), http(name="''")) + asking(policy))
    assert [one.message for one in found.findings if one.code.id == "NET0649"] == [
        "extension provider asker: another has the name, too", "extension provider : its name is empty",
    ]  # fmt: skip
    assert not found.allows(path="/ask")


def test_nobody_has_the_name(shop: Callable[[str], Any], policy: Policy) -> None:
    found = shop(SERVICE + mesh(http("one"), http("two")) + asking(policy))
    assert found.message("NET0648") == "asker is no external authorizer of MeshConfig's extensionProviders (one, two)"
    assert (found.allows(path="/ask"), found.allows(path="/other")) == (False, True)


def test_two_providers_at_one_workload(shop: Callable[[str], Any], policy: Policy) -> None:
    text = SERVICE + mesh(http("one"), http("two"))
    found = shop(text + asking(policy, "one", "a") + asking(policy, "two", "b", "{to: [{operation: {paths: [/two]}}]}"))
    assert found.message("NET0650") == "the workload's CUSTOM policies name several providers (one, two)"
    assert [found.allows(path=path) for path in ("/ask", "/two", "/other")] == [False, False, True]
