"""Authorization policies as rules of Envoy's RBAC filters, for HTTP and for bytes.

Each rule is a policy of RBAC whose name cites its line: Envoy reports the name of the one that decided
(`rbac_access_denied_matched_policy[...]` in an access log's RESPONSE_CODE_DETAILS, `CONNECTION_TERMINATION_DETAILS` on TCP).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seaway.model.authorization import Action, AnyOf, AuthorizationPolicy, Rule, Term
from seaway.plans.envoy.filters.terms import permission_and_principal
from seaway.plans.envoy.proto import Fields
from seaway.plans.envoy.resource import as_utf8

NEVER = AnyOf(())
_ENVOY_ACTION = {Action.CUSTOM: "DENY", Action.AUDIT: "LOG", Action.DENY: "DENY", Action.ALLOW: "ALLOW"}
DRY_RUN_PREFIX = {Action.ALLOW: "istio_dry_run_allow_", Action.DENY: "istio_dry_run_deny_"}
"""Upstream's names: what counts dry runs of Istio counts ours."""


def rule_name(policy: AuthorizationPolicy, index: int, origin: object) -> str:
    """`namespace/name[rule]@file:line`."""
    return as_utf8(f"{policy.key.namespace}/{policy.key.name}[{index}]@{origin}")


def rules_of(
    action: Action, policies: Iterable[AuthorizationPolicy], tcp: bool, prefix: str = "", on_the_way_out: bool = False
) -> Fields | None:
    """RBAC of these policies, all of one action; None where there is none. A policy without rules that apply here matches nothing.

    `prefix` goes before every name. `on_the_way_out`: callers show no certificate here, but their listener says who they are.
    """
    rules: dict[str, Fields] = {}
    found = False
    for policy in policies:
        found = True
        usable = [(rule, term) for rule in policy.rules if (term := _term(rule, tcp)) is not None]
        for rule, term in usable:
            rules[prefix + rule_name(policy, rule.index, rule.origin)] = _policy(term, on_the_way_out)
        if not usable:
            rules[prefix + rule_name(policy, 0, policy.origin)] = _policy(NEVER, on_the_way_out)
    return {"action": _ENVOY_ACTION[action], "policies": rules} if found else None


def _term(rule: Rule, tcp: bool) -> Term | None:
    return rule.tcp if tcp else rule.http


def _policy(term: Term, by_state: bool) -> Fields:
    permission, principal = permission_and_principal(term, by_state)
    return {"permissions": [permission], "principals": [principal]}


@dataclass(frozen=True, slots=True)
class Split:
    """The policies of one action: those that are enforced, and those that only say what they would do."""

    enforced: tuple[AuthorizationPolicy, ...]
    dry_run: tuple[AuthorizationPolicy, ...]


def split(action: Action, policies: tuple[AuthorizationPolicy, ...]) -> Split:
    mine = tuple(one for one in policies if one.action is action)
    return Split(tuple(one for one in mine if not one.dry_run), tuple(one for one in mine if one.dry_run))


def rbac_fields(action: Action, policies: tuple[AuthorizationPolicy, ...], tcp: bool = False, on_the_way_out: bool = False) -> Fields:
    """What HTTP's and TCP's RBAC filters have in common for AUDIT, DENY and ALLOW; nothing where no policy has the action."""
    parts = split(action, policies)
    fields: dict[str, object] = {}
    if (rules := rules_of(action, parts.enforced, tcp, on_the_way_out=on_the_way_out)) is not None:
        fields["rules"] = rules
    if (shadow := rules_of(action, parts.dry_run, tcp, on_the_way_out=on_the_way_out)) is not None:
        fields |= {"shadow_rules": shadow, "shadow_rules_stat_prefix": DRY_RUN_PREFIX[action]}
    return fields
