"""A zone compiled for answering: nodes by wire name, and responses prepared from them when they are first asked for.

Which question gets which node is `dns_wire`'s matter. RFC 1034 (aliases), 2308 (negative answers), 8482 (ANY).
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from typing import NamedTuple

from seaway.protocols.dns_name import (
    AAAA,
    ANY,
    CNAME,
    NS,
    NUMBERS,
    SOA,
    SRV,
    A,
    Rdata,
    SectionWriter,
    absolute,
    encode_name,
    parse_rdata,
    suffixes,
)
from seaway.protocols.dns_zone import DnsZone, RecordSet

SOA_TIMES = (7200, 1800, 86400)
"""Refresh, retry and expire in seconds. Nobody transfers the zone; these are CoreDNS's numbers."""
HINFO = 13
ANY_ANSWER = b"\x07RFC8482\x00"
ALIAS_HOPS = 8
AUTHORITY_KEPT = 4096


class RrSet(NamedTuple):
    ttl: int
    data: tuple[Rdata, ...]


Records = tuple[bytes, int, RrSet]
"""Owner, type, and what to write."""


@dataclass(slots=True)
class Entry:
    """A prepared response after the question. `counts` are QDCOUNT to ARCOUNT, `counts_opt` the same with an OPT record added.

    `answers` is how many records the answer section has, `ends` where each ends in `body`. With `step` not 0 they are equally long
    addresses, written twice over, to be cut at any of them for a rotation; `size` is the length of one round. `lean` is the same without
    additional records, where there are any. `missing` says NXDOMAIN.
    """

    body: bytes
    counts: bytes
    counts_opt: bytes
    answers: int
    size: int
    missing: bool = False
    step: int = 0
    ends: tuple[int, ...] = ()
    lean: Entry | None = None


@dataclass(slots=True)
class Node:
    """A name that exists, with its records by type, as text until they are asked for.

    `prepared` fills by question type and class; `nothing` answers types that the name lacks.

    `outside` is where its alias leads, if out of the zones; then `nothing` holds the alias alone.
    """

    name: bytes
    sets: dict[int, RecordSet] = field(default_factory=dict[int, RecordSet])
    prepared: dict[bytes, Entry] = field(default_factory=dict[bytes, Entry])
    nothing: Entry | None = None
    outside: bytes = b""


