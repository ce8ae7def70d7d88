"""All pairs at once, by what passes: for each destination the few sets of sources that may send the same to it.

Why a packet may pass differs from policy to policy, what may pass hardly: most pairs are open or shut, the rest share some sets of ports.
So pairs are grouped by shape, and the reasons of one pair are asked of the table when somebody wants to know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seaway.model.policies.language import Names
from seaway.model.policies.masks import bits
from seaway.model.policies.ports import END
from seaway.model.policies.sides import Answers, Side

Part = tuple[int, int, bool, bool, tuple[Names, ...]]
Shape = tuple[Part, ...]
"""(first, last, allowed, audited, names that it passes by) on the line of `ports`: complete, and neighbours differ."""

ALL_OPEN: Shape = ((0, END - 1, True, False, ()),)


def shape_of(answers: Answers) -> Shape:
    """What passes, without the reasons."""
    found: list[Part] = []
    for one in answers:
        _append(found, (one.first, one.last, one.allowed, one.audited, one.named))
    return tuple(found)


def both(sending: Shape, taking: Shape) -> Shape:
    """What passes where both sides must agree."""
    found: list[Part] = []
    at = other = first = 0
    while at < len(sending) and other < len(taking):
        last = min(sending[at][1], taking[other][1])
        allowed = sending[at][2] and taking[other][2]
        audited = allowed and (sending[at][3] or taking[other][3])
        named = sending[at][4] if taking[other][2] else ()  # names are for what is outside, where nobody takes anything else
        _append(found, (first, last, allowed, audited, named))
        at += sending[at][1] == last
        other += taking[other][1] == last
        first = last + 1
    return tuple(found)


def _append(found: list[Part], part: Part) -> None:
    """One part more, or a longer last one."""
    if found and found[-1][2:] == part[2:]:
        found[-1] = (found[-1][0], *part[1:])
    else:
        found.append(part)


@dataclass(frozen=True, slots=True)
class _Column:
    """What senders of one egress side may send to most, and to whom something else."""

    usual: int
    exceptions: tuple[tuple[int, int], ...]
    """(shape, set of destinations)."""


class Shapes:
    """The shapes of all pairs of a table, by positions of identities. Shapes are interned: equal ones are one number."""

    def __init__(self, egress: Sequence[Side | None], ingress: Sequence[Side | None]) -> None:
        self._numbers: dict[Shape, int] = {ALL_OPEN: 0}
        self.shapes: list[Shape] = [ALL_OPEN]
        self._of_answers: dict[int, int] = {}
        self._folded: dict[tuple[int, int], int] = {}
        self._usual: defaultdict[int, int] = defaultdict(int)
        self._exceptions: list[list[tuple[int, int, int]]] = [[] for _ in egress]
        self._ingress: dict[int, tuple[tuple[int, int], ...]] = {}
        self._sides = tuple(ingress)
        self.everything = (1 << len(egress)) - 1
        members: defaultdict[int, int] = defaultdict(int)
        sides = {id(side): side for side in egress}
        for at, side in enumerate(egress):
            members[id(side)] |= 1 << at
        for key, side in sides.items():
            self._add_senders(self._column(side), members[key])

    def _column(self, side: Side | None) -> _Column:
        if side is None:
            return _Column(0, ())
        by_shape: defaultdict[int, int] = defaultdict(int)
        for mask, answers in side.parts:
            by_shape[self._shape(answers)] |= mask
        usual = max(by_shape, key=lambda shape: by_shape[shape].bit_count())
        return _Column(usual, tuple((shape, mask) for shape, mask in by_shape.items() if shape != usual))

    def _add_senders(self, column: _Column, members: int) -> None:
        self._usual[column.usual] |= members
        for shape, mask in column.exceptions:
            for at in bits(mask):
                self._exceptions[at].append((column.usual, shape, members))

    def _shape(self, answers: Answers) -> int:
        known = self._of_answers.get(id(answers))  # the sides hold all answers while this lives
        if known is None:
            known = self._of_answers[id(answers)] = self._number(shape_of(answers))
        return known

    def _number(self, shape: Shape) -> int:
        number = self._numbers.setdefault(shape, len(self.shapes))
        if number == len(self.shapes):
            self.shapes.append(shape)
        return number

    def _fold(self, sending: int, taking: int) -> int:
        known = self._folded.get((sending, taking))
        if known is None:
            known = self._folded[sending, taking] = self._number(both(self.shapes[sending], self.shapes[taking]))
        return known

    def into(self, destination: int) -> Mapping[int, int]:
        """By number of shape, the set of sources that may send just that. Together all identities."""
        sending = dict(self._usual)
        for usual, shape, members in self._exceptions[destination]:
            sending[usual] &= ~members
            sending[shape] = sending.get(shape, 0) | members
        found: defaultdict[int, int] = defaultdict(int)
        for taken, sources in self._taking(destination):
            for sent, members in sending.items():
                if both_of := sources & members:
                    found[self._fold(sent, taken)] |= both_of
        return found

    def _taking(self, destination: int) -> Iterable[tuple[int, int]]:
        side = self._sides[destination]
        if side is None:
            return ((0, self.everything),)
        known = self._ingress.get(id(side))
        if known is None:
            by_shape: defaultdict[int, int] = defaultdict(int)
            for mask, answers in side.parts:
                by_shape[self._shape(answers)] |= mask
            known = self._ingress[id(side)] = tuple(by_shape.items())
        return known
