"""AuthorizationPolicies, one by one: what each asks for, which pods it is for, and what upstream would refuse of it.

An object that an API server would refuse is not there in a cluster, and what it was to close is open. Here it stays closed: see `rules.py`
for rules, and `_consequence` for what is said of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.codes import authorization as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.authorization.fields import Surroundings
from seaway.frontends.istio.authorization.rules import WrittenRule, build_rule, read_rule
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.selection import Selection, Written
from seaway.frontends.istio.settings import Settings
from seaway.model.authorization import Action, AuthorizationPolicy
from seaway.resources.istio import authorization_policy as api
from seaway.resources.resource import Resource

DRY_RUN = "istio.io/dry-run"
_TRUE, _FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}
_KIND = "AuthorizationPolicy"


@dataclass(frozen=True, slots=True)
class Read:
    """A policy, as it is enforced and as it was written."""

    policy: AuthorizationPolicy
    selection: Selection
    rules: tuple[WrittenRule, ...]
    place: Place


def read_policy(resource: Resource[api.AuthorizationPolicy], settings: Settings) -> tuple[Read | None, Findings]:
    """None where there is nothing to enforce."""
    spec, place = resource.body.spec, Place(resource)
    written = Written(spec.selector, spec.target_ref, spec.target_refs)
    known, findings = _action(spec, place)
    action, written_rules = (known, spec.rules) if known is not None else (Action.ALLOW, ())
    if text := written.problem:
        findings += (_invalid(place, text, "what is selected all the same is under the policy", "Select by labels alone."),)
    if action in (Action.DENY, Action.CUSTOM) and not spec.rules:
        text = f"{action.value} without rules never holds"
        return None, (*findings, _invalid(place, text, "there is nothing to close", "Write `rules: [{}]` for every request."))
    findings += _provider(spec, action, place)
    dry_run, about_dry_run = _dry_run(resource, action, place)
    around = Surroundings(resource.key.namespace, (settings.mesh.trust_domain, *settings.mesh.trust_domain_aliases))
    rules = tuple(read_rule(rule, index, place.of("rules", index), action) for index, rule in enumerate(written_rules))
    policy = AuthorizationPolicy(
        key=resource.key,
        action=action,
        rules=tuple(build_rule(one, action, around) for one in rules),
        dry_run=dry_run,
        provider=spec.provider.name if spec.provider is not None and action is Action.CUSTOM else "",
        origin=place.origin,
    )
    selection = written.selection(resource.key.namespace, settings.mesh.root_namespace)
    mistakes = tuple(
        _invalid(problem.place, problem.text, _consequence(action), problem.advice) for rule in rules for problem in rule.problems
    )
    return Read(policy, selection, rules, place), (*findings, *about_dry_run, *mistakes)


def _consequence(action: Action) -> str:
    match action:
        case Action.ALLOW:
            return "the rule allows nothing"
        case Action.DENY:
            return "the field does not count, so that the rule denies more, never less"
        case Action.CUSTOM:
            return "the field does not count, so that the authorizer is asked about more, never about less"
        case Action.AUDIT:
            return "the field does not count, so that more is noted"


def _invalid(place: Place, problem: str, consequence: str, advice: str) -> Finding:
    return place.find(codes.POLICY_INVALID, kind=_KIND, problem=problem, consequence=consequence, advice=advice)


def _action(spec: api.AuthorizationPolicySpec, place: Place) -> tuple[Action | None, Findings]:
    """ALLOW where none is given. A word that is none means the action that it is spelt like; None where it is like none."""
    if spec.action is None:
        return Action.ALLOW, ()
    known = {one.value: one for one in Action}
    if spec.action in known:
        return known[spec.action], ()
    action = known.get(spec.action.upper())
    text = f"action {spec.action} is none of {', '.join(known)}"
    consequence = f"it counts as {action.value}" if action is not None else "it allows nothing"
    return action, (_invalid(place.of("action"), text, consequence, "Write one of them, in capitals."),)


def _provider(spec: api.AuthorizationPolicySpec, action: Action, place: Place) -> Findings:
    at = place.of("provider")
    if action is Action.CUSTOM and (spec.provider is None or not spec.provider.name):
        advice = "Name one of MeshConfig's extensionProviders in provider.name."
        return (_invalid(at, "CUSTOM without a provider has nobody to ask", "what the policy matches is denied", advice),)
    if action is not Action.CUSTOM and spec.provider is not None:
        return (_invalid(at, f"a provider is for CUSTOM, not for {action.value}", "the provider does not count", "Take it out."),)
    return ()


def _dry_run(resource: Resource[api.AuthorizationPolicy], action: Action, place: Place) -> tuple[bool, Findings]:
    written = resource.meta.annotations.get(DRY_RUN)
    at = Place(resource, ("metadata", "annotations", DRY_RUN))
    if written is None:
        return False, ()
    if action not in (Action.ALLOW, Action.DENY):
        text = f"{DRY_RUN} is for ALLOW and DENY, not for {action.value}"
        return False, (_invalid(at, text, "the policy is enforced", "Take the annotation out."),)
    if written not in _TRUE | _FALSE:
        text = f"{DRY_RUN}: {written} is neither true nor false"
        return False, (_invalid(at, text, "the policy is enforced", 'Write "true" or "false".'),)
    return written in _TRUE, ()