class Table:
    """Immutable but for what it prepares: at most one entry for each type that a name has, and one more."""

    def __init__(self, zone: DnsZone) -> None:
        """ValueError where a record does not parse, an alias has other records beside it, or a name lies outside the zones."""
        self.zone = zone
        self.nodes: dict[bytes, Node] = {}
        self.apexes: set[bytes] = set()
        self.wildcards: dict[bytes, RecordSet] = {}
        self._authority: dict[tuple[bytes, int], bytes] = {}
        for domain in (zone.domain, *zone.reverse):
            self._add_apex(domain)
        for name in zone.empty:
            self._node(encode_name(absolute(name, zone.domain)))
        for record in zone.records:
            self._add(record)
        for node in self.nodes.values():
            if CNAME in node.sets:
                if len(node.sets) > 1:
                    raise ValueError(f"an alias with other records beside it: {node.sets[CNAME].name!r}")
                node.outside = self._outside(node)

    def with_hosts(self, hosts: Iterable[RecordSet]) -> Table:
        """A table that has these names besides, inside the zones or out of them, and shares all else. Their names are absolute."""
        made = copy(self)
        made.nodes, made.wildcards = dict(self.nodes), {}
        for record in hosts:
            name = record.name.removesuffix(".")
            if name.startswith("*."):
                made.wildcards[encode_name(name[2:])] = record
                continue
            wire = encode_name(name)
            if not (found := made.nodes.get(wire)) or not found.sets:
                made.nodes[wire] = Node(wire, {NUMBERS[record.type]: record})
        return made

    def below_wildcard(self, name: bytes) -> Node | None:
        """A node for a name that a wildcard stands for, at any depth: the closest one's."""
        for at, suffix in suffixes(name):
            record = self.wildcards.get(suffix) if at else None
            if record is not None:
                return Node(name, {NUMBERS[record.type]: record})
        return None

    def prepare(self, node: Node, kind: int, tail: bytes) -> Entry:
        """The response for this node and type; `tail` is type and class as the question has them, the key for the next time."""
        if kind in node.sets or (kind == ANY and node.sets):
            entry = node.prepared[tail] = self._direct(node, kind)
            return entry
        chain, last = self._follow(node) if CNAME in node.sets else ([], node)
        if last is not None and kind in last.sets and not node.outside:
            entry = node.prepared[tail] = self._aliased(node, chain, last, kind)
            return entry
        if node.nothing is None:  # one for all other types, so that a flood of types fills no memory
            node.nothing = self._nothing(node, chain, last)
        return node.nothing

    def authority(self, name: bytes, at: int) -> bytes:
        """The SOA record of the zone whose name starts at this offset of the question's, as a response's whole body.

        It depends on the question only through the offset, so it is kept for others, some thousands of them.
        """
        key = (name[at:], at)
        body = self._authority.get(key)
        if body is None:
            if len(self._authority) >= AUTHORITY_KEPT:
                self._authority.clear()
            writer = SectionWriter(name, since=at)
            self._write_soa(writer, name[at:])
            body = self._authority[key] = bytes(writer.out)
        return body

    def _add_apex(self, domain: str) -> None:
        zone, apex = self.zone, encode_name(domain)
        numbers = " ".join(str(number) for number in (zone.serial, *SOA_TIMES, zone.ttl))
        soa = RecordSet(f"{domain}.", "SOA", zone.ttl, (f"{zone.name_server} hostmaster {numbers}",))
        self.apexes.add(apex)
        self.nodes[apex] = Node(apex, {SOA: soa, NS: RecordSet(f"{domain}.", "NS", zone.ttl, (zone.name_server,))})

    def _add(self, record: RecordSet) -> None:
        try:
            node = self._node(encode_name(absolute(record.name, self.zone.domain)))
            kind = NUMBERS.get(record.type, 0)
            if kind in node.sets or not record.data:
                raise ValueError("there twice, or empty")
            for text in record.data:  # what it parses to is kept only for names that are asked for
                parse_rdata(record.type, text, self.zone.domain)
            node.sets[kind] = record
        except ValueError as error:
            raise ValueError(f"{record.type} record of {record.name!r}: {error}") from error

    def _parsed(self, record: RecordSet) -> RrSet:
        return RrSet(record.ttl, tuple(parse_rdata(record.type, text, self.zone.domain) for text in record.data))

    def _target(self, node: Node) -> bytes:
        """Where the alias at a node leads."""
        return encode_name(absolute(node.sets[CNAME].data[0], self.zone.domain))

    def _write_soa(self, writer: SectionWriter, apex: bytes) -> None:
        found = self._parsed(self.nodes[apex].sets[SOA])
        writer.record(apex, SOA, found.ttl, found.data[0])

    def _node(self, name: bytes) -> Node:
        """The node of a name, made with those between it and its zone if it is new (empty non-terminals, RFC 4592 section 2.2.2)."""
        node = self.nodes.get(name)
        if node is not None:
            return node
        at = name[0] + 1
        if at >= len(name) - 1:
            raise ValueError(f"outside the zones: {name!r}")
        self._node(name[at:])
        node = self.nodes[name] = Node(name)
        return node

    def _outside(self, node: Node) -> bytes:
        chain, last = self._follow(node)
        target = self._target(chain[-1])
        return target if last is None and not any(suffix in self.apexes for _, suffix in suffixes(target)) else b""

    def _follow(self, node: Node) -> tuple[list[Node], Node | None]:
        """The nodes with an alias on the way, and the one at its end (None if that name is not here). Circles end somewhere in them."""
        chain: list[Node] = []
        last: Node | None = node
        while last is not None and CNAME in last.sets and len(chain) < ALIAS_HOPS:
            chain.append(last)
            last = self.nodes.get(self._target(last))
        return chain, last

    def _direct(self, node: Node, kind: int) -> Entry:
        if kind != ANY:
            return self._aliased(node, [], node, kind)
        found = self._records(node, CNAME) if CNAME in node.sets else (node.name, HINFO, RrSet(self.zone.ttl, (Rdata(ANY_ANSWER),)))
        return _section(SectionWriter(node.name), [found], [])

    def _aliased(self, node: Node, chain: list[Node], last: Node, kind: int) -> Entry:
        found = self._records(last, kind)
        answers = [self._records(one, CNAME) for one in chain] + [found]
        additional = self._addresses_of(found[2]) if kind in (SRV, NS) else []
        entry = _section(SectionWriter(node.name), answers, additional)
        if additional:
            entry.lean = _section(SectionWriter(node.name), answers, [])
        if not chain and kind in (A, AAAA) and entry.answers > 1:
            entry.step = entry.size // entry.answers
            entry.body += entry.body
        return entry

    def _records(self, node: Node, kind: int) -> Records:
        return node.name, kind, self._parsed(node.sets[kind])

    def _addresses_of(self, found: RrSet) -> list[Records]:
        targets = dict.fromkeys(data.names[0] if data.names else data.fixed[6:] for data in found.data)
        nodes = [self.nodes[target] for target in targets if target in self.nodes]
        return [self._records(node, kind) for node in nodes for kind in (A, AAAA) if kind in node.sets]

    def _nothing(self, node: Node, chain: list[Node], last: Node | None) -> Entry:
        """NODATA; or an alias that leads out of the zones (alone), or to a name or type that they lack (with the SOA)."""
        writer = SectionWriter(node.name)
        entry = _section(writer, [self._records(one, CNAME) for one in chain], [])
        if node.outside or (last is not None and CNAME in last.sets):
            return entry
        end = self._target(chain[-1]) if chain else node.name
        apex = next((suffix for _, suffix in suffixes(end) if suffix in self.apexes), b"")
        if apex:  # a host outside the zones has no authority to name
            self._write_soa(writer, apex)
        body = bytes(writer.out)
        counts = [_counts(entry.answers, 1 if apex else 0, opt) for opt in (0, 1)]
        return Entry(body, counts[0], counts[1], entry.answers, len(body), missing=last is None)


def _section(writer: SectionWriter, answers: list[Records], additional: list[Records]) -> Entry:
    ends: list[int] = []
    for owner, kind, found in answers:
        for data in found.data:
            writer.record(owner, kind, found.ttl, data)
            ends.append(len(writer.out))
    more = 0
    for owner, kind, found in additional:
        for data in found.data:
            writer.record(owner, kind, found.ttl, data)
            more += 1
    body = bytes(writer.out)
    return Entry(body, _counts(len(ends), 0, more), _counts(len(ends), 0, more + 1), len(ends), len(body), ends=tuple(ends))


def _counts(answers: int, authority: int, additional: int) -> bytes:
    """QDCOUNT to ARCOUNT. A count that does not fit is of a body that does not either, so its value is never sent."""
    return b"\0\1" + b"".join(min(number, 65535).to_bytes(2, "big") for number in (answers, authority, additional))
