"""What each field, form and negation matches; judged by what becomes of calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

POLICY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: p, namespace: shop}}
spec:
  action: {action}
  selector: {{matchLabels: {{app: web}}}}
  rules:
  - {rule}
"""
WEB, OTHER = "cluster.local/ns/shop/sa/web", "other.td/ns/dev/sa/job"
TOKEN = {"iss": "https://issuer.test", "sub": "alice", "aud": ["a", "b"], "azp": "cli", "realm": {"roles": ["admin"]}, "group": "ops"}

# (rule, calls that fit, calls that do not)
FIELDS: list[Any] = [
    pytest.param(rule, fits, not_fits, id=name)
    for name, rule, fits, not_fits in (
        ("everything", "{}", ({}, {"who": WEB}, {"path": "/a"}), ()),
        ("principal", f"from: [{{source: {{principals: [{WEB}]}}}}]", ({"who": WEB},), ({"who": OTHER}, {}, {"who": WEB + "x"})),
        ("principal-prefix", "from: [{source: {principals: [cluster.local/ns/shop/*]}}]", ({"who": WEB},), ({"who": OTHER},)),
        ("principal-suffix", 'from: [{source: {principals: ["*/sa/web"]}}]', ({"who": WEB}, {"who": "x/ns/y/sa/web"}), ({"who": OTHER}, {})),
        ("principal-any", 'from: [{source: {principals: ["*"]}}]', ({"who": WEB}, {"who": OTHER}), ({},)),
        ("principal-none", 'from: [{source: {notPrincipals: ["*"]}}]', ({},), ({"who": WEB},)),
        ("principal-dots", 'from: [{source: {principals: ["*/sa/w.b"]}}]', ({"who": "x/ns/y/sa/w.b"},), ({"who": "x/ns/y/sa/web"},)),
        ("namespace", "from: [{source: {namespaces: [shop]}}]", ({"who": WEB},), ({"who": OTHER}, {}, {"who": "cluster.local/ns/shopping/sa/web"})),
        ("namespace-star", 'from: [{source: {namespaces: ["sh*"]}}]', ({"who": WEB}, {"who": "cluster.local/ns/shopping/sa/web"}), ({"who": OTHER},)),
        ("not-namespace", "from: [{source: {notNamespaces: [shop]}}]", ({"who": OTHER}, {}), ({"who": WEB},)),
        ("account", "from: [{source: {serviceAccounts: [web]}}]", ({"who": WEB}, {"who": "any/ns/shop/sa/web"}), ({"who": "cluster.local/ns/dev/sa/web"}, {"who": WEB + "2"}, {})),
        ("account-elsewhere", "from: [{source: {serviceAccounts: [dev/job]}}]", ({"who": OTHER},), ({"who": WEB},)),
        ("not-account", "from: [{source: {notServiceAccounts: [web]}}]", ({"who": OTHER}, {}), ({"who": WEB},)),
        ("trust-domain", "from: [{source: {trustDomains: [other.td]}}]", ({"who": OTHER},), ({"who": WEB}, {"who": "other.td.evil/ns/dev/sa/job"}, {})),
        ("trust-domain-prefix", 'from: [{source: {trustDomains: ["other*"]}}]', ({"who": OTHER}, {"who": "otherwise/ns/a/sa/b"}), ({"who": WEB},)),
        ("trust-domain-suffix", 'from: [{source: {trustDomains: ["*.td"]}}]', ({"who": OTHER},), ({"who": WEB}, {"who": "a/ns/b.td/sa/c"})),
        ("not-trust-domain", "from: [{source: {notTrustDomains: [other.td]}}]", ({"who": WEB}, {}), ({"who": OTHER},)),
        ("request-principal", "from: [{source: {requestPrincipals: [https://issuer.test/alice]}}]", ({"claims": TOKEN},), ({}, {"claims": {**TOKEN, "sub": "bob"}})),
        ("request-principal-any", 'from: [{source: {requestPrincipals: ["*"]}}]', ({"claims": TOKEN},), ({}, {"claims": {"iss": "x"}}, {"claims": {"iss": "x", "sub": ""}})),
        ("request-principal-issuer", 'from: [{source: {requestPrincipals: ["https://issuer.test/*"]}}]', ({"claims": TOKEN},), ({"claims": {**TOKEN, "iss": "x"}},)),
        ("request-principal-subject", 'from: [{source: {requestPrincipals: ["*/alice"]}}]', ({"claims": TOKEN}, {"claims": {**TOKEN, "iss": "x"}}), ({"claims": {**TOKEN, "sub": "malice"}},)),
        ("request-principal-suffix", 'from: [{source: {requestPrincipals: ["*ice"]}}]', ({"claims": TOKEN}, {"claims": {**TOKEN, "sub": "malice"}}), ({"claims": {**TOKEN, "sub": "bob"}},)),
        ("request-principal-prefix", 'from: [{source: {requestPrincipals: ["https*"]}}]', ({"claims": {**TOKEN, "iss": "https:x"}},), ({"claims": {**TOKEN, "iss": "x"}},)),
        ("request-principal-part", 'from: [{source: {requestPrincipals: ["https://issuer.test/al*"]}}]', ({"claims": TOKEN},), ({"claims": {**TOKEN, "sub": "bob"}},)),
        ("no-request-principal", 'from: [{source: {notRequestPrincipals: ["*"]}}]', ({}, {"claims": {"iss": "x"}}), ({"claims": TOKEN},)),
        ("ip-block", "from: [{source: {ipBlocks: [10.244.0.0/16, 192.0.2.7]}}]", ({}, {"peer": "192.0.2.7"}), ({"peer": "192.0.2.8"},)),
        ("ip-block-6", "from: [{source: {ipBlocks: ['2001:db8::/32']}}]", ({"peer": "2001:db8::1"},), ({}, {"peer": "2001:db9::1"})),
        ("not-ip-block", "from: [{source: {notIpBlocks: [10.244.0.0/16]}}]", ({"peer": "192.0.2.7"},), ({},)),
        ("remote-ip-block", "from: [{source: {remoteIpBlocks: [192.0.2.0/24]}}]", ({"client": "192.0.2.7"},), ({}, {"peer": "192.0.2.7", "client": "10.0.0.1"})),
        ("source-fields-are-anded", "from: [{source: {namespaces: [shop], ipBlocks: [10.244.0.0/16]}}]", ({"who": WEB},), ({"who": WEB, "peer": "192.0.2.7"}, {})),
        ("sources-are-ored", "from: [{source: {namespaces: [shop]}}, {source: {ipBlocks: [192.0.2.7]}}]", ({"who": WEB}, {"peer": "192.0.2.7"}), ({},)),
        ("values-and-their-negation", "from: [{source: {namespaces: [shop], notPrincipals: [cluster.local/ns/shop/sa/api]}}]", ({"who": WEB},), ({"who": "cluster.local/ns/shop/sa/api"},)),
        ("method", "to: [{operation: {methods: [GET, P*]}}]", ({}, {"method": "PUT"}), ({"method": "DELETE"}, {"method": "get"})),
        ("not-method", "to: [{operation: {notMethods: [GET]}}]", ({"method": "PUT"},), ({},)),
        ("path", "to: [{operation: {paths: [/api]}}]", ({"path": "/api"},), ({"path": "/api/"}, {"path": "/API"}, {"path": "/"})),
        ("path-prefix", 'to: [{operation: {paths: ["/api*"]}}]', ({"path": "/api"}, {"path": "/apix"}), ({"path": "/"},)),
        ("path-suffix", 'to: [{operation: {paths: ["*/stock"]}}]', ({"path": "/a/stock"},), ({"path": "/stockx"},)),
        ("path-any", 'to: [{operation: {paths: ["*"]}}]', ({"path": "/"},), ()),
        ("not-path", 'to: [{operation: {notPaths: ["/admin*"]}}]', ({"path": "/"},), ({"path": "/admin/x"},)),
        ("path-template", 'to: [{operation: {paths: ["/a/{*}/c"]}}]', ({"path": "/a/b/c"}, {"path": "/a/|/c"}), ({"path": "/a//c"}, {"path": "/a/b/b/c"}, {"path": "/a/c"})),
        ("path-template-rest", 'to: [{operation: {paths: ["/a/{*}/{**}"]}}]', ({"path": "/a/b/"}, {"path": "/a/b/c/d"}), ({"path": "/a/b"}, {"path": "/b/b/c"})),
        ("path-template-literal", 'to: [{operation: {paths: ["/a.b/{*}"]}}]', ({"path": "/a.b/c"},), ({"path": "/axb/c"},)),
        ("host", "to: [{operation: {hosts: [web.test]}}]", ({"host": "web.test"}, {"host": "WEB.test"}), ({"host": "web.test:80"}, {"host": "x"})),
        ("host-prefix", 'to: [{operation: {hosts: ["web.test:*"]}}]', ({"host": "Web.test:80"},), ({"host": "web.test"},)),
        ("host-suffix", 'to: [{operation: {hosts: ["*.test"]}}]', ({"host": "a.TEST"},), ({"host": "a.test.evil"},)),
        ("port", 'to: [{operation: {ports: ["8080", "9000"]}}]', ({}, {"port": 9000}), ({"port": 80},)),
        ("not-port", 'to: [{operation: {notPorts: ["8080"]}}]', ({"port": 80},), ({},)),
        ("operations-are-ored", 'to: [{operation: {methods: [PUT]}}, {operation: {paths: [/a]}}]', ({"method": "PUT"}, {"path": "/a"}), ({},)),
        ("header", "when: [{key: 'request.headers[X-Role]', values: [admin, 'ops*']}]", ({"headers": {"x-role": "admin"}}, {"headers": {"x-role": "ops-1"}}), ({}, {"headers": {"x-role": "Admin"}})),
        ("header-any", "when: [{key: 'request.headers[x-role]', values: ['*']}]", ({"headers": {"x-role": ""}},), ({},)),
        ("not-header", "when: [{key: 'request.headers[x-role]', notValues: [admin]}]", ({}, {"headers": {"x-role": "user"}}), ({"headers": {"x-role": "admin"}},)),
        ("header-of-several", "when: [{key: 'request.experimental.inline.headers[x-role]', values: [admin, 'o*', '*z']}]", ({"headers": {"x-role": "a,admin,b"}}, {"headers": {"x-role": "ops,b"}}, {"headers": {"x-role": "a,yz"}}), ({"headers": {"x-role": "a,administrator"}}, {})),
        ("source-ip", "when: [{key: source.ip, values: [10.244.0.9]}]", ({},), ({"peer": "10.244.0.8"},)),
        ("remote-ip", "when: [{key: remote.ip, notValues: [10.244.0.9]}]", ({"client": "192.0.2.1"},), ({},)),
        ("source-namespace", "when: [{key: source.namespace, values: [shop]}]", ({"who": WEB},), ({},)),
        ("source-account", "when: [{key: source.serviceAccount, values: [shop/web]}]", ({"who": WEB},), ({},)),
        ("source-principal", f"when: [{{key: source.principal, notValues: [{WEB}]}}]", ({},), ({"who": WEB},)),
        ("source-trust-domain", "when: [{key: source.trustDomain, values: [cluster.local]}]", ({"who": WEB},), ({"who": OTHER},)),
        ("auth-principal", "when: [{key: request.auth.principal, values: ['https://issuer.test/*']}]", ({"claims": TOKEN},), ({},)),
        ("audiences", "when: [{key: request.auth.audiences, values: [b]}]", ({"claims": TOKEN}, {"claims": {"aud": "b"}}), ({"claims": {"aud": "c"}}, {})),
        ("presenter", "when: [{key: request.auth.presenter, values: [cli]}]", ({"claims": TOKEN},), ({},)),
        ("claim", "when: [{key: 'request.auth.claims[group]', values: [ops]}]", ({"claims": TOKEN},), ({"claims": {"group": 3}}, {})),
        ("nested-claim", "when: [{key: 'request.auth.claims[realm][roles]', values: ['adm*']}]", ({"claims": TOKEN},), ({"claims": {"realm": ["roles"]}}, {})),
        ("not-claim", "when: [{key: 'request.auth.claims[group]', notValues: [ops]}]", ({}, {"claims": {"group": "dev"}}), ({"claims": TOKEN},)),
        ("destination-ip", "when: [{key: destination.ip, values: [10.244.0.0/24]}]", ({},), ({"destination": "10.245.0.1"},)),
        ("destination-port", "when: [{key: destination.port, values: ['8080']}]", ({},), ({"port": 1},)),
        ("sni", "when: [{key: connection.sni, values: ['*.test']}]", ({"server_name": "a.test"},), ({}, {"server_name": "a.example"})),
        ("metadata", "when: [{key: 'experimental.envoy.filters.a.b[c]', values: [d]}]", ({"metadata": {"envoy.filters.a.b": {"c": "d"}}},), ({}, {"metadata": {"envoy.filters.a.b": {"c": ["d"]}}})),
        ("metadata-list", "when: [{key: 'experimental.envoy.filters.a.b[c]', values: ['[d]']}]", ({"metadata": {"envoy.filters.a.b": {"c": ["d"]}}},), ({"metadata": {"envoy.filters.a.b": {"c": "d"}}},)),
        ("conditions-are-anded", "when: [{key: source.ip, values: [10.244.0.9]}, {key: destination.port, values: ['1']}]", ({"port": 1},), ({},)),
        ("all-three", "{from: [{source: {namespaces: [shop]}}], to: [{operation: {methods: [GET]}}], when: [{key: destination.port, values: ['8080']}]}", ({"who": WEB},), ({}, {"who": WEB, "method": "PUT"}, {"who": WEB, "port": 1})),
    )
]  # fmt: skip


