"""The pairs of a verdict table by what is said of them and why: for each destination the few sets of sources that are answered alike.

Sets are bits of one integer, by position; what would be a loop over all pairs is some intersections a destination. Pairs that one side
shuts by default on all ports are most of a cluster with policies, and are left out before anything is asked about them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from seaway.model.policies.causes import Reason
from seaway.model.policies.masks import bits
from seaway.model.policies.sides import OPEN, Answers
from seaway.model.policies.verdicts import Verdicts, VerdictTable

NOTHING: Verdicts = ()
"""Of a pair that is not there."""


class Groups:
    """Groups of one table, as sets of positions of peers. `at` has the identities of the peers; None is not there."""

    def __init__(self, table: VerdictTable, at: tuple[int | None, ...]) -> None:
        self._table = table
        self._at = at
        self._members: defaultdict[int, int] = defaultdict(int)
        for peer, number in enumerate(at):
            if number is not None:
                self._members[table.known.position[number]] |= 1 << peer
        self._peers: dict[int, int] = {}
        self._shut: dict[int, bool] = {}
        self._everyone, self._sending = self._senders()

    def _senders(self) -> tuple[int, list[list[tuple[Answers, int]]]]:
        """The identities that may send all to everyone; and by destination what others send, by the sets that answer alike."""
        held: defaultdict[int, int] = defaultdict(int)
        for at in self._members:
            held[id(self._table.egress[at])] |= 1 << at
        everyone = 0
        found: list[list[tuple[Answers, int]]] = [[] for _ in self._table.egress]
        for key, side in {id(side): side for side in self._table.egress}.items():
            if side is None:
                everyone |= held[key]
                continue
            for mask, answers in side.parts if held[key] else ():
                if not self._is_shut(answers):
                    for at in bits(mask):
                        found[at].append((answers, held[key]))
        return everyone, found

    def _is_shut(self, answers: Answers) -> bool:
        known = self._shut.get(id(answers))  # the table holds all answers
        if known is None:
            known = self._shut[id(answers)] = all(one.cause.reason is Reason.DEFAULT_DENY and not one.allowed for one in answers)
        return known

    def into(self, identity: int) -> Iterator[tuple[int, Verdicts]]:
        """Disjoint sets of peers with what holds from them to a destination; without those from which nothing passes by default."""
        destination = self._table.known.position[identity]
        side = self._table.ingress[destination]
        for taken, answers in ((-1, OPEN),) if side is None else side.parts:
            if self._is_shut(answers):
                continue
            for sent, members in ((OPEN, self._everyone), *self._sending[destination]):
                if both := taken & members:
                    yield self._as_peers(both), self._table.folded(sent, answers)

    def between(self, source: int, destination: int) -> Verdicts:
        """Of one pair of positions."""
        one, other = self._at[source], self._at[destination]
        return NOTHING if one is None or other is None else self._table.between(one, other)

    def _as_peers(self, mask: int) -> int:
        known = self._peers.get(mask)
        if known is None:
            known = 0
            for at in bits(mask):
                known |= self._members[at]
            self._peers[mask] = known
        return known
