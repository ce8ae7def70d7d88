"""The verdict table: may this end open a connection to that one, on which ports, and why.

Each identity has a side for a direction in which policies have a say, and none where they do not, which is the usual case. A pair's verdict
is the egress side of its source and the ingress side of its destination folded into one; it is worked out when it is asked for, and held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from seaway.core.memo import Memo
from seaway.model.policies.addresses import address_of, cidrs_of
from seaway.model.policies.causes import Cause
from seaway.model.policies.identities import Ground, Identities, Identity, build_identities
from seaway.model.policies.language import Direction, NamedPort, Names, Policy, Section, Transport
from seaway.model.policies.masks import bits
from seaway.model.policies.ports import transports_of
from seaway.model.policies.shapes import Shape, Shapes
from seaway.model.policies.sides import OPEN, AnswerBook, Answers, Held, Side, build_side
from seaway.model.workload import PodName


@dataclass(frozen=True, slots=True)
class PortVerdict:
    """Of ports `first` to `last` of one protocol. `audited`: it passes, and is to be reported as what audited policies would drop.

    `egress` is why the source's side says so, `ingress` why the destination's does. What is not allowed passes by `names`, once a DNS
    answer gave the destination's address for one of them.
    """

    protocol: Transport
    first: int
    last: int
    allowed: bool
    audited: bool
    egress: Cause
    ingress: Cause
    names: tuple[Names, ...] = ()


Verdicts = tuple[PortVerdict, ...]
"""Disjoint, sorted, and complete over protocols and ports."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Identities (by number) from which the same passes to a destination."""

    numbers: tuple[int, ...]
    shape: Shape

    @property
    def ports(self) -> tuple[tuple[Transport, int, int, bool, bool], ...]:
        """(protocol, first, last, allowed, audited): sorted, disjoint, complete."""
        return tuple(one[:5] for one in self.named_ports)

    @property
    def named_ports(self) -> tuple[tuple[Transport, int, int, bool, bool, tuple[Names, ...]], ...]:
        """The same, with the names that let it pass."""
        return tuple(
            (transport, begin, end, allowed, audited, named)
            for first, last, allowed, audited, named in self.shape
            for transport, begin, end in transports_of(first, last)
        )


@dataclass(frozen=True, eq=False)
class VerdictTable:
    """All verdicts of a cluster. Identities are named by their numbers. `egress` and `ingress` are by position, None where all is open."""

    policies: tuple[Policy, ...]
    ground: Ground
    known: Identities
    egress: tuple[Side | None, ...]
    ingress: tuple[Side | None, ...]

    @property
    def identities(self) -> tuple[Identity, ...]:
        return self.known.all

    @cached_property
    def identity(self) -> Mapping[int, Identity]:
        """By number."""
        return {one.number: one for one in self.known.all}

    @cached_property
    def identity_of_pod(self) -> Mapping[PodName, int]:
        """A pod in the host's network has its node's."""
        every = self.known.all
        return {pod: every[at].number for pod, at in self.known.of_pod.items()}

    @cached_property
    def ranges(self) -> tuple[tuple[int, int, int], ...]:
        """(first, last, identity): all addresses, disjoint and ascending, nodes' among them. Look for a pod with the address first."""
        return tuple((first, last, self.known.all[at].number) for first, last, at in self.known.ranges)

    @cached_property
    def blocks(self) -> tuple[tuple[str, int], ...]:
        """The same as (cidr, identity)."""
        return tuple((cidr, number) for first, last, number in self.ranges for cidr in cidrs_of(first, last))

    @cached_property
    def _pod_at(self) -> Mapping[int, PodName]:
        found = ((address_of(pod.ip), pod.id) for pod in self.ground.pods if not pod.host_network)
        return {address: name for address, name in found if address is not None}

    def identity_at(self, address: str) -> int:
        """The identity of whoever has an IPv4 address."""
        number = address_of(address)
        assert number is not None, f"not an IPv4 address: {address}"
        if (pod := self._pod_at.get(number)) is not None:
            return self.identity_of_pod[pod]
        return next(identity for first, last, identity in self.ranges if first <= number <= last)

    def unrestricted(self, identity: int, direction: Direction) -> bool:
        """Whether no policy has a say there."""
        return self._sides(direction)[self.known.position[identity]] is None

    def _sides(self, direction: Direction) -> tuple[Side | None, ...]:
        return self.ingress if direction is Direction.INGRESS else self.egress

    def between(self, source: int, destination: int) -> Verdicts:
        """What a source may open to a destination. A pod to itself, and a pod and its own node, are never policed: not asked here."""
        start, end = self.known.position[source], self.known.position[destination]
        sending, taking = self.egress[start], self.ingress[end]
        return self.folded(OPEN if sending is None else sending.at(end), OPEN if taking is None else taking.at(start))

    @cached_property
    def _pairs(self) -> dict[tuple[int, int], tuple[Answers, Answers, Verdicts]]:
        return {}

    def folded(self, sending: Answers, taking: Answers) -> Verdicts:
        """What passes where both sides of a pair answer so."""
        key = (id(sending), id(taking))  # the entry holds both, so that no other object gets their id
        found = self._pairs.get(key)
        if found is None:
            found = self._pairs[key] = (sending, taking, tuple(_fold(sending, taking)))
        return found[2]

    def verdict(self, source: int, destination: int, protocol: Transport, port: int) -> PortVerdict:
        """The one verdict for a port; of ICMP, a type."""
        verdicts = self.between(source, destination)
        return next(one for one in verdicts if one.protocol is protocol and one.first <= port <= one.last)

    @cached_property
    def _shapes(self) -> Shapes:
        return Shapes(self.egress, self.ingress)

    def into(self, destination: int) -> tuple[Sources, ...]:
        """All sources, grouped by what passes from them to a destination; those that may send everything are left out."""
        shapes = self._shapes
        found = shapes.into(self.known.position[destination])
        return tuple(Sources(self.numbers(mask), shapes.shapes[shape]) for shape, mask in found.items() if shape)

    def numbers(self, mask: int) -> tuple[int, ...]:
        """The identities of a set of positions."""
        return tuple(self.known.all[at].number for at in bits(mask))


