"""When a node's certificates are asked for, and asked for anew: a machine without clock and network.

A certificate is renewed at half of its life, by a clock that never jumps, so that a wall clock that is set forth or back renews nothing.
The wall clock only says whether a certificate is valid: one that is not, or not for much longer, is renewed at once. However many are due,
only a few are asked for at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

SPREAD = 0.1
"""How far from half of its life a certificate is renewed, as a part of it: those that began together do not end together."""

LAST_PART = (0.2, 0.3)
"""By the wall clock, the part of its life that is left when a certificate is renewed in any case."""

AT_ONCE = 8
UNANSWERED_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
GLANCE_S = 5.0
"""The wall clock is looked at this often: nobody says when it is set."""


@dataclass(frozen=True, slots=True)
class Instant:
    """Now, in seconds: `wall` since 1970, `steady` by a clock that never jumps."""

    wall: float
    steady: float


@dataclass(frozen=True, slots=True)
class _Leaf:
    begins: float
    last: float
    renew: float


@dataclass(frozen=True, slots=True)
class _Pause:
    times: int
    until: float


class Renewals:
    """`draw` gives a number from 0 to 1, another each time."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._wanted: frozenset[str] = frozenset()
        self._leaves: dict[str, _Leaf] = {}
        self._asked: dict[str, float] = {}
        self._pauses: dict[str, _Pause] = {}

    def want(self, identities: Collection[str]) -> None:
        """Exactly these from now on. What was refused is tried again at once: the orders have changed."""
        self._wanted = frozenset(identities)
        self._leaves = {one: leaf for one, leaf in self._leaves.items() if one in self._wanted}
        self._asked = {one: since for one, since in self._asked.items() if one in self._wanted}
        self._pauses = {}

    def issued(self, identity: str, begins: float, ends: float, at: Instant) -> None:
        """A certificate has come, valid from `begins` to `ends` by the wall clock."""
        self._asked.pop(identity, None)
        self._pauses.pop(identity, None)
        if identity in self._wanted:
            left = max(0.0, ends - at.wall)
            first, second = self._draw(), self._draw()
            last = ends - left * (LAST_PART[0] + (LAST_PART[1] - LAST_PART[0]) * second)
            self._leaves[identity] = _Leaf(begins, last, at.steady + left * (0.5 + SPREAD * (2 * first - 1)))

    def refused(self, identity: str, at: Instant) -> None:
        """It was not given; it is asked for again, less and less often."""
        if self._asked.pop(identity, None) is not None:
            times = self._pauses[identity].times + 1 if identity in self._pauses else 0
            self._pauses[identity] = _Pause(times, at.steady + min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**times))

    def due(self, at: Instant) -> tuple[str, ...]:
        """Those to ask for now, the most urgent first. They count as asked for from now on."""
        self._asked = {one: since for one, since in self._asked.items() if at.steady - since < UNANSWERED_S}
        waiting = [one for one in self._wanted - self._asked.keys() if self._is_due(one, at)]
        waiting.sort(key=lambda one: (self._is_valid(one, at), one))
        found = tuple(waiting[: max(0, AT_ONCE - len(self._asked))])
        self._asked.update(dict.fromkeys(found, at.steady))
        return found

    def wait_s(self, at: Instant) -> float:
        """Seconds until `due` is to be asked again, at most."""
        times = [at.steady + GLANCE_S]
        times += [since + UNANSWERED_S for since in self._asked.values()]
        for one in self._wanted - self._asked.keys():
            leaf, pause = self._leaves.get(one), self._pauses.get(one)
            renew = at.steady if leaf is None or not self._is_valid(one, at) else min(leaf.renew, at.steady + leaf.last - at.wall)
            times.append(max(renew, pause.until if pause is not None else renew))
        if len(self._asked) >= AT_ONCE:
            times = [max(time, at.steady + FIRST_PAUSE_S) for time in times]  # the next answer makes room, and asks again
        return max(0.01, min(times) - at.steady)

    def _is_due(self, identity: str, at: Instant) -> bool:
        pause = self._pauses.get(identity)
        if pause is not None and at.steady < pause.until:
            return False
        return not self._is_valid(identity, at) or at.steady >= self._leaves[identity].renew

    def _is_valid(self, identity: str, at: Instant) -> bool:
        """Whether there is a certificate that is valid now, and for a while."""
        leaf = self._leaves.get(identity)
        return leaf is not None and leaf.begins <= at.wall < leaf.last
