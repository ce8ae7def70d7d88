"""Of what a default deny stops: the rule that comes nearest to letting it pass, and in what it differs; verdicts are `verdicts`' matter.

Each label, namespace or port that a rule asks for and does not find is one difference; the rule with the fewest is the nearest, the first
of several. A range of addresses counts as two, since nobody changes an address in order to be let in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seaway.core.cidr import parse_cidr
from seaway.core.labels import Operator, Requirement, Selector, matches
from seaway.model.policies.addresses import address_of
from seaway.model.policies.causes import Cause, RuleRef, rule_ref
from seaway.model.policies.identities import Ground
from seaway.model.policies.language import (
    WITH_PORTS,
    Action,
    Block,
    Direction,
    Entity,
    NamedPort,
    Names,
    Nodes,
    Peer,
    Pods,
    Policy,
    PortMatch,
    PortRange,
    Rule,
    Transport,
)
from seaway.model.policies.verdicts import VerdictTable
from seaway.model.policies.words import NAME_LABEL, peer_text, port_text, requirement_text
from seaway.model.workload import Pod


@dataclass(frozen=True, slots=True)
class Difference:
    """`differs` says what does not fit, `change` what would make it fit; `weight` is how much of a change that is."""

    differs: str
    change: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Nearest:
    """A rule that does not fit, and all that would have to be otherwise."""

    rule: RuleRef
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        return f"nearest rule differs in {' and '.join(one.differs for one in self.differences)} ({self.rule.origin})"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection as one side sees it: `peer` is the pod at the other end, None where that is no pod, at `address`.

    `taker` is the pod whose port it is.
    """

    direction: Direction
    peer: Pod | None
    address: str
    taker: Pod | None
    transport: Transport
    port: int


def find_nearest(table: VerdictTable, cause: Cause, attempt: Attempt) -> Nearest | None:
    """Of the policies that isolate; None where they have no rule at all."""
    isolating = set(cause.policies)
    found = [
        Nearest(rule_ref(policy, attempt.direction, rule), tuple(_differences(rule, attempt, table.ground)))
        for policy, rule in _rules(table.policies, attempt.direction)
        if (policy.key, policy.origin) in isolating
    ]
    return min((one for one in found if one.differences), key=_weight, default=None)


def _weight(one: Nearest) -> int:
    return sum(difference.weight for difference in one.differences)


def _rules(policies: tuple[Policy, ...], direction: Direction) -> Iterator[tuple[Policy, Rule]]:
    for policy in policies:
        for section in policy.sections:
            if section.direction is direction:
                yield from ((policy, rule) for rule in section.rules if rule.action is Action.ALLOW)


def _differences(rule: Rule, attempt: Attempt, ground: Ground) -> Iterator[Difference]:
    if rule.peers is not None:
        ways = [tuple(_peer_differences(peer, attempt, ground)) for peer in rule.peers]
        nobody = (Difference("its peers, of which it has none", "name the peer in the rule", 2),)
        yield from min(ways, key=lambda one: sum(difference.weight for difference in one), default=nobody)
    if rule.ports is not None and not any(_takes(port, attempt) for port in rule.ports):
        asked = f"{attempt.port}/{attempt.transport.value}"
        given = ", ".join(map(port_text, rule.ports)) or "none"
        yield Difference(f"port {given} (asked is {asked})", f"add port {asked} to the rule")


def _takes(port: PortMatch, attempt: Attempt) -> bool:
    transports = WITH_PORTS if port.protocol is None else (port.protocol,)
    if attempt.transport not in transports:
        return False
    match port:
        case PortRange():
            return port.first <= attempt.port <= port.last
        case NamedPort():
            declared = attempt.taker.ports if attempt.taker is not None else ()
            wanted = (port.name, attempt.port, attempt.transport.value)
            return any((one.name, one.port, one.protocol.value) == wanted for one in declared)


def _peer_differences(peer: Peer, attempt: Attempt, ground: Ground) -> Iterator[Difference]:
    match peer:
        case Pods() if attempt.peer is not None and not attempt.peer.host_network:
            yield from _pod_differences(peer, attempt.peer, ground)
        case Pods():
            yield Difference(f"peers {peer_text(peer)} ({attempt.address} is no pod's)", "name its address in the rule", 3)
        case Block():
            if not _within(attempt.address, peer.cidr) or any(_within(attempt.address, one) for one in peer.excluded):
                yield Difference(f"addresses {peer_text(peer)} (asked is {attempt.address})", "name the address in the rule", 2)
        case Nodes() | Names() | Entity():
            yield Difference(f"peers {peer_text(peer)}", "name the peer in the rule", 2)


def _within(address: str, cidr: str) -> bool:
    number, block = address_of(address), parse_cidr(cidr)
    return number is not None and block is not None and block.first <= number <= block.last


def _pod_differences(peer: Pods, pod: Pod, ground: Ground) -> Iterator[Difference]:
    space = pod.id.namespace
    spaces = dict(next((labels for name, labels in ground.namespaces if name == space), ()))
    for one in _unmet(peer.namespaces, spaces):
        if one.key == NAME_LABEL:
            yield Difference(f"namespace {' or '.join(sorted(one.values))} (asked is {space})", f"let the rule name namespace {space}")
        else:
            differs = f"label {requirement_text(one)} of namespace {space} ({_has(one, spaces)})"
            yield Difference(differs, _relabel(f"namespace {space}", one))
    labels = dict(pod.labels)
    for one in _unmet(peer.pods, labels):
        yield Difference(f"label {requirement_text(one)} of pod {pod.id} ({_has(one, labels)})", _relabel(f"pod {pod.id}", one))
    for one in _unmet(peer.accounts, {"name": pod.service_account}):
        wanted = " or ".join(sorted(one.values))
        yield Difference(f"service account {wanted} (it has {pod.service_account})", f"run pod {pod.id} under service account {wanted}")


def _unmet(selector: Selector, labels: dict[str, str]) -> tuple[Requirement, ...]:
    return tuple(one for one in selector if not matches((one,), labels))


def _has(one: Requirement, labels: dict[str, str]) -> str:
    return f"it has {one.key}={labels[one.key]}" if one.key in labels else f"it has no {one.key}"


def _relabel(whom: str, one: Requirement) -> str:
    match one.operator:
        case Operator.IN:
            return f"give {whom} the label {one.key}={min(one.values)}"
        case Operator.EXISTS:
            return f"give {whom} a label {one.key}"
        case Operator.NOT_IN | Operator.DOES_NOT_EXIST:
            return f"take the label {one.key} from {whom}"