@pytest.mark.parametrize(("rule", "fits", "not_fits"), FIELDS)
def test_what_a_rule_matches(
    shop: Callable[[str], Any], rule: str, fits: tuple[dict[str, Any], ...], not_fits: tuple[dict[str, Any], ...]
) -> None:
    allow, deny = (shop(POLICY.format(action=action, rule=rule)) for action in ("ALLOW", "DENY"))
    assert "NET0640" not in allow.codes
    for calls, expected in ((fits, True), (not_fits, False)):
        for call in calls:
            assert (allow.allows(**call), deny.allows(**call)) == (expected, not expected), call


TCP: list[Any] = [
    pytest.param(rule, allowed, denied, id=name)
    for name, rule, allowed, denied in (
        ("no-http-field", "from: [{source: {namespaces: [shop]}}]", True, True),
        ("port", "to: [{operation: {ports: ['5432']}}]", True, True),
        ("other-port", "to: [{operation: {ports: ['1']}}]", False, False),
        ("method-alone", "to: [{operation: {methods: [GET]}}]", False, True),
        ("method-and-port", "to: [{operation: {methods: [GET], ports: ['5432']}}]", False, True),
        ("method-and-other-port", "to: [{operation: {methods: [GET], ports: ['1']}}]", False, False),
        ("token", "from: [{source: {requestPrincipals: ['*']}}]", False, True),
        ("no-token", "from: [{source: {notRequestPrincipals: ['*']}}]", False, True),
        ("one-of-two-sources", "from: [{source: {namespaces: [dev]}}, {source: {requestPrincipals: ['*']}}]", False, True),
        ("header", "when: [{key: 'request.headers[a]', values: [b]}]", False, True),
        ("not-header", "when: [{key: 'request.headers[a]', notValues: [b]}]", False, True),
        ("header-and-namespace", "{from: [{source: {namespaces: [dev]}}], when: [{key: 'request.headers[a]', values: [b]}]}", False, False),
    )
]  # fmt: skip


