"""Answers wait until the kernel lets their addresses through: for pods under policies that name domains.

Writes into sets of the table `inet seaway` of the node that a pod is on, which need not be this one. What is learned while a transaction is
under way goes into the next one together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.dns.udp import Deliver
from seaway.drivers.nft.interface import Nft
from seaway.drivers.nft.library import quickest_nft
from seaway.drivers.process.namespaces import in_netns
from seaway.model.names import node_netns
from seaway.plans.nft.table import NftTable
from seaway.protocols.dns_learning import Learnt, NameClient, NameRules

_Key = tuple[str, str, str, str]
_FORGET_ABOVE = 10_000


@dataclass(frozen=True, slots=True)
class _Element:
    """Commands for an element that is not there, and for one whose time is to be set anew: that one is taken out and put in, since most
    kernels change nothing about an element that is there."""

    add: str
    change: str


class NameLearner:
    """Made inside the event loop. `netns_folder` holds the nodes' namespaces; None stands for the caller's own."""

    def __init__(self, netns_folder: Path | None, report: Callable[[str], None]) -> None:
        self.rules = NameRules()
        self._folder = netns_folder
        self._report = report
        self._until: dict[_Key, float] = {}
        self._waiting: list[tuple[tuple[Learnt, ...], Callable[[], None]]] = []
        self._work: asyncio.Task[None] | None = None

    def follow(self, clients: tuple[NameClient, ...]) -> None:
        self.rules = NameRules(clients)

    def before(self, client: str, deliver: Deliver) -> Deliver:
        """`deliver`, but after the kernel knows of the addresses in the answer."""
        return partial(self._learn, client, deliver) if client in self.rules else deliver

    async def stop(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    def _learn(self, client: str, deliver: Deliver, response: bytes) -> None:
        learnt = self.rules.learn(client, response)
        if not learnt:
            deliver(response)
            return
        self._waiting.append((learnt, partial(deliver, response)))
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._write_all(), name="names")

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            changes = self._changes(one for learnt, _ in batch for one in learnt)
            for node, elements in changes.items():
                if problem := await asyncio.to_thread(self._write, node, elements):
                    self._report(problem)
            for _, deliver in batch:
                deliver()

    def _changes(self, learnt: Iterable[Learnt]) -> dict[str, list[_Element]]:
        """By node. An element's time never gets shorter: another name may have given it."""
        now = asyncio.get_running_loop().time()
        wanted: dict[_Key, float] = {}
        for one in learnt:
            key = (one.node, one.set, one.client, one.address)
            wanted[key] = max(now + one.ttl_s, wanted.get(key, 0.0), self._until.get(key, 0.0))
        if len(self._until) > _FORGET_ABOVE:
            self._until = {key: until for key, until in self._until.items() if until > now}
        changes: dict[str, list[_Element]] = {}
        for key, until in wanted.items():
            node, name, client, address = key
            place, pair = f"element inet {NftTable().name} {name}", f"{client} . {address}"
            add = f"add {place} {{ {pair} timeout {max(1, round(until - now))}s }}\n"
            known = self._until.get(key, 0.0) > now
            changes.setdefault(node, []).append(_Element(add, f"delete {place} {{ {pair} }}\n{add}" if known else add))
        self._until |= wanted
        return changes

    def _write(self, node: str, elements: list[_Element]) -> str:
        """In one transaction. Where the kernel holds something else than we know of, one by one; "" or what went wrong."""
        problem = ""
        try:
            with in_netns(self._folder / node_netns(node)) if self._folder is not None else nullcontext():
                nft = quickest_nft()
                if _is_taken(nft, "".join(one.change for one in elements)):
                    return ""
                for one in elements:
                    if not _is_taken(nft, one.change):
                        try:
                            nft.run(one.add)
                        except DriverError as error:
                            problem = error.message
        except (DriverError, OSError) as error:
            problem = str(error)
        return problem and f"{node}: addresses behind names are not let through: {problem}"


def _is_taken(nft: Nft, commands: str) -> bool:
    try:
        nft.run(commands)
    except DriverError:
        return False
    return True
