"""What upstream's validation refuses: each mistake is found at its line, and the policy stays closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Policy = Callable[..., str]


def rule(policy: Policy, text: str, action: str = "ALLOW", more: str = "") -> str:
    return policy(spec=f"{{action: {action}, rules: [{text}]{more}}}")


GOOD, BAD = {"who": "cluster.local/ns/shop/sa/web"}, {"path": "/other"}

# (rule, what is said of it, whether a DENY of it still denies a plain GET of / by nobody)
RULES: list[Any] = [
    pytest.param(text, problem, id=name)
    for name, text, problem in (
        ("from-empty", "{from: []}", "`from` is empty"),
        ("to-empty", "{to: []}", "`to` is empty"),
        ("no-source", "{from: [{}]}", "`source` is empty"),
        ("source-empty", "{from: [{source: {}}]}", "`source` is empty"),
        ("operation-empty", "{to: [{operation: {}}]}", "`operation` is empty"),
        ("lists-empty", "{to: [{operation: {paths: [], ports: []}}]}", "`operation` is empty"),
        ("empty-principal", "{from: [{source: {principals: ['']}}]}", "principals holds an empty value"),
        ("empty-not-host", "{to: [{operation: {notHosts: ['']}}]}", "notHosts holds an empty value"),
        ("address", "{from: [{source: {ipBlocks: [10.0.0.256]}}]}", "ipBlocks: 10.0.0.256 is neither"),
        ("range", "{from: [{source: {notRemoteIpBlocks: [10.0.0.0/33]}}]}", "notRemoteIpBlocks: 10.0.0.0/33 is neither"),
        ("mask", "{from: [{source: {ipBlocks: [10.0.0.0/255.0.0.0]}}]}", "is neither"),
        ("zone", "{from: [{source: {ipBlocks: ['fe80::1%eth0']}}]}", "is neither"),
        ("port", "{to: [{operation: {ports: ['65536']}}]}", "ports: 65536 is no port"),
        ("port-name", "{to: [{operation: {ports: [http]}}]}", "ports: http is no port"),
        ("port-sign", "{to: [{operation: {ports: ['+80']}}]}", "ports: +80 is no port"),
        ("account-star", "{from: [{source: {serviceAccounts: ['a*']}}]}", "serviceAccounts: a* is neither"),
        ("account-path", "{from: [{source: {serviceAccounts: [a/b/c]}}]}", "serviceAccounts: a/b/c is neither"),
        ("account-half", "{from: [{source: {notServiceAccounts: [/b]}}]}", "notServiceAccounts: /b is neither"),
        ("accounts", f"{{from: [{{source: {{serviceAccounts: [{', '.join(f'a{n}' for n in range(17))}]}}}}]}}", "more than 16 values"),
        ("template-order", "{to: [{operation: {paths: ['/{**}/{*}']}}]}", "{**} is not the last operator"),
        ("template-name", "{to: [{operation: {paths: ['/{a}']}}]}", "`{a}` holds braces"),
        ("template-part", "{to: [{operation: {paths: ['/a{*}']}}]}", "`a{*}` holds braces"),
        ("template-star", "{to: [{operation: {paths: ['/{*}/*']}}]}", "`*` cannot stand beside"),
        ("template-gap", "{to: [{operation: {notPaths: ['/{*}//a']}}]}", "`` cannot stand beside"),
        ("template-start", "{to: [{operation: {paths: ['a/{*}']}}]}", "a template begins with a slash"),
        ("no-key", "{when: [{key: '', values: [a]}]}", "the key is empty"),
        ("unknown-key", "{when: [{key: source.name, values: [a]}]}", "source.name is no key that Istio knows"),
        ("former-key", "{when: [{key: 'destination.labels[a]', values: [b]}]}", "is no key any more"),
        ("no-values", "{when: [{key: source.ip}]}", "source.ip has neither values nor notValues"),
        ("empty-value", "{when: [{key: source.namespace, notValues: ['']}]}", "notValues holds an empty value"),
        ("condition-address", "{when: [{key: destination.ip, values: [x]}]}", "destination.ip: x is neither"),
        ("condition-port", "{when: [{key: destination.port, notValues: [x]}]}", "x is no port"),
        ("no-header", "{when: [{key: request.headers, values: [a]}]}", "must be followed by a name in brackets"),
        ("no-header-name", "{when: [{key: 'request.headers[]', values: [a]}]}", "must be followed by a name in brackets"),
        ("header-name", "{when: [{key: 'request.headers[a b]', values: [a]}]}", "a b is no header's name"),
        ("no-claim-name", "{when: [{key: 'request.auth.claims[a][]', values: [a]}]}", "a claim's name is empty"),
        ("no-metadata-name", "{when: [{key: 'experimental.envoy.filters.a', values: [a]}]}", "must follow in brackets"),
    )
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), RULES)
def test_a_mistake_in_a_rule_never_opens_anything(shop: Callable[[str], Any], policy: Policy, text: str, problem: str) -> None:
    allow, deny = shop(rule(policy, text)), shop(rule(policy, text, "DENY"))
    for found in (allow, deny):
        assert problem in found.message("NET0640")
        assert found.lines("NET0640") == [4]
    for call in (GOOD, BAD, {}):
        assert not allow.allows(**call)
        assert not deny.allows(**call)


def test_the_other_rules_of_a_policy_with_a_mistake_stand(shop: Callable[[str], Any], policy: Policy) -> None:
    found = shop(rule(policy, "{to: [{operation: {paths: ['/{a}']}}]}, {to: [{operation: {paths: [/b]}}]}"))
    assert (found.allows(path="/b"), found.allows(path="/x")) == (True, False)


def test_what_is_left_of_a_denial_counts(shop: Callable[[str], Any], policy: Policy) -> None:
    found = shop(rule(policy, "{to: [{operation: {paths: ['/{a}'], methods: [PUT]}}], when: [{key: nonsense, values: [a]}]}", "DENY"))
    assert found.codes.count("NET0640") == 2
    assert (found.allows(), found.allows(method="PUT")) == (True, False)


def test_accounts_beside_namespaces(shop: Callable[[str], Any], policy: Policy) -> None:
    text = "{from: [{source: {serviceAccounts: [a], namespaces: [shop]}}]}"
    allow, deny = shop(rule(policy, text)), shop(rule(policy, text, "DENY"))
    assert "serviceAccounts cannot be used with" in deny.message("NET0640")
    assert (allow.allows(who="td/ns/shop/sa/a"), deny.allows(who="td/ns/shop/sa/b"), deny.allows(who="td/ns/dev/sa/b")) == (
        False,
        False,
        True,
    )


SPECS: list[Any] = [
    pytest.param(spec, problem, allowed, id=name)
    for name, spec, problem, allowed in (
        ("deny-without-rules", "{action: DENY}", "DENY without rules never holds", True),
        ("custom-without-rules", "{action: CUSTOM, provider: {name: a}}", "CUSTOM without rules never holds", True),
        ("custom-without-provider", "{action: CUSTOM, rules: [{}]}", "CUSTOM without a provider has nobody to ask", False),
        ("allow-with-provider", "{rules: [{}], provider: {name: a}}", "a provider is for CUSTOM, not for ALLOW", True),
        ("deny-in-small", "{action: Deny, rules: [{}]}", "action Deny is none of CUSTOM, AUDIT, DENY, ALLOW", False),
        ("no-action", "{action: BLOCK, rules: [{}]}", "action BLOCK is none of", False),
        ("selector-and-target", "{selector: {matchLabels: {app: web}}, targetRefs: [{kind: Service, name: web}]}", "only one of selector", False),
        ("selector-star", "{selector: {matchLabels: {app: 'w*'}}}", "selector app: w* is no label", False),
        ("selector-star-of-others", "{selector: {matchLabels: {app: 'x*'}}}", "selector app: x* is no label", True),
        ("selector-key", "{selector: {matchLabels: {'': web}}}", "selector holds an empty key", True),
        ("target-namespace", "{targetRefs: [{kind: Service, name: web, namespace: shop}]}", "targetRef must not name a namespace", True),
        ("target-kind", "{targetRefs: [{kind: Pod, name: web}]}", "targetRef cannot be a Pod of group core", True),
        ("target-name", "{targetRefs: [{kind: Service, name: ''}]}", "targetRef has no name", True),
    )
]  # fmt: skip


@pytest.mark.parametrize(("spec", "problem", "allowed"), SPECS)
def test_mistakes_of_the_whole(shop: Callable[[str], Any], policy: Policy, spec: str, problem: str, allowed: bool) -> None:
    found = shop(policy(spec=spec))
    assert problem in found.message("NET0640")
    assert found.allows() is allowed


@pytest.mark.parametrize(
    ("spec", "value", "problem", "allowed"),
    [
        ("{action: DENY, rules: [{}]}", "yes", "istio.io/dry-run: yes is neither true nor false", False),
        ("{action: AUDIT, rules: [{}]}", "true", "istio.io/dry-run is for ALLOW and DENY, not for AUDIT", True),
    ],
    ids=["no-word", "audit"],
)
def test_dry_run_that_cannot_be(shop: Callable[[str], Any], policy: Policy, spec: str, value: str, problem: str, allowed: bool) -> None:
    found = shop(policy(spec=spec, annotations=f'{{istio.io/dry-run: "{value}"}}'))
    assert problem in found.message("NET0640")
    assert found.allows() is allowed


CUSTOM_FIELDS = (
    "from: [{source: {principals: [a]}}]", "from: [{source: {notNamespaces: [a]}}]", "from: [{source: {serviceAccounts: [a]}}]",
    "from: [{source: {trustDomains: [a]}}]", "from: [{source: {requestPrincipals: [a]}}]", "when: [{key: source.namespace, values: [a]}]",
    "when: [{key: source.principal, values: [a]}]", "when: [{key: source.serviceAccount, values: [a]}]",
    "when: [{key: 'request.auth.claims[a]', values: [a]}]", "when: [{key: request.auth.audiences, values: [a]}]",
)  # fmt: skip


@pytest.mark.parametrize("field", CUSTOM_FIELDS)
def test_what_an_authorizer_cannot_be_asked_by(shop: Callable[[str], Any], policy: Policy, field: str) -> None:
    """Identities and tokens are not known yet when it is asked; without them it is asked about more."""
    found = shop(rule(policy, f"{{{field}}}", "CUSTOM", ", provider: {name: nobody}"))
    assert "cannot be used with CUSTOM" in found.message("NET0640")
    assert not found.allows()
