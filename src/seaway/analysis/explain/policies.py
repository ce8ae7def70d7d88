"""Network policies: both sides of the one verdict, and what would turn it. The verdict is the table's (`model/policies`)."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.analysis.explain.leg import Leg
from seaway.analysis.explain.steps import Explanation, Flip, Layer, Outcome, Step, Verdict, passes
from seaway.analysis.reach.because import cause_lines
from seaway.model.index import Model
from seaway.model.policies.causes import Cause, Reason, RuleRef
from seaway.model.policies.language import Direction, Tier
from seaway.model.policies.nearest import Attempt, find_nearest
from seaway.model.policies.verdicts import PortVerdict
from seaway.model.policies.words import NAME_LABEL
from seaway.model.workload import Pod

_DENY = (Reason.DENIED, Reason.DEFAULT_DENY)
_LAYERS = {Direction.EGRESS: Layer.EGRESS, Direction.INGRESS: Layer.INGRESS}


def explain_policies(model: Model, leg: Leg) -> tuple[tuple[Step, ...], Explanation | None]:
    """The steps of both directions, and the end where one of them denies."""
    exempt = _exempt(leg)
    if exempt:
        return (passes(Layer.EGRESS, exempt),), None
    table = model.verdicts
    source = table.identity_of_pod[leg.source.id] if leg.source is not None else table.identity_at(leg.source_address)
    target = table.identity_of_pod[leg.pod.id] if leg.pod is not None else table.identity_at(leg.address)
    verdict = table.verdict(source, target, leg.transport, leg.port)
    sides = ((Direction.EGRESS, verdict.egress), (Direction.INGRESS, verdict.ingress))
    steps = tuple(_step(model, leg, direction, cause, verdict) for direction, cause in sides if _concerns(leg, direction))
    if verdict.allowed:
        return steps, None
    flips = tuple(_flips(model, leg, [(direction, cause) for direction, cause in sides if cause.reason in _DENY]))
    return steps, Explanation(Verdict.DENIED, (), leg.failure, (), flips)


def _exempt(leg: Leg) -> str:
    """Why policies have no say, "" where they have."""
    if leg.itself:
        return "a pod to itself: network policies have no say"
    source, pod = leg.source, leg.pod
    if source is not None and pod is not None and source.node == pod.node and (source.host_network or pod.host_network):
        return f"a pod and its own node ({pod.node}): network policies have no say"
    if source is not None and source.host_network and pod is not None and pod.host_network:
        return "both ends are nodes: network policies have no say"
    return "neither end is a pod: network policies have no say" if source is None and pod is None else ""


def _concerns(leg: Leg, direction: Direction) -> bool:
    return (leg.source if direction is Direction.EGRESS else leg.pod) is not None


def _step(model: Model, leg: Leg, direction: Direction, cause: Cause, verdict: PortVerdict) -> Step:
    whose = leg.caller if direction is Direction.EGRESS else leg.called
    lines = cause_lines(cause, direction)
    match cause.reason:
        case Reason.OPEN:
            return passes(_LAYERS[direction], f"no policy restricts {direction.value} of {whose}")
        case Reason.ALLOWED:
            return passes(_LAYERS[direction], _rules_text(cause.rules, "lets it pass"), *lines)
        case Reason.DENIED:
            text = _rules_text(cause.rules, "denies it")
        case Reason.DEFAULT_DENY:
            nearest = find_nearest(model.verdicts, cause, _attempt(leg, direction))
            policies = ", ".join(str(key) for key, _ in cause.policies)
            text = f"default deny of {policies}: {nearest if nearest is not None else 'it has no rule for this direction'}"
    if verdict.allowed:
        return Step(_LAYERS[direction], Outcome.NOTE, f"only audited, it passes: {text}", lines)
    return Step(_LAYERS[direction], Outcome.STOPS, text, lines)


def _rules_text(rules: tuple[RuleRef, ...], does: str) -> str:
    one, more = rules[0], len(rules) - 1
    called = f" ({one.name})" if one.name else ""
    return f"{one.direction.value} rule {one.index + 1}{called} of {one.policy} {does}" + (f", and {more} more" if more else "")


def _attempt(leg: Leg, direction: Direction) -> Attempt:
    if direction is Direction.EGRESS:
        return Attempt(direction, leg.pod, leg.address, leg.pod, leg.transport, leg.port)
    return Attempt(direction, leg.source, leg.source_address, leg.pod, leg.transport, leg.port)


def _flips(model: Model, leg: Leg, denied: list[tuple[Direction, Cause]]) -> Iterator[Flip]:
    """Changes that are each enough: where both sides deny, each is made of one for either."""
    ways = [tuple(_side_flips(model, leg, direction, cause)) for direction, cause in denied]
    if len(ways) == 1:
        yield from ways[0]
        return
    first, second = (way[0] for way in ways)
    yield Flip(f"{first.text}; and {second.text}", first.key, first.origin)


def _side_flips(model: Model, leg: Leg, direction: Direction, cause: Cause) -> Iterator[Flip]:
    if cause.reason is Reason.DENIED:
        rule = cause.rules[0]
        before = "a rule before it that allows or passes this" if rule.tier is not Tier.NAMESPACED else "no rule that denies it"
        yield Flip(f"have {before}: {direction.value} rule {rule.index + 1} of {rule.policy} denies it", rule.policy, rule.origin)
        return
    nearest = find_nearest(model.verdicts, cause, _attempt(leg, direction))
    added = _added_rule(model, leg, direction, cause)
    if nearest is None:
        yield added
        return
    changes = " and ".join(one.change for one in nearest.differences)
    where = f"{direction.value} rule {nearest.rule.index + 1} of {nearest.rule.policy}"
    flip = Flip(f"{changes}: {where} then lets it pass", nearest.rule.policy, nearest.rule.origin)
    yield from (flip, added) if len(nearest.differences) == 1 else (added, flip)


def _added_rule(model: Model, leg: Leg, direction: Direction, cause: Cause) -> Flip:
    """To the policy that is most about this pod."""
    subjects = {(one.key, one.origin): len(one.subject.pods) for one in model.policies}
    key, origin = max(cause.policies, key=lambda one: subjects.get(one, 0))
    peer, address = (leg.pod, leg.address) if direction is Direction.EGRESS else (leg.source, leg.source_address)
    word = "to" if direction is Direction.EGRESS else "from"
    return Flip(
        f"add to {key} a rule of {direction.value}: {word} {_peer(peer, address)}, port {leg.port}/{leg.transport.value}", key, origin
    )


def _peer(pod: Pod | None, address: str) -> str:
    """A peer as a rule would name it."""
    if pod is None or pod.host_network:
        return f"ipBlock {address}/32"
    labels = [f"{key}: {value}" for key, value in pod.labels if key not in _GENERATED]
    which = f"podSelector {{{', '.join(labels)}}}" if labels else "podSelector {}"
    return f"{which} in namespaceSelector {{{NAME_LABEL}: {pod.id.namespace}}}"


_GENERATED = frozenset(
    {"pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"}
)
