"""The tables that capture members' traffic, one a pod, each in the pod's own namespace: see `CaptureTables`.

A table is replaced as a whole, in one transaction: flows that are open go on as they began, since only their first packet meets it.
Whatever deletes rules waits some 12 ms for the kernel, so that a table which is right already is left alone, and several wait together.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seaway.core.errors import DriverError
from seaway.drivers.nft.generation import ruleset_generation
from seaway.drivers.nft.interface import Nft
from seaway.drivers.nft.library import quickest_nft
from seaway.drivers.nft.listing import listed_rules
from seaway.drivers.process.namespaces import in_netns
from seaway.plans.nft.capture import CAPTURE_TABLE, version_chain
from seaway.plans.nft.table import NftTable, render_fresh, render_table

Wanted = Iterable[tuple[str, NftTable | None]]

_UNTOUCHED = 1
"""The kernel's count of rule changes in a new namespace."""

_AT_ONCE = 8

_REMOVAL = f"add table inet {CAPTURE_TABLE}\ndelete table inet {CAPTURE_TABLE}\n"


class CaptureTables(Protocol):
    """Methods block, and may be called from any thread, one at a time."""

    def apply(self, wanted: Wanted) -> None:
        """Brings the namespaces of these files to these tables; None is no table. What is not named is not touched.

        What an earlier driver left is replaced. DriverError where the kernel refuses one; the others are done by then.
        """
        ...

    def repair(self) -> tuple[str, ...]:
        """Puts back what others have changed or deleted; the files of those namespaces. One that is gone is passed over."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    """What was put into a namespace. A later one of the same name, or one that others have changed, has another generation."""

    table: NftTable | None
    generation: int


class CaptureDriver:
    """`folder` holds the namespace files."""

    def __init__(self, folder: Path, nft: Nft | None = None) -> None:
        self._folder = folder
        self._nft = nft or quickest_nft()
        self._held: dict[str, _Held] = {}

    def apply(self, wanted: Wanted) -> None:
        every = dict(wanted)
        self._held = {name: held for name, held in self._held.items() if name in every}
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="capture") as threads:
            failures = [one for one in threads.map(self._bring, every.keys(), every.values()) if one is not None]
        if failures:
            raise failures[0]

    def repair(self) -> tuple[str, ...]:
        captured = [(name, held, held.table) for name, held in self._held.items() if held.table is not None]
        return tuple(name for name, held, table in captured if self._mended(name, held, table))

    def _bring(self, name: str, table: NftTable | None) -> DriverError | None:
        held = self._held.get(name)
        if table is None and held is not None and held.table is None:
            return None
        try:
            with in_netns(self._folder / name):
                generation = ruleset_generation()
                if held is None or (held.table, held.generation) != (table, generation):
                    self._put(table, untouched=generation == _UNTOUCHED)
                    self._held[name] = _Held(table, ruleset_generation())
        except OSError as error:
            self._held.pop(name, None)
            return DriverError(f"no rules in {name}: {error.strerror}", help="see whether the network was taken down")
        except DriverError as error:
            return DriverError(f"no rules in {name}: {error.message}", help=error.help)
        return None

    def _put(self, table: NftTable | None, untouched: bool) -> None:
        """Brings the thread's namespace to this table, which an earlier driver may have done already."""
        if untouched:
            if table is not None:
                self._nft.run(render_fresh(table))
        elif table is None:
            self._nft.run(_REMOVAL)
        elif f'"{version_chain(table)}"' not in self._listing():
            self._nft.run(render_table(table))

    def _mended(self, name: str, held: _Held, table: NftTable) -> bool:
        """Whether the namespace's rules were not as they had been put."""
        try:
            with in_netns(self._folder / name):
                if ruleset_generation() == held.generation:
                    return False
                before = self._listing()
                self._nft.run(render_table(table))
                self._held[name] = _Held(table, ruleset_generation())
                return not before or listed_rules(before) != listed_rules(self._listing())
        except OSError:
            return False

    def _listing(self) -> str:
        """ "" where there is no such table."""
        try:
            return self._nft.listing(CAPTURE_TABLE)
        except DriverError:
            return ""


class FakeCaptures:
    """What the kernel would hold, by namespace. Those that are not among `namespaces`, as these are at the time, refuse."""

    def __init__(self, namespaces: Set[str]) -> None:
        self.namespaces = namespaces
        self.held: dict[str, NftTable] = {}
        self._applied: dict[str, NftTable] = {}

    def apply(self, wanted: Wanted) -> None:
        every = dict(wanted)
        self._applied = {name: table for name, table in every.items() if table is not None and name in self.namespaces}
        self.held = {name: table for name, table in self.held.items() if name in self.namespaces - every.keys()} | self._applied
        if missing := sorted(every.keys() - self.namespaces):
            raise DriverError(f"no rules in {missing[0]}: No such file or directory", help="see whether the network was taken down")

    def repair(self) -> tuple[str, ...]:
        lost = tuple(name for name, table in self._applied.items() if name in self.namespaces and self.held.get(name) != table)
        self.held |= {name: self._applied[name] for name in lost}
        return lost
