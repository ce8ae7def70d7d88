"""One side of a connection: what policies say of an identity in one direction, for every peer and port.

Tiers, priorities, Pass and denies before allows are resolved here to a function from peer and port to an answer with its cause; nothing
after this knows of an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.policies.causes import NO_POLICY, Cause, Reason, RuleRef, rule_ref
from seaway.model.policies.identities import Identities, NamedPorts
from seaway.model.policies.language import WITH_PORTS, Action, Direction, Entity, NamedPort, Names, Policy, Rule, Section, Tier, Transport
from seaway.model.policies.ports import END, EVERYTHING, Span, place, ranges_of


@dataclass(frozen=True, slots=True)
class Answer:
    """What a side says of a span of ports. `audited`: it passes only because the policies that would drop it are audited.

    Where it does not simply pass, `named` are those that it passes by, once a DNS answer gave the peer's address for one of their names.
    """

    first: int
    last: int
    allowed: bool
    audited: bool
    cause: Cause
    named: tuple[Names, ...] = ()


Answers = tuple[Answer, ...]
OPEN: Answers = (Answer(0, END - 1, True, False, NO_POLICY),)


@dataclass(frozen=True, slots=True)
class Side:
    """`parts` are disjoint sets of peers that cover all identities, each with the answers for its ports."""

    parts: tuple[tuple[int, Answers], ...]

    def at(self, peer: int) -> Answers:
        """The answers for the identity at this position."""
        bit = 1 << peer
        return next(answers for mask, answers in self.parts if mask & bit)


Held = tuple[Policy, Section]
"""A policy that selects an identity, with its section of the direction in question."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One rule as it applies to an identity: for these peers, on these spans. `rank` orders the tiers with an order; `number` is the
    rule's among all of the side.

    With `names` it applies to those peers only whose address a DNS answer gave.
    """

    rank: tuple[int, str, str, int, int]
    tier: Tier
    action: Action
    audit: bool
    peers: int
    spans: tuple[Span, ...]
    ref: RuleRef
    number: int
    names: Names | None = None


@dataclass(frozen=True, slots=True)
class Isolation:
    """The policies that isolate, those that are audited apart."""

    enforced: tuple[tuple[Key, Origin], ...]
    audited: tuple[tuple[Key, Origin], ...]


class AnswerBook:
    """The answers of sides with the same policies, by which of their rules apply to a peer: they do not depend on who that is, and so last
    from one table to the next."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[int, tuple[Span, ...], Names | None], ...], Answers] = {}

    def answers(self, asks: list[Ask], isolation: Isolation) -> Answers:
        key = tuple((ask.number, ask.spans, ask.names) for ask in asks)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _answers(asks, isolation)
        return known


def build_side(held: tuple[Held, ...], direction: Direction, own_ports: NamedPorts, identities: Identities, book: AnswerBook) -> Side:
    """The side of an identity that these policies select. `own_ports` are its named ports, which rules of ingress may name."""
    asks = [
        ask
        for number, (policy, rule) in enumerate((policy, rule) for policy, section in held for rule in section.rules)
        for ask in _asks_of(policy, direction, number, rule, own_ports if direction is Direction.INGRESS else None, identities)
    ]
    asks.sort(key=lambda ask: ask.rank)
    isolating = [policy for policy, section in held if section.isolates]
    isolation = Isolation(
        tuple((policy.key, policy.origin) for policy in isolating if not policy.audit),
        tuple((policy.key, policy.origin) for policy in isolating if policy.audit),
    )
    parts: list[tuple[int, tuple[int, ...]]] = [(identities.everything, ())]
    for number, ask in enumerate(asks):
        parts = [part for one in parts for part in _split(one, ask.peers, number)]
    known: dict[tuple[int, ...], Answers] = {}
    found: list[tuple[int, Answers]] = []
    for mask, numbers in parts:
        if numbers not in known:
            known[numbers] = book.answers([asks[one] for one in numbers], isolation)
        found.append((mask, known[numbers]))
    return Side(tuple(found))


