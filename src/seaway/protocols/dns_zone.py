"""The data of a DNS zone as plain values: what a plan writes, a file keeps and a server compiles.

Knows nothing of where the records come from, nor of wire format. Encodes with msgspec (record sets as arrays), so that a last good copy
can be kept in a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class RecordSet(NamedTuple):
    """All records of one type at one name.

    `name`, and each name in `data`, is relative to the zone's domain ("" is the domain itself), or absolute with a final dot.
    `type` is A, AAAA, CNAME, PTR, SRV or TXT; `ttl` is in seconds. `data` is in presentation form, a TXT being its bare text.
    """

    name: str
    type: str
    ttl: int
    data: tuple[str, ...]


class MeshName(NamedTuple):
    """A host that members of the mesh are told of, and nobody else: its addresses stand for it in their proxies alone.

    `name` is absolute, without a final dot; `*.` before it means all names below. `namespace` is where it is declared; `exports` are the
    namespaces that see it, or `*`.
    """

    name: str
    addresses: tuple[str, ...]
    namespace: str
    exports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DnsZone:
    """A forward zone, the reverse zones beside it, and their records.

    `domain` and `reverse` are absolute, without a final dot. `name_server` is the one NS of all of them, named as in `RecordSet`; its
    address is among the records. `ttl` is that of negative answers, SOA and NS, in seconds. `empty` are names that exist without records
    and that no record's name implies. `serial` goes into the SOA records and tells versions apart; it does not count up. `mesh` are hosts
    for clients whose address is among `members`, each with its namespace; a name that has records in the zones keeps those.
    """

    domain: str
    name_server: str
    ttl: int
    serial: int
    reverse: tuple[str, ...]
    empty: tuple[str, ...]
    records: tuple[RecordSet, ...]
    mesh: tuple[MeshName, ...] = ()
    members: tuple[tuple[str, str], ...] = ()
