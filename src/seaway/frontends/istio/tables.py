"""Route tables of one port: each spelling leads to one host only, full names before short ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from seaway.model.mesh import HttpTable, MeshHost


@dataclass(frozen=True, slots=True)
class Row:
    """A host of a table; `http`: its port is known to be HTTP."""

    host: MeshHost
    http: bool


@dataclass(slots=True)
class Rows:
    """Hosts by name, in the order in which they were added: of two that claim one spelling the first has it."""

    by_name: dict[str, Row] = field(default_factory=dict[str, Row])

    def add(self, row: Row) -> None:
        self.by_name[row.host.name] = row

    def without(self, names: Iterable[str]) -> Rows:
        """A copy that lacks some."""
        left = dict(self.by_name)
        for name in names:
            left.pop(name, None)
        return Rows(left)


def table_of(port: int, rows: Rows) -> HttpTable:
    """The table, exact names before wildcards."""
    ordered = sorted(_distinct(rows), key=lambda one: (one.name.startswith("*"), one.name))
    return HttpTable(port, tuple(ordered), everywhere=any(row.http for row in rows.by_name.values()))


def _distinct(rows: Rows) -> Iterable[MeshHost]:
    """Upstream's dedupeDomains: no short name or address of a host hides another's full name, nor does the same spelling lead twice."""
    names, taken = rows.by_name.keys(), set[str]()
    for row in rows.by_name.values():
        host = row.host
        domains = tuple(one for one in host.domains if one not in taken and (one == host.name or one not in names))
        taken.update(domains)
        yield host if len(domains) == len(host.domains) else replace(host, domains=domains)
