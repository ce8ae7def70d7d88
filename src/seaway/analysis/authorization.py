"""Who decides about a request or a connection at a workload: the policy, the rule and its line, as Envoy's filters would find."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from seaway.analysis.terms import Call, holds
from seaway.core.origin import Origin
from seaway.model.authorization import Action, AuthorizationPolicy, Rule, WorkloadPolicy


class Decision(Enum):
    """`ASKED`: an external authorizer is asked; whatever it says, `Verdict.otherwise` is what its consent leaves."""

    ALLOWED = "allowed"
    DENIED = "denied"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that holds."""

    policy: AuthorizationPolicy
    rule: Rule

    @property
    def origin(self) -> Origin:
        return self.rule.origin


@dataclass(frozen=True, slots=True)
class Verdict:
    """`by` is the rule that decided; None where none did: nothing restricts (allowed), or no ALLOW rule holds (denied).

    `missed` are then the ALLOW policies, none of which allows. `audited` and `dry_run` are rules that hold and change nothing.
    """

    decision: Decision
    by: Match | None
    missed: tuple[AuthorizationPolicy, ...] = ()
    audited: tuple[Match, ...] = ()
    dry_run: tuple[Match, ...] = ()
    otherwise: Verdict | None = None


def decide(policy: WorkloadPolicy, call: Call) -> Verdict:
    """What becomes of the call: CUSTOM, then DENY, then ALLOW."""
    beside = Beside.of(policy, call)
    custom = _first(_enforced(policy, Action.CUSTOM), call)
    rest = _decide_without_custom(policy, call, beside)
    if custom is None:
        return rest
    named = {one.provider for one in policy.policies if one.action is Action.CUSTOM}
    asked = [one for one in policy.authorizers if one.name in named]
    if len(named) > 1 or not asked:
        return Verdict(Decision.DENIED, custom, (), beside.audited, beside.dry_run)
    if not call.http and not asked[0].grpc:
        return rest
    return Verdict(Decision.ASKED, custom, (), beside.audited, beside.dry_run, rest)


@dataclass(frozen=True, slots=True)
class Beside:
    """Rules that hold and decide nothing."""

    audited: tuple[Match, ...]
    dry_run: tuple[Match, ...]

    @staticmethod
    def of(policy: WorkloadPolicy, call: Call) -> Beside:
        return Beside(
            tuple(_all(_enforced(policy, Action.AUDIT), call)), tuple(_all((one for one in policy.policies if one.dry_run), call))
        )


def _decide_without_custom(policy: WorkloadPolicy, call: Call, beside: Beside) -> Verdict:
    if (denied := _first(_enforced(policy, Action.DENY), call)) is not None:
        return Verdict(Decision.DENIED, denied, (), beside.audited, beside.dry_run)
    allow = tuple(_enforced(policy, Action.ALLOW))
    allowed = _first(allow, call)
    if allow and allowed is None:
        return Verdict(Decision.DENIED, None, allow, beside.audited, beside.dry_run)
    return Verdict(Decision.ALLOWED, allowed, (), beside.audited, beside.dry_run)


def _enforced(policy: WorkloadPolicy, action: Action) -> Iterable[AuthorizationPolicy]:
    return (one for one in policy.policies if one.action is action and not one.dry_run)


def _all(policies: Iterable[AuthorizationPolicy], call: Call) -> Iterable[Match]:
    for policy in policies:
        for rule in policy.rules:
            term = rule.http if call.http else rule.tcp
            if term is not None and holds(term, call):
                yield Match(policy, rule)


def _first(policies: Iterable[AuthorizationPolicy], call: Call) -> Match | None:
    """Of several that hold, the one that Envoy names: it goes through them by name."""
    return min(_all(policies, call), key=_name, default=None)


def _name(match: Match) -> str:
    return f"{match.policy.key.namespace}/{match.policy.key.name}[{match.rule.index}]"
