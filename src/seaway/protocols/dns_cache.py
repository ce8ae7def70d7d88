"""What other resolvers answered, kept for as long as their TTLs say, and for a day more should they be down (RFC 8767).

Bounded twice over: by entries and by bytes, least recently used first to go. Names that do not exist have a space of their own, so that a
flood of them pushes no name out that does. Time is an argument, in seconds of any steady clock.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from seaway.protocols.dns_upstream import Reply

STALE_FOR_S = 86400
ENTRIES = 8192
BYTES = 8 << 20

Question = tuple[bytes, int]
"""Name in lower case, and type."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A reply in the cache. `stale` means that its time is over."""

    reply: Reply
    age_s: int
    stale: bool


class _Space:
    def __init__(self, entries: int, size: int) -> None:
        self._most = (entries, size)
        self._kept: OrderedDict[Question, tuple[Reply, float]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, question: Question) -> tuple[Reply, float] | None:
        found = self._kept.get(question)
        if found is not None:
            self._kept.move_to_end(question)
        return found

    def put(self, question: Question, reply: Reply, now: float) -> None:
        self.drop(question)
        self._kept[question] = (reply, now)
        self._bytes += len(reply.body)
        while len(self._kept) > self._most[0] or self._bytes > self._most[1]:
            self._bytes -= len(self._kept.popitem(last=False)[1][0].body)

    def drop(self, question: Question) -> None:
        found = self._kept.pop(question, None)
        if found is not None:
            self._bytes -= len(found[0].body)


class Cache:
    """Replies by question."""

    def __init__(self, entries: int = ENTRIES, size: int = BYTES) -> None:
        self._positive = _Space(entries, size)
        self._negative = _Space(entries, size)

    def __len__(self) -> int:
        return len(self._positive) + len(self._negative)

    def get(self, question: Question, now: float) -> Kept | None:
        """What is known, fresh or stale; None if nothing is, or too old."""
        space = self._positive
        found = space.get(question)
        if found is None:
            space = self._negative
            found = space.get(question)
        if found is None:
            return None
        reply, since = found
        age = now - since
        if age > reply.lifetime_s + STALE_FOR_S:
            space.drop(question)
            return None
        return Kept(reply, int(age), age >= reply.lifetime_s)

    def put(self, question: Question, reply: Reply, now: float) -> None:
        """Keeps a reply that settles its question; it takes the place of what was known."""
        self._positive.drop(question)
        self._negative.drop(question)
        if reply.lifetime_s > 0:
            (self._negative if reply.negative else self._positive).put(question, reply, now)
