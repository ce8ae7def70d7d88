"""The kernel's table of one network namespace.

Calls block for some milliseconds (a first load: some hundred): call them from a thread. A change is one transaction: all or nothing.
What the kernel holds is looked at only where its count of rule changes says that somebody else was there.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.nft.command import NftProgram, TooLong
from seaway.drivers.nft.generation import ruleset_generation
from seaway.drivers.nft.listing import Listing, parse_listing
from seaway.drivers.process.namespaces import in_netns
from seaway.plans.nft.change import can_change, change_commands
from seaway.plans.nft.stale import StaleFlow, stale_flows
from seaway.plans.nft.table import NftChain, NftTable, render_start

_PIECE = 48_000  # characters of commands that stay below a user namespace's 210 kB of netlink messages, twice over


class NftDriver:
    """One namespace's table. `netns` is its file, None the caller's own; `nft` names the program."""

    def __init__(self, netns: Path | None = None, nft: str = "nft") -> None:
        self._netns = netns
        self._nft = NftProgram(nft)
        self._lock = threading.Lock()
        self._applied: NftTable | None = None
        self._generation = -1
        self._rules = ""
        self._stale: tuple[StaleFlow, ...] = ()

    def apply(self, table: NftTable) -> None:
        """Brings the kernel from what it holds to `table`, then ends UDP flows to endpoints that are no more.

        DriverError where that fails: the rules from before then stay, and the next call tries again from what the kernel really holds.
        """
        with self._lock, self._inside():
            before = self._present(table)
            if before is self._applied:
                self._move(before, table)
            else:
                self._move_found(before, table)
            if before is None or before.chains != table.chains:
                self._rules = ""
            self._stale += stale_flows(before or NftTable(table.name), table)
            self._applied = table
            self._generation = _generation()
            if not self._rules and any(one.learned and one.versioned for one in table.maps):  # others fill them, and raise the count
                listing = self._listing(table)
                self._rules = listing.rules if listing is not None else ""
            self._forget_stale()

    def _forget_stale(self) -> None:
        """Ends the flows to endpoints that are gone. What reads conntrack takes 0.1 s to import, which no start is made to pay for."""
        if self._stale:
            from seaway.drivers.nft.conntrack import forget_flows

            forget_flows(self._stale)
            self._stale = ()

    def touched(self) -> bool:
        """Whether others have changed any rules of the namespace, by the kernel's count alone: `drifted` says whether it matters."""
        with self._lock, self._inside():
            return self._applied is not None and _generation() != self._generation

    def drifted(self) -> bool:
        """Whether the kernel holds something else than what was applied last: another program changed or deleted it."""
        with self._lock, self._inside():
            if self._applied is None:
                return False
            now = _generation()
            if now == self._generation and self._rules:
                return False
            listing = self._listing(self._applied)
            if listing is None or (now != self._generation and not self._same(listing, self._applied)):
                return True
            self._generation, self._rules = now, listing.rules
            return False

    def repair(self) -> bool:
        """Applies the last table again if it has drifted; says whether it had."""
        if not self.drifted():
            return False
        assert self._applied is not None
        self.apply(self._applied)
        return True

    def remove(self) -> None:
        """Deletes the table; none there is fine."""
        with self._lock, self._inside():
            name = self._applied.name if self._applied else NftTable().name
            self._nft.run(f"add table inet {name}\ndelete table inet {name}\n")
            self._applied, self._rules = None, ""

    @contextmanager
    def _inside(self) -> Generator[None, None, None]:
        """The namespace: of this thread, and so of the nft that it starts."""
        with ExitStack() as stack:
            if self._netns is not None:
                try:
                    stack.enter_context(in_netns(self._netns))
                except OSError as error:
                    message = f"no network namespace at {self._netns}: {error.strerror}"
                    raise DriverError(message, help="see whether the network was taken down") from error
            yield

    def _present(self, wanted: NftTable) -> NftTable | None:
        """What the kernel holds, read only where it cannot be known; None is no table, or one of another layout."""
        if self._applied is not None:
            now = _generation()
            if now == self._generation:
                return self._applied
            listing = self._listing(self._applied) if self._rules else None
            if listing is not None and self._same(listing, self._applied):
                self._generation = now
                return self._applied
        listing = self._listing(wanted)
        return listing.table if listing is not None and listing.layout == wanted.layout else None

    def _listing(self, wanted: NftTable) -> Listing | None:
        try:
            return parse_listing(self._nft.listing(wanted.name), wanted)
        except DriverError as error:
            if "No such file or directory" in error.message:
                return None
            raise

    def _same(self, listing: Listing, wanted: NftTable) -> bool:
        return (
            bool(self._rules)
            and listing.rules == self._rules
            and [(one.name, one.hook) for one in listing.table.chains] == [(one.name, one.hook) for one in _listed_order(listing, wanted)]
            and {one.name: set(one.elements) for one in listing.table.maps} == {one.name: set(one.elements) for one in wanted.maps}
        )

    def _move(self, before: NftTable | None, table: NftTable) -> None:
        """One transaction if the kernel takes it, else pieces of it in an order that packets may meet half-way."""
        if before == table:
            return
        if before is not None and can_change(before, table):
            start, commands = "", change_commands(before, table)
        else:
            start, commands = _clean(table), (render_start(table), *change_commands(NftTable(table.name), table))
        try:
            self._nft.run(start + "\n".join(commands) + "\n")
        except TooLong:
            for piece in _pieces((start, *commands)):
                self._nft.run(piece)

    def _move_found(self, before: NftTable | None, table: NftTable) -> None:
        """As `_move`; should the kernel's table, which others may have made, refuse the change, it is replaced as a whole."""
        try:
            self._move(before, table)
        except DriverError:
            if before is None:
                raise
            self._move(None, table)


def _clean(table: NftTable) -> str:
    return f"add table inet {table.name}\ndelete table inet {table.name}\n"


def _listed_order(listing: Listing, wanted: NftTable) -> list[NftChain]:
    """The planned chains in the order in which the kernel lists them; the order itself means nothing."""
    place = {one.name: number for number, one in enumerate(listing.table.chains)}
    return sorted(wanted.chains, key=lambda one: place.get(one.name, len(place)))


def _pieces(commands: tuple[str, ...]) -> Iterator[str]:
    piece = ""
    for command in commands:
        if piece and len(piece) + len(command) > _PIECE:
            yield piece
            piece = ""
        piece += command + "\n"
    yield piece


def _generation() -> int:
    try:
        return ruleset_generation()
    except OSError as error:
        raise DriverError(f"the kernel does not answer for nf_tables: {error}", help="load the module nf_tables") from error
