"""Packets that network policies stopped or let pass as flow records: which policy it was, by the verdict table."""

from __future__ import annotations

from seaway.analysis.flows.lines import Line
from seaway.analysis.flows.reasons import Reason, Verdict
from seaway.model.index import Model
from seaway.model.policies.causes import Cause
from seaway.model.policies.causes import Reason as Why
from seaway.model.policies.language import Direction, Transport
from seaway.model.policies.nearest import Attempt, find_nearest
from seaway.model.policies.verdicts import PortVerdict
from seaway.protocols.flow_entry import FlowEntry, Reporter
from seaway.protocols.policy_log import DropEntry, PolicyVerdict

OPEN = "let pass: no network policy has a say"
UNKNOWN = "a network policy has no room for it; which one is known while the control plane runs"


def drop_flow(drop: DropEntry) -> FlowEntry:
    """The packet as a flow that the kernel tells of."""
    caller, called = f"{drop.source}:{drop.source_port}", f"{drop.destination}:{drop.port}"
    denied_by = "" if drop.verdict is PolicyVerdict.ACCEPTED else drop.verdict.value
    return FlowEntry(Reporter.KERNEL, False, drop.time, 0, caller, called, called, drop.protocol, denied_by=denied_by)


def unexplained(drop: DropEntry) -> Reason:
    """What can be said without the model."""
    return Reason(_verdict(drop), "let pass" if drop.verdict is PolicyVerdict.ACCEPTED else UNKNOWN)


def explain_drop(drop: DropEntry, model: Model) -> Reason:
    """The policies that stop it, would if they did not only audit, or let it pass; as the policies are now."""
    table = model.verdicts
    source = drop.identity if drop.identity in table.identity else table.identity_at(drop.source)
    found = table.verdict(source, table.identity_at(drop.destination), Transport(drop.protocol), drop.port)
    if drop.verdict is PolicyVerdict.ACCEPTED:
        return _explain_accept(found)
    if found.allowed and not found.audited:
        return Reason(_verdict(drop), "a network policy that is no more as it was: now this may pass")
    audited = {policy.key for policy in model.policies if policy.audit}
    for side, cause in (("egress", found.egress), ("ingress", found.ingress)):
        keys = {one.policy for one in cause.rules} | {key for key, _ in cause.policies}
        if cause.reason in (Why.DENIED, Why.DEFAULT_DENY) and (found.allowed or not audited.issuperset(keys)):
            nearest = find_nearest(table, cause, _attempt(drop, model, Direction(side))) if cause.reason is Why.DEFAULT_DENY else None
            return Reason(_verdict(drop), f"{side}: {_words(cause)}" + (f", {nearest}" if nearest is not None else ""), _lines(cause))
    return unexplained(drop)


def _explain_accept(found: PortVerdict) -> Reason:
    """The rules of both sides that let it pass."""
    if not found.allowed:
        return Reason(Verdict.ACCEPTED, "let pass by a network policy that is no more as it was: now this may not pass")
    sides = [(side, cause) for side, cause in (("egress", found.egress), ("ingress", found.ingress)) if cause.rules]
    if not sides:
        return Reason(Verdict.ACCEPTED, OPEN)
    words = "; ".join(f"{side}: {', '.join(f'rule {one.index + 1} of {one.policy}' for one in cause.rules)}" for side, cause in sides)
    return Reason(Verdict.ACCEPTED, f"let pass by {words}", tuple(line for _, cause in sides for line in _lines(cause)))


def _attempt(drop: DropEntry, model: Model, side: Direction) -> Attempt:
    source, target = model.pod_at.get(drop.source), model.pod_at.get(drop.destination)
    peer, address = (target, drop.destination) if side is Direction.EGRESS else (source, drop.source)
    return Attempt(side, peer, address, target, Transport(drop.protocol), drop.port)


def _verdict(drop: DropEntry) -> Verdict:
    return Verdict(drop.verdict.value)


def _words(cause: Cause) -> str:
    if cause.reason is Why.DEFAULT_DENY:
        return "default deny of " + ", ".join(str(key) for key, _ in cause.policies)
    return "denied by " + ", ".join(f"rule {one.index + 1} of {one.policy}" for one in cause.rules)


def _lines(cause: Cause) -> tuple[Line, ...]:
    places = (*((one.policy, one.origin) for one in cause.rules), *cause.policies)
    return tuple(Line(key.kind, key.namespace, key.name, origin.file, origin.line) for key, origin in places)