def _split(part: tuple[int, tuple[int, ...]], peers: int, number: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    mask, numbers = part
    inside = mask & peers
    if inside:
        yield inside, (*numbers, number)
    if inside != mask:
        yield mask & ~peers, numbers


def _asks_of(
    policy: Policy, direction: Direction, number: int, rule: Rule, own: NamedPorts | None, identities: Identities
) -> Iterator[Ask]:
    """A rule's asks: more than one where it names ports that peers declare differently."""
    peers = identities.everything if rule.peers is None else 0
    for peer in rule.peers or ():
        peers |= identities.peer_masks.get(peer, 0)
    ref = rule_ref(policy, direction, rule)
    rank = (policy.priority, policy.key.name, policy.key.kind, policy.part, rule.index)
    outside, numbered = identities.peer_masks.get(Entity.WORLD, 0), EVERYTHING if rule.ports is None else ranges_of(rule.ports)
    for names in rule.peers or ():
        if isinstance(names, Names) and rule.action is Action.ALLOW and outside and numbered:
            yield Ask(rank, policy.tier, rule.action, policy.audit, outside, numbered, ref, number, names)

    def ask(among: int, spans: tuple[Span, ...]) -> Iterator[Ask]:
        if among and spans:
            yield Ask(rank, policy.tier, rule.action, policy.audit, among, spans, ref, number)

    if rule.ports is None:
        yield from ask(peers, EVERYTHING)
        return
    yield from ask(peers, ranges_of(rule.ports))
    for port in rule.ports:
        if not isinstance(port, NamedPort):
            continue
        transports = WITH_PORTS if port.protocol is None else (port.protocol,)
        if own is not None:
            places = sorted(
                place(transport, port_number) for name, transport, port_number in own if name == port.name and transport in transports
            )
            yield from ask(peers, tuple((one, one) for one in places))
            continue
        for (transport, port_number), carriers in sorted(identities.carriers.get(port.name, {}).items(), key=_by_place):
            if transport in transports:
                yield from ask(peers & carriers, ((place(transport, port_number), place(transport, port_number)),))


def _by_place(item: tuple[tuple[Transport, int], int]) -> int:
    return place(*item[0])


def _answers(asks: list[Ask], isolation: Isolation) -> Answers:
    """The answers of one part: cut the ports where any rule begins or ends, and decide each piece."""
    cuts = sorted({0, END, *(edge for ask in asks for first, last in ask.spans for edge in (first, last + 1))})
    found: list[Answer] = []
    for first, after in pairwise(cuts):
        here = [ask for ask in asks if any(begin <= first <= end for begin, end in ask.spans)]
        allowed, audited, cause = _decided([ask for ask in here if ask.names is None], isolation)
        named = () if allowed and not audited else tuple(_named(here, isolation))
        if found and (last := found[-1]).cause == cause and (last.allowed, last.audited, last.named) == (allowed, audited, named):
            found[-1] = Answer(last.first, after - 1, allowed, audited, cause, named)
        else:
            found.append(Answer(first, after - 1, allowed, audited, cause, named))
    return tuple(found)


def _named(here: list[Ask], isolation: Isolation) -> Iterator[Names]:
    """By which names it passes. One is enough, since rules by names only allow: each is asked as if there were no other."""
    for names in dict.fromkeys(ask.names for ask in here if ask.names is not None):
        if _decided([ask for ask in here if ask.names in (None, names)], isolation)[:2] == (True, False):
            yield names


def _decided(here: list[Ask], isolation: Isolation) -> tuple[bool, bool, Cause]:
    allowed, cause = _verdict([ask for ask in here if not ask.audit], isolation.enforced)
    if allowed and (isolation.audited or any(ask.audit for ask in here)):
        with_audited, its_cause = _verdict(here, (*isolation.enforced, *isolation.audited))
        if not with_audited:
            return True, True, its_cause
    return allowed, False, cause


def _verdict(here: list[Ask], isolating: tuple[tuple[Key, Origin], ...]) -> tuple[bool, Cause]:
    """Whether it may pass: https://network-policy-api.sigs.k8s.io/api-overview/ has the order of the tiers."""
    first = next((ask for ask in here if ask.tier is Tier.ADMIN), None)
    if first is not None and first.action is not Action.PASS:
        return _by((first,))
    namespaced = [ask for ask in here if ask.tier is Tier.NAMESPACED]
    if denies := [ask for ask in namespaced if ask.action is Action.DENY]:
        return _by(denies)
    if isolating:
        allows = [ask for ask in namespaced if ask.action is Action.ALLOW]
        return _by(allows) if allows else (False, Cause(Reason.DEFAULT_DENY, (), isolating))
    first = next((ask for ask in here if ask.tier is Tier.BASELINE), None)
    return (True, NO_POLICY) if first is None or first.action is Action.PASS else _by((first,))


def _by(asks: Iterable[Ask]) -> tuple[bool, Cause]:
    refs = {ask.ref: ask.action for ask in asks}
    allowed = Action.ALLOW in refs.values()
    return allowed, Cause(Reason.ALLOWED if allowed else Reason.DENIED, tuple(refs))