def _fold(sending: Answers, taking: Answers) -> Iterator[PortVerdict]:
    """Both sides of a pair, cut where either changes its answer."""
    at, other = 0, 0
    first = 0
    while at < len(sending) and other < len(taking):
        out, into = sending[at], taking[other]
        last = min(out.last, into.last)
        allowed = out.allowed and into.allowed
        names = out.named if into.allowed else ()
        for transport, begin, end in transports_of(first, last):
            yield PortVerdict(transport, begin, end, allowed, allowed and (out.audited or into.audited), out.cause, into.cause, names)
        at += out.last == last
        other += into.last == last
        first = last + 1


def build_verdicts(policies: tuple[Policy, ...], ground: Ground, memo: Memo | None = None) -> VerdictTable:
    """The table of a cluster under these policies. With the `memo` of the last call, equal arguments give the very table of that call."""
    return memo.stage("verdicts", _build, policies, ground) if memo is not None else _build(policies, ground, Memo())


def _build(policies: tuple[Policy, ...], ground: Ground, memo: Memo) -> VerdictTable:
    identities = build_identities(policies, ground, memo)
    return VerdictTable(
        policies,
        ground,
        identities,
        _sides(policies, Direction.EGRESS, identities, memo),
        _sides(policies, Direction.INGRESS, identities, memo),
    )


def _sides(policies: tuple[Policy, ...], direction: Direction, identities: Identities, memo: Memo) -> tuple[Side | None, ...]:
    """By position. Identities that the same policies select share one side, but where their own names for ports tell them apart."""
    held: list[list[int]] = [[] for _ in identities.all]
    sections = [(policy, section) for policy in policies for section in policy.sections if section.direction is direction]
    for number, (policy, _) in enumerate(sections):
        for at in bits(identities.peer_masks.get(policy.subject, 0)):
            held[at].append(number)
    naming = {number for number, (_, section) in enumerate(sections) if _names_ports(section)}
    known: dict[tuple[object, ...], Side] = {}
    found: list[Side | None] = []
    for at, numbers in enumerate(held):
        if not numbers:
            found.append(None)
            continue
        own = identities.named_ports[at] if direction is Direction.INGRESS and not naming.isdisjoint(numbers) else ()
        key = (own, *numbers)
        if key not in known:
            sides = tuple(sections[one] for one in numbers)
            book = memo((direction, own, tuple((policy.key, policy.part) for policy, _ in sides)), _book, sides)
            known[key] = build_side(sides, direction, own, identities, book)
        found.append(known[key])
    return tuple(found)


def _book(held: tuple[Held, ...]) -> AnswerBook:
    """One for each set of policies. They are what its answers depend on."""
    del held
    return AnswerBook()


def _names_ports(section: Section) -> bool:
    return any(isinstance(port, NamedPort) for rule in section.rules for port in rule.ports or ())
