"""Answers a plain DNS query from a compiled zone: bytes in, bytes out, in about a microsecond.

Plain means what stub resolvers send: one question, class IN, at most an EDNS record. For anything else `Answers.answer` returns None, and
`dns_odd` decides with dnspython; the two agree wherever both can answer, which a property test holds. Names outside the zones come back
as `Outside`, for a forwarder to resolve.

RFC 1035 and 2181 (messages, truncation), 6891 (EDNS). A response repeats the question as it was sent, in its letters' case, so that clients
who vary it (0x20) accept it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from seaway.protocols.dns_name import ANY, CNAME, MAX_LABEL, MAX_NAME
from seaway.protocols.dns_table import Entry, Node, Table
from seaway.protocols.dns_zone import DnsZone

UDP_PLAIN = 512
UDP_MOST = 4096
"""How large an answer over UDP gets, however much the client says it takes."""
UDP_OFFER = 1232
"""What our own OPT record offers: no fragments on any usual path (DNS Flag Day 2020)."""
TCP_MOST = 65535
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)

OPT_RECORD = b"\0\0\x29" + UDP_OFFER.to_bytes(2, "big") + b"\0\0\0\0\0\0"
OPT_RECORD_DO = b"\0\0\x29" + UDP_OFFER.to_bytes(2, "big") + b"\0\0\x80\0\0\0"  # RFC 3225: the DO bit is copied
_META = (b"\0\0", b"\0\x29", *(bytes((0, low)) for low in range(128, 255)))
"""Types that are no data (RFC 6895, section 3.1): none, OPT, transfers, TSIG and the like. ANY is answered."""


class _Header(NamedTuple):
    """What bytes 2 to 12 of a plain query say, and the flag bytes of the response by outcome."""

    edns: bool
    found: bytes
    missing: bytes
    truncated: bytes


def _headers() -> dict[bytes, _Header]:
    """All plain queries: RD, AD and CD as they like, no other flag, one question, no record but one OPT."""
    table: dict[bytes, _Header] = {}
    for rd in (0, 1):
        found, missing, truncated = (bytes((0x84 | cut | rd, 0x80 | rcode)) for cut, rcode in ((0, NOERROR), (0, NXDOMAIN), (2, NOERROR)))
        for ad_cd in (0x00, 0x10, 0x20, 0x30):
            for edns in (0, 1):
                table[bytes((rd, ad_cd, 0, 1, 0, 0, 0, 0, 0, edns))] = _Header(bool(edns), found, missing, truncated)
    return table


_HEADERS = _headers()


@dataclass(frozen=True, slots=True)
class Outside:
    """A question that needs a name outside the zones.

    `name` (lower case) and `type` are what to ask others; `question` is the client's own, as sent, with the response's `id` and `rd` before
    it and `opt` after it; `limit` is how many bytes the client takes. Where the question was for an ExternalName, `alias` holds the CNAME
    records that lead to `name`, as a response's body, and `aliases` how many they are.
    """

    id: bytes
    rd: int
    question: bytes
    name: bytes
    type: int
    opt: bytes
    limit: int
    alias: bytes = b""
    aliases: int = 0

    def plain(self, rcode: int) -> bytes:
        """An answer without records but our own aliases; authoritative as far as it has those."""
        flags = bytes(((0x84 if self.aliases else 0x80) | self.rd, 0x80 | rcode))
        counts = b"\0\1" + self.aliases.to_bytes(2, "big") + b"\0\0" + (b"\0\1" if self.opt else b"\0\0")
        return self.id + flags + counts + self.question + self.alias + self.opt


class Answers:
    """A compiled zone with its plain questions and answers."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._nodes = table.nodes
        self._apexes = table.apexes

    def answer(self, query: bytes, tcp: bool = False) -> bytes | Outside | None:
        """The response, or the question to forward, or None for a packet that is not plain."""
        header = _HEADERS.get(query[2:12])
        if header is None:
            return None
        end = query.find(0, 12) + 1
        node = self._nodes.get(query[12:end].lower())
        if node is None or header.edns or tcp:
            return self._answer_rest(query, header, end, node, tcp)
        entry = node.prepared.get(query[end : end + 4])
        if entry is None:
            return self._answer_rest(query, header, end, node, tcp)
        size = end + 4
        if len(query) != size:
            return None
        if size + entry.size > UDP_PLAIN:
            return _fitted(query, size, header, entry, b"", UDP_PLAIN)
        if entry.step:
            cut = query[1] % entry.answers * entry.step
            return query[:2] + header.found + entry.counts + query[12:size] + entry.body[cut : cut + entry.size]
        return query[:2] + (header.missing if entry.missing else header.found) + entry.counts + query[12:size] + entry.body

    def _answer_rest(self, query: bytes, header: _Header, end: int, node: Node | None, tcp: bool) -> bytes | Outside | None:
        """The same for first questions, EDNS, TCP, names and types that do not exist."""
        size = end + 4
        opt, limit = b"", UDP_PLAIN
        if header.edns:
            opt, limit = _opt_of(query, size)
            if not opt:
                return None
        elif len(query) != size:
            return None
        if tcp:
            limit = TCP_MOST
        tail = query[end:size]
        if tail[2:] != b"\0\1" or tail[:2] in _META:
            return None
        if node is None and self.table.wildcards:
            node = _below_wildcard(self.table, query[12:end].lower())
        if node is None:
            return self._missing(query, header, end, opt, limit)
        kind = tail[0] << 8 | tail[1]
        entry = node.prepared.get(tail) or self.table.prepare(node, kind, tail)
        if node.outside and kind not in (CNAME, ANY):
            return Outside(query[:2], query[2] & 1, query[12:size], node.outside, kind, opt, limit, entry.body, entry.answers)
        return _fitted(query, size, header, entry, opt, limit)

    def _missing(self, query: bytes, header: _Header, end: int, opt: bytes, limit: int) -> bytes | Outside | None:
        """NXDOMAIN below one of the zones, else a question for others. A name that is none (too long, a pointer) is not plain."""
        name = query[12:end].lower()
        last = len(name) - 1
        if not 0 <= last < MAX_NAME:
            return None
        at = 0
        while at < last:
            if name[at:] in self._apexes:
                counts = b"\0\1\0\0\0\1\0\1" if opt else b"\0\1\0\0\0\1\0\0"
                return query[:2] + header.missing + counts + query[12 : end + 4] + self.table.authority(name, at) + opt
            if name[at] > MAX_LABEL:
                return None
            at += name[at] + 1
        if at != last:
            return None
        return Outside(query[:2], query[2] & 1, query[12 : end + 4], name, query[end] << 8 | query[end + 1], opt, limit)


