"""The flows of a node that were told last, as Envoy wrote them. Nothing is decoded before somebody asks for it, and then by who asks.

So a flood of refused requests costs the agent, which has probes and stand-ins to see to, next to nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MOST_BYTES = 8 << 20
"""Some 10,000 requests; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries that came together: `log` is the name of the log, `message` a StreamAccessLogsMessage."""

    log: str
    message: bytes


class Ring:
    """Keeps batches, and hands new ones to those who follow."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._batches: deque[Batch] = deque()
        self._bytes = 0
        self._followers: list[Callable[[Batch], None]] = []

    @property
    def batches(self) -> tuple[Batch, ...]:
        """From the oldest to the newest."""
        return tuple(self._batches)

    def add(self, batch: Batch) -> None:
        self._batches.append(batch)
        self._bytes += len(batch.message)
        while self._bytes > self._most_bytes and len(self._batches) > 1:
            self._bytes -= len(self._batches.popleft().message)
        for tell in tuple(self._followers):
            tell(batch)

    def follow(self, tell: Callable[[Batch], None]) -> Callable[[], None]:
        """From now on `tell` hears of every batch, until what is returned is called."""
        self._followers.append(tell)
        return lambda: self._followers.remove(tell)
