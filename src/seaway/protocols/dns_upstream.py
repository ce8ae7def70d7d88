"""Questions to other resolvers and what they answer: written, checked, kept as bytes, and handed on with the time that has passed.

A reply is kept as the bytes behind its question. Since a client's question for the same name is as long, whatever its letters, those bytes
fit behind it unchanged, but for the TTLs. Only answers behind an alias of ours are put together record by record, by `dns_rewrite`, which
is imported when the first one is: dnspython takes longer to load than everything else here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from seaway.protocols.dns_name import OPT, SOA
from seaway.protocols.dns_wire import NOERROR, NXDOMAIN, OPT_RECORD, SERVFAIL, Outside

POSITIVE_MOST_S = 86400
NEGATIVE_MOST_S = 300
STALE_TTL_S = 30
"""RFC 8767, section 5.2: what a client may keep of an answer that should have been forgotten."""

_FIXED = struct.Struct(">HHIH")


@dataclass(frozen=True, slots=True)
class Reply:
    """A checked reply. `question` and `body` are its bytes without an OPT record; `counts` are of answer, authority, additional records.

    `ttl_at` are offsets of TTLs in `body`. `lifetime_s` is how long it may be kept, 0 for not at all. `truncated`: ask again over TCP.
    """

    rcode: int
    truncated: bool
    question: bytes
    body: bytes
    counts: tuple[int, int, int]
    ttl_at: tuple[int, ...]
    lifetime_s: int

    @property
    def settles(self) -> bool:
        """The resolver knows the answer, if only that there is none; otherwise another may."""
        return self.rcode in (NOERROR, NXDOMAIN)

    @property
    def negative(self) -> bool:
        return self.rcode != NOERROR or self.counts[0] == 0


def build_query(id: int, name: bytes, kind: int, edns: bool = True) -> bytes:
    """A recursive question, by default with our EDNS offer."""
    head = id.to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0" + (b"\0\1" if edns else b"\0\0")
    return head + name + kind.to_bytes(2, "big") + b"\0\1" + (OPT_RECORD if edns else b"")


def parse_reply(packet: bytes, query: bytes) -> Reply | None:
    """A reply to exactly this query, or None for anything else: forged, broken, about another name."""
    end = query.index(0, 12) + 5
    if len(packet) < end or packet[:2] != query[:2] or packet[2] & 0xF8 != 0x80 or packet[4:6] != b"\0\1":
        return None
    if packet[12:end].lower() != query[12:end].lower():
        return None
    rcode, truncated = packet[3] & 0x0F, bool(packet[2] & 0x02)
    if truncated:
        return Reply(rcode, True, packet[12:end], b"", (0, 0, 0), (), 0)
    try:
        records = read_records(packet, end)
        if any(one.type == OPT for one in records[:-1]):  # OPT in front of others: to be cut out where nothing points behind it
            from seaway.protocols.dns_rewrite import without_opt

            return parse_reply(without_opt(packet), query)
    except (IndexError, struct.error, ValueError):
        return None
    counts = [int.from_bytes(packet[at : at + 2], "big") for at in (6, 8, 10)]
    stop = len(packet)
    if records and records[-1].type == OPT:
        stop = records.pop().start
        counts[2] -= 1
    ttl_at = tuple(one.data - 6 - end for one in records)
    lifetime = _lifetime(packet, records, counts, rcode)
    return Reply(rcode, False, packet[12:end], packet[end:stop], (counts[0], counts[1], counts[2]), ttl_at, lifetime)


def render_reply(reply: Reply, outside: Outside, age_s: int, stale: bool = False) -> bytes:
    """The response for one client, its TTLs counted down by the reply's age; truncated if the client takes less."""
    if outside.aliases:
        return _behind_alias(reply, outside, age_s, stale)
    if 12 + len(outside.question) + len(reply.body) + len(outside.opt) > outside.limit:
        return _truncated(outside)
    answers, authority, additional = reply.counts
    counts = b"\0\1" + answers.to_bytes(2, "big") + authority.to_bytes(2, "big") + _last(additional, outside.opt)
    flags = bytes((0x80 | outside.rd, 0x80 | reply.rcode))
    return outside.id + flags + counts + outside.question + _aged(reply, age_s, stale) + outside.opt


class Record(NamedTuple):
    """Where a record is in its packet: `start`, its data from `data` to `end`."""

    start: int
    type: int
    ttl: int
    data: int
    end: int


def read_records(packet: bytes, at: int) -> list[Record]:
    """All records behind the question. IndexError or struct.error where the packet is broken, ValueError where bytes are left."""
    records: list[Record] = []
    for _ in range(sum(int.from_bytes(packet[place : place + 2], "big") for place in (6, 8, 10))):
        start = at
        while length := packet[at]:
            if length > 63:
                at += 1
                break
            at += length + 1
        kind, _, ttl, size = _FIXED.unpack_from(packet, at + 1)
        data = at + 1 + _FIXED.size
        at = data + size
        records.append(Record(start, kind, min(ttl, POSITIVE_MOST_S) if ttl < 1 << 31 else 0, data, at))
    if at != len(packet):
        raise ValueError("the records do not end where the packet does")
    return records


def _lifetime(packet: bytes, records: list[Record], counts: list[int], rcode: int) -> int:
    """Seconds that a reply may be kept: RFC 2308, section 5, for those without answers."""
    answers, authority = records[: counts[0]], records[counts[0] : counts[0] + counts[1]]
    if rcode == NOERROR and answers:
        return min(one.ttl for one in answers)
    soa = [min(one.ttl, int.from_bytes(packet[one.end - 4 : one.end], "big")) for one in authority if one.type == SOA]
    return min([NEGATIVE_MOST_S, *soa]) if soa and rcode in (NOERROR, NXDOMAIN) else 0


def _aged(reply: Reply, age_s: int, stale: bool) -> bytes:
    body = bytearray(reply.body)
    for at in reply.ttl_at:
        left = STALE_TTL_S if stale else max(0, int.from_bytes(body[at : at + 4], "big") - age_s)
        body[at : at + 4] = left.to_bytes(4, "big")
    return bytes(body)


def _last(additional: int, opt: bytes) -> bytes:
    return (additional + bool(opt)).to_bytes(2, "big")


def _behind_alias(reply: Reply, outside: Outside, age_s: int, stale: bool) -> bytes:
    """Our aliases, then the reply's answers; authoritative for the first name (RFC 1035, section 4.1.1)."""
    from seaway.protocols.dns_rewrite import joined

    counts = b"\0\1" + b"".join(number.to_bytes(2, "big") for number in reply.counts)
    found = outside.id + b"\x80\x80" + counts + reply.question + _aged(reply, age_s, stale)
    try:
        return joined(outside.plain(reply.rcode), found, outside.limit) or _truncated(outside)
    except ValueError:  # records that no client should have to take either
        return outside.plain(SERVFAIL)


def _truncated(outside: Outside) -> bytes:
    flags = bytes(((0x86 if outside.aliases else 0x82) | outside.rd, 0x80))
    return outside.id + flags + b"\0\1\0\0\0\0" + _last(0, outside.opt) + outside.question + outside.opt
