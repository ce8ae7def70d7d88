"""Which pods a policy is for, in which order actions count, and who shares a policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seaway.core.names import Key
from seaway.model.authorization import OPEN, Action
from seaway.model.workload import PodName

Policy = Callable[..., str]
WEB, API = PodName("shop", "web"), PodName("shop", "api")


@pytest.mark.parametrize(
    ("namespace", "spec", "web", "api"),
    [
        pytest.param("shop", "{}", False, False, id="namespace"),
        pytest.param("istio-system", "{}", False, False, id="mesh"),
        pytest.param("bare", "{}", True, True, id="another-namespace"),
        pytest.param("shop", "{selector: {matchLabels: {app: web}}}", False, True, id="selector"),
        pytest.param("istio-system", "{selector: {matchLabels: {app: web}}}", False, True, id="selector-of-the-root-namespace"),
        pytest.param("shop", "{selector: {matchLabels: {app: web, tier: back}}}", True, True, id="labels-are-anded"),
        pytest.param("shop", "{selector: {matchLabels: {}}}", False, False, id="empty-selector"),
        pytest.param("shop", "{targetRefs: [{kind: Service, name: web}]}", True, True, id="target"),
        pytest.param("shop", "{targetRef: {kind: Service, name: web}}", True, True, id="target-of-old"),
    ],
)
def test_selection(shop: Callable[[str], Any], policy: Policy, namespace: str, spec: str, web: bool, api: bool) -> None:
    """A policy without rules lets nothing in."""
    found = shop(policy(namespace=namespace, spec=spec))
    assert (found.allows(WEB), found.allows(API)) == (web, api)


RULES = {"absent": "", "empty": ", rules: []", "one-of-nothing": ", rules: [{}]"}


@pytest.mark.parametrize(
    ("action", "rules", "allowed"),
    [
        ("ALLOW", "absent", False),
        ("ALLOW", "empty", False),
        ("ALLOW", "one-of-nothing", True),
        ("DENY", "one-of-nothing", False),
        ("AUDIT", "absent", True),
        ("AUDIT", "one-of-nothing", True),
    ],
)
def test_rules_that_say_nothing(shop: Callable[[str], Any], policy: Policy, action: str, rules: str, allowed: bool) -> None:
    found = shop(policy(spec=f"{{action: {action}{RULES[rules]}}}"))
    assert found.allows() is allowed
    assert "NET0640" not in found.codes


def test_order_of_actions(shop: Callable[[str], Any], policy: Policy) -> None:
    """A denial beats any permission; with a permission somewhere, all else is closed."""
    text = policy("a", spec="{rules: [{to: [{operation: {paths: ['/a*']}}]}]}")
    text += policy("b", "istio-system", spec="{rules: [{to: [{operation: {paths: ['/b*']}}]}]}")
    text += policy("c", spec="{action: DENY, rules: [{to: [{operation: {paths: [/a/secret]}}]}]}")
    text += policy("d", spec="{action: AUDIT, rules: [{}]}")
    found = shop(text)
    assert [found.allows(path=path) for path in ("/a", "/b", "/c", "/a/secret")] == [True, True, False, False]
    denied, missed = found.verdict(path="/a/secret"), found.verdict(path="/c")
    assert (denied.by.policy.key.name, denied.by.rule.index, denied.by.origin.line) == ("c", 0, 16)
    assert (missed.by, [one.key.name for one in missed.missed]) == (None, ["b", "a"])
    assert [one.policy.key.name for one in missed.audited] == ["d"]
    assert [one.action for one in found.policies[WEB].policies] == [Action.AUDIT, Action.DENY, Action.ALLOW, Action.ALLOW]


@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
def test_dry_run_changes_nothing(shop: Callable[[str], Any], policy: Policy, action: str) -> None:
    rules = ", rules: [{}]" if action == "DENY" else ""
    found = shop(policy(spec=f"{{action: {action}{rules}}}", annotations='{istio.io/dry-run: "true"}'))
    verdict = found.verdict()
    assert found.allows()
    assert [one.policy.key.name for one in verdict.dry_run] == (["p"] if action == "DENY" else [])
    assert not shop(policy(spec=f"{{action: {action}{rules}}}", annotations='{istio.io/dry-run: "false"}')).allows()


def test_pods_under_the_same_rules_share_one_policy(shop: Callable[[str], Any], policy: Policy) -> None:
    found = shop(policy(spec="{rules: [{}]}"))
    assert found.policies[WEB] is found.policies[API]
    moved = shop("# two\n# lines" + policy(spec="{rules: [{}]}"))
    assert moved.policies[WEB].id == found.policies[WEB].id
    assert moved.policies[WEB].policies[0].origin.line == found.policies[WEB].policies[0].origin.line + 2
    assert shop(policy(spec="{rules: []}")).policies[WEB].id != found.policies[WEB].id
    assert shop(policy("q", spec="{rules: [{}]}")).policies[WEB].id != found.policies[WEB].id
    alone = shop(policy(spec="{selector: {matchLabels: {app: web}}}"))
    assert alone.policies[API] == OPEN
    assert {one.key for one in alone.policies[WEB].policies} == {Key("security.istio.io", "AuthorizationPolicy", "shop", "p")}


def test_nothing_is_asked_without_policies(shop: Callable[[str], Any]) -> None:
    found = shop("")
    assert (found.policies[WEB], found.policies[API]) == (OPEN, OPEN)
    assert found.built.model.mesh.policies == (OPEN,)
