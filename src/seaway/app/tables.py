"""The kernel's tables are as they should be: what others change is noticed by the kernel's word of it, and mended.

Tables of nodes are looked at when their rules have changed and it was not us. Those inside pods, of which there may be thousands, are
looked at every few seconds, and with them all others, should a word have been missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from seaway.app.engines import CaptureThread
from seaway.core.errors import DriverError
from seaway.drivers.nft.events import RulesetEvents
from seaway.drivers.nft.real import NftDriver
from seaway.model.names import node_netns
from seaway.plans.nft.capture import CAPTURE_TABLE

_LOOK_S = 5.0
_REST_S = 0.02
_REST_SHARE = 4
"""Of the time that a look took: where rules change without end, looking at them takes a fifth of it."""


class TableWatch:
    """`tables` are by node; `say` takes a line for the user."""

    def __init__(self, tables: Mapping[str, NftDriver], captures: CaptureThread, netns_folder: Path, say: Callable[[str], None]) -> None:
        self._tables = tables
        self._captures = captures
        self._folder = netns_folder
        self._say = say
        self._changed: set[str] = set()
        self._word = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        hearing = [events for node in self._tables if (events := self._hear(node)) is not None]
        look_at = loop.time() + _LOOK_S
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(look_at):
                        await self._word.wait()
                began = loop.time()
                changed, self._changed = self._changed, set()
                self._word.clear()
                if began >= look_at:
                    for node in self._tables:
                        await self._mend(node)
                    await self._mend_captures()
                    look_at = loop.time() + _LOOK_S
                else:
                    for node in sorted(changed):
                        with suppress(DriverError):
                            if await asyncio.to_thread(self._tables[node].touched):
                                await self._mend(node)
                await asyncio.sleep(max(_REST_S, _REST_SHARE * (loop.time() - began)))
        finally:
            for events in hearing:
                loop.remove_reader(events.fileno())
                events.close()

    def _hear(self, node: str) -> RulesetEvents | None:
        """None where the kernel does not tell: then there are the looks."""
        try:
            events = RulesetEvents(self._folder / node_netns(node))
        except DriverError:
            return None
        asyncio.get_running_loop().add_reader(events.fileno(), partial(self._heard, node, events))
        return events

    def _heard(self, node: str, events: RulesetEvents) -> None:
        if events.drain():
            self._changed.add(node)
            self._word.set()

    async def _mend(self, node: str) -> None:
        table = self._tables[node]
        with suppress(DriverError):
            if await asyncio.to_thread(table.drifted):
                self._say(f"{node}: somebody else changed the table inet seaway; it is as it was again")
                await asyncio.to_thread(table.repair)

    async def _mend_captures(self) -> None:
        for name in await self._captures.repair():
            self._say(f"{name}: somebody else changed the table inet {CAPTURE_TABLE}; it is as it was again")