def _below_wildcard(table: Table, name: bytes) -> Node | None:
    """Names that are none are left to whoever refuses them."""
    if len(name) > MAX_NAME or not _is_plain(name):
        return None
    return table.below_wildcard(name)


def _is_plain(name: bytes) -> bool:
    """Labels up to the root, without a pointer among them."""
    at = 0
    while at < len(name) - 1:
        if name[at] > MAX_LABEL:
            return False
        at += name[at] + 1
    return at == len(name) - 1


def compile_zone(zone: DnsZone) -> Answers:
    """Ready to answer for a zone. ValueError, with the record that is at fault, if it is not consistent."""
    return Answers(Table(zone))


def _opt_of(query: bytes, at: int) -> tuple[bytes, int]:
    """Our OPT record for the response, and how many bytes the client takes; no record if what is there is not one plain OPT."""
    opt = query[at:]
    if len(opt) < 11 or opt[:3] != b"\0\0\x29" or opt[5:7] != b"\0\0" or opt[8] or opt[7] & 0x7F:
        return b"", 0
    if len(opt) != 11 + (opt[9] << 8 | opt[10]) or not _options_fit(opt):
        return b"", 0
    limit = min(max(opt[3] << 8 | opt[4], UDP_PLAIN), UDP_MOST)
    return (OPT_RECORD_DO if opt[7] & 0x80 else OPT_RECORD), limit


def _options_fit(opt: bytes) -> bool:
    at = 11
    while at + 4 <= len(opt):
        at += 4 + (opt[at + 2] << 8 | opt[at + 3])
    return at == len(opt)


def _fitted(query: bytes, size: int, header: _Header, entry: Entry, opt: bytes, limit: int) -> bytes:
    """The response within a limit: without additional records if need be, else truncated to no records at all (RFC 2181, section 9).

    Over TCP, where there is nothing larger to turn to, a truncated response has as many answers as fit.
    """
    room = limit - size - len(opt)
    if entry.size > room and entry.lean is not None:
        entry = entry.lean
    flags, body = (header.missing if entry.missing else header.found), entry.body
    counts = entry.counts_opt if opt else entry.counts
    if entry.step:
        cut = query[1] % entry.answers * entry.step
        body = body[cut : cut + entry.size]
    if entry.size > room:
        flags = header.truncated
        kept = sum(end <= room for end in entry.ends) if limit == TCP_MOST else 0
        body = body[: entry.ends[kept - 1]] if kept else b""
        counts = b"\0\1" + kept.to_bytes(2, "big") + (b"\0\0\0\1" if opt else b"\0\0\0\0")
    return query[:2] + flags + counts + query[12:size] + body + opt