@pytest.mark.parametrize(("rule", "allowed", "denied"), TCP)
def test_on_tcp_http_fields_never_allow_and_deny_more(shop: Callable[[str], Any], rule: str, allowed: bool, denied: bool) -> None:
    call = {"http": False, "port": 5432, "who": WEB}
    assert shop(POLICY.format(action="ALLOW", rule=rule)).allows(**call) is allowed
    assert shop(POLICY.format(action="DENY", rule=rule)).allows(**call) is not denied


ALIASES = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: '{trustDomain: new.td, trustDomainAliases: [old.td]}'}
---
"""


@pytest.mark.parametrize(
    ("written", "fits", "not_fits"),
    [
        ("new.td/ns/a/sa/b", ("new.td/ns/a/sa/b", "old.td/ns/a/sa/b"), ("cluster.local/ns/a/sa/b",)),
        ("old.td/ns/a/sa/b", ("new.td/ns/a/sa/b", "old.td/ns/a/sa/b"), ()),
        ("cluster.local/ns/a/sa/b", ("new.td/ns/a/sa/b", "old.td/ns/a/sa/b"), ("cluster.local/ns/a/sa/b",)),
        ("other.td/ns/a/sa/b", ("other.td/ns/a/sa/b",), ("new.td/ns/a/sa/b",)),
        ("*/ns/a/sa/b", ("x/ns/a/sa/b",), ()),
        ("*.td/ns/a/sa/b", ("old.td/ns/a/sa/b", "any.td/ns/a/sa/b"), ("old/ns/a/sa/b",)),
        ("new.td/ns/a/sa/*", ("old.td/ns/a/sa/x",), ("old.td/ns/b/sa/x",)),
        ("a/b", ("a/b",), ("new.td/b",)),
    ],
)
def test_trust_domains_that_are_one(shop: Callable[[str], Any], written: str, fits: tuple[str, ...], not_fits: tuple[str, ...]) -> None:
    found = shop(ALIASES + POLICY.format(action="ALLOW", rule=f"from: [{{source: {{principals: ['{written}']}}}}]"))
    assert [found.allows(who=one) for one in (*fits, *not_fits)] == [True] * len(fits) + [False] * len(not_fits)


def test_trust_domain_fields_know_aliases(shop: Callable[[str], Any]) -> None:
    found = shop(ALIASES + POLICY.format(action="ALLOW", rule="from: [{source: {trustDomains: [old.td]}}]"))
    assert [found.allows(who=f"{one}/ns/a/sa/b") for one in ("new.td", "old.td", "cluster.local")] == [True, True, False]
