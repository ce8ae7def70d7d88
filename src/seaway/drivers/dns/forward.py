"""Names outside the zones: asked of the upstream resolvers, one question at a time for all who wait for it, and kept.

Everything is bounded: questions in flight, clients waiting, questions not yet begun, what is kept. Beyond the bounds a client gets a stale
answer or SERVFAIL at once, so that outside trouble never holds up the cluster's own names. When no upstream settles a question, a stale
answer serves for up to a day (RFC 8767).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from seaway.drivers.dns.exchange import Upstream, ask_upstream
from seaway.drivers.dns.udp import Deliver
from seaway.protocols.dns_cache import Cache, Kept, Question
from seaway.protocols.dns_upstream import Reply, render_reply
from seaway.protocols.dns_wire import SERVFAIL, Outside


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds, and counts.

    `total_s` stays below the 5 s after which stub resolvers ask anew; `patience_s` is RFC 8767's client response timer.
    """

    try_s: float = 1.0
    total_s: float = 4.0
    patience_s: float = 1.8
    rest_s: float = 2.0
    flights: int = 512
    waiting: int = 4096
    queue: int = 4096


REST_AFTER = 3
"""So many questions in a row that no upstream settled, and none is asked for `rest_s`."""
_BEGIN_AT_ONCE = 8
"""Questions begun in one turn of the event loop: then the cluster's own names get theirs."""


@dataclass(slots=True)
class _Flight:
    """A question being asked. `stale` is what clients get who have waited for long enough."""

    waiting: list[tuple[Outside, Deliver]] = field(default_factory=list[tuple[Outside, Deliver]])
    stale: Kept | None = None
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None


class Forwarder:
    """`upstreams` is not empty; they are asked in this order, those that failed last after the others."""

    def __init__(self, upstreams: Sequence[Upstream], limits: Limits | None = None) -> None:
        self.asked = self.stale = self.failed = 0
        self._limits = limits or Limits()
        self._failures = dict.fromkeys(upstreams, 0)
        self._cache = Cache()
        self._flights: dict[Question, _Flight] = {}
        self._waiting = 0
        self._queue: deque[tuple[Outside, Deliver]] = deque()
        self._lost = 0
        self._rest_until = 0.0
        self._loop = asyncio.get_running_loop()

    @property
    def in_flight(self) -> int:
        return len(self._flights)

    def resolve(self, outside: Outside, deliver: Deliver) -> None:
        """Delivers a response: at once from what is kept, else when an upstream has answered or none has in time."""
        kept = self._cache.get((outside.name, outside.type), self._loop.time())
        if kept is not None and not kept.stale:
            deliver(render_reply(kept.reply, outside, kept.age_s))
        elif len(self._queue) >= self._limits.queue or self._loop.time() < self._rest_until:
            self._give_up(outside, deliver, kept)
        else:
            self._queue.append((outside, deliver))
            if len(self._queue) == 1:
                self._loop.call_soon(self._begin)

    async def stop(self) -> None:
        """Ends what is in flight; nobody is answered any more."""
        self._queue.clear()
        tasks = [flight.task for flight in self._flights.values() if flight.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self) -> None:
        for _ in range(min(_BEGIN_AT_ONCE, len(self._queue))):
            self._join(*self._queue.popleft())
        if self._queue:
            self._loop.call_soon(self._begin)

    def _join(self, outside: Outside, deliver: Deliver) -> None:
        question = (outside.name, outside.type)
        kept = self._cache.get(question, self._loop.time())
        flight = self._flights.get(question)
        if self._waiting >= self._limits.waiting or (flight is None and len(self._flights) >= self._limits.flights):
            self._give_up(outside, deliver, kept)
            return
        if flight is None:
            flight = self._flights[question] = _Flight(stale=kept)
            flight.task = self._loop.create_task(self._fly(question, flight))
            if kept is not None:
                flight.timer = self._loop.call_later(self._limits.patience_s, self._answer_stale, flight)
        flight.waiting.append((outside, deliver))
        self._waiting += 1

    async def _fly(self, question: Question, flight: _Flight) -> None:
        self.asked += 1
        reply = None
        try:
            async with asyncio.timeout(self._limits.total_s):
                reply = await self._ask_in_turn(question)
        except TimeoutError:
            reply = None  # answered below, as if they had all said no
        finally:
            del self._flights[question]
            self._waiting -= len(flight.waiting)
            if flight.timer is not None:
                flight.timer.cancel()
        self._note(reply)
        if reply is not None:
            self._cache.put(question, reply, self._loop.time())
        for outside, deliver in flight.waiting:
            if reply is not None:
                deliver(render_reply(reply, outside, 0))
            else:
                self._give_up(outside, deliver, flight.stale)

    async def _ask_in_turn(self, question: Question) -> Reply | None:
        """The first reply that settles the question, in two rounds over all upstreams."""
        for _ in range(2):
            for upstream in sorted(self._failures, key=lambda one: self._failures[one]):
                try:
                    async with asyncio.timeout(self._limits.try_s):
                        reply = await ask_upstream(upstream, *question)
                except TimeoutError:
                    reply = None
                if reply is not None and reply.settles:
                    self._failures[upstream] = 0
                    return reply
                self._failures[upstream] += 1
        return None

    def _note(self, reply: Reply | None) -> None:
        self._lost = 0 if reply is not None else self._lost + 1
        if self._lost >= REST_AFTER:
            self._rest_until = self._loop.time() + self._limits.rest_s

    def _answer_stale(self, flight: _Flight) -> None:
        """The clients have waited for long enough; the question flies on, for the next ones."""
        self._waiting -= len(flight.waiting)
        waiting, flight.waiting = flight.waiting, []
        for outside, deliver in waiting:
            self._give_up(outside, deliver, flight.stale)

    def _give_up(self, outside: Outside, deliver: Deliver, kept: Kept | None) -> None:
        if kept is not None:
            self.stale += 1
            deliver(render_reply(kept.reply, outside, kept.age_s, kept.stale))
        else:
            self.failed += 1
            deliver(outside.plain(SERVFAIL))
