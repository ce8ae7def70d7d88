"""Answers the DNS packets that the plain path of `dns_wire` leaves, with dnspython: broken ones, other classes, opcodes and EDNS versions.

It can answer plain queries as well, from the records' text and not from prepared bytes: a second witness to the first.
A packet that is no query at all gets no answer (b""), so that two servers cannot be made to talk to each other.
"""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from seaway.protocols.dns_name import AAAA, ANY, CNAME, NS, SOA, SRV, A, absolute, encode_name, suffixes
from seaway.protocols.dns_table import ALIAS_HOPS, Node
from seaway.protocols.dns_wire import (
    FORMERR,
    NOTIMP,
    OPT_RECORD,
    OPT_RECORD_DO,
    REFUSED,
    TCP_MOST,
    UDP_MOST,
    UDP_OFFER,
    UDP_PLAIN,
    Answers,
    Outside,
)
from seaway.protocols.dns_zone import DnsZone, RecordSet

_HEADER = 12


def answer_odd(answers: Answers, query: bytes, tcp: bool = False) -> bytes | Outside:
    """A response to any packet, the question to forward, or b"" where nothing must be sent. Never raises."""
    if len(query) < _HEADER or query[2] & 0x80:
        return b""
    if query[2] >> 3 & 0xF != dns.opcode.QUERY:
        return _bare(query, NOTIMP)
    try:
        message = dns.message.from_wire(query, keyring=False)
    except (dns.exception.DNSException, ValueError, IndexError):
        return _bare(query, FORMERR)
    if len(message.question) != 1 or query[4:6] != b"\0\1":
        return _bare(query, FORMERR)
    response = _response_to(message)
    limit = TCP_MOST if tcp else min(max(message.payload, UDP_PLAIN), UDP_MOST) if message.edns >= 0 else UDP_PLAIN
    question = message.question[0]
    if message.edns > 0:
        response.set_rcode(dns.rcode.BADVERS)
    elif question.rdclass != dns.rdataclass.IN or _is_meta(int(question.rdtype)):
        response.set_rcode(dns.rcode.Rcode(REFUSED))
    else:
        outside = _fill(answers, response, question.name, int(question.rdtype))
        if outside:
            return _outside(response, query, question, outside, limit)
    return _fit(response, limit)


def _response_to(message: dns.message.Message) -> dns.message.QueryMessage:
    response = dns.message.QueryMessage(id=message.id)
    response.flags = dns.flags.QR | dns.flags.RA | (message.flags & dns.flags.RD)
    response.question = list(message.question)
    if message.edns >= 0:
        response.use_edns(0, message.ednsflags & dns.flags.DO, UDP_OFFER)
    return response


def _fill(answers: Answers, response: dns.message.QueryMessage, name: dns.name.Name, kind: int) -> bytes:
    """Adds what the zones have. Returns the name to ask others for, b"" if that is all."""
    zone, nodes = answers.table.zone, answers.table.nodes
    wire = _wire(name)
    node = nodes.get(wire) or answers.table.below_wildcard(wire)
    if node is None and not _apex_of(answers, wire):
        return wire
    response.flags |= dns.flags.AA
    for _ in range(ALIAS_HOPS):
        alias = node.sets.get(CNAME) if node is not None else None
        if alias is None or kind in (CNAME, ANY):
            break
        response.answer.append(_rrset(wire, alias, zone))
        wire = encode_name(absolute(alias.data[0], zone.domain))
        if not _apex_of(answers, wire):
            return wire
        node = nodes.get(wire)
    else:
        return b""
    found = _found(answers, node, kind) if node is not None else []
    response.answer += found
    if not found:
        apex = _apex_of(answers, wire)
        if apex:
            response.authority.append(_rrset(apex, nodes[apex].sets[SOA], zone))
        if node is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
    if kind in (SRV, NS):
        targets = dict.fromkeys(_wire(one.target) for rrset in found for one in rrset)
        near = [(target, nodes[target].sets) for target in targets if target in nodes]
        response.additional += [_rrset(at, sets[family], zone) for at, sets in near for family in (A, AAAA) if family in sets]
    return b""


def _found(answers: Answers, node: Node, kind: int) -> list[dns.rrset.RRset]:
    zone = answers.table.zone
    if kind == ANY and CNAME in node.sets:
        kind = CNAME
    if kind == ANY and node.sets:
        return [dns.rrset.from_text(_name(node.name), zone.ttl, "IN", "HINFO", '"RFC8482" ""')]
    return [_rrset(node.name, node.sets[kind], zone)] if kind in node.sets else []


def _apex_of(answers: Answers, wire: bytes) -> bytes:
    return next((suffix for _, suffix in suffixes(wire) if suffix in answers.table.apexes), b"")


def _rrset(owner: bytes, record: RecordSet, zone: DnsZone) -> dns.rrset.RRset:
    """A record set's text as dnspython reads it."""
    data = [f'"{_escaped(text)}"' for text in record.data] if record.type == "TXT" else list(record.data)
    origin = dns.name.from_text(zone.domain)
    return dns.rrset.from_text_list(_name(owner), record.ttl, "IN", record.type, data, origin=origin, relativize=False)


def _escaped(text: str) -> str:
    return "".join(f"\\{byte:03d}" for byte in text.encode())


def _is_meta(kind: int) -> bool:
    """No data but a transfer, a signature or the like (RFC 6895, section 3.1). ANY is answered."""
    return kind in (0, dns.rdatatype.OPT) or 128 <= kind < ANY


def _wire(name: dns.name.Name) -> bytes:
    return bytes(name.canonicalize().to_wire() or b"")


def _name(wire: bytes) -> dns.name.Name:
    return dns.name.from_wire(wire, 0)[0]


def _fit(response: dns.message.QueryMessage, limit: int) -> bytes:
    """Without additional records if need be, then without any and truncated."""
    for additional in (response.additional, []):
        response.additional = additional
        try:
            return response.to_wire(max_size=limit)
        except dns.exception.TooBig:
            continue
    response.flags |= dns.flags.TC
    response.set_rcode(dns.rcode.NOERROR)
    response.answer, response.authority = [], []
    return response.to_wire(max_size=limit)


def _outside(response: dns.message.QueryMessage, query: bytes, question: dns.rrset.RRset, name: bytes, limit: int) -> Outside:
    """In the form of the plain path. The question is written anew, since a stranger's may hold a compression pointer."""
    aliases = sum(len(rrset) for rrset in response.answer)
    edns = response.edns >= 0
    opt = (OPT_RECORD_DO if response.ednsflags & dns.flags.DO else OPT_RECORD) if edns else b""
    asked = bytes(question.name.to_wire() or b"") + int(question.rdtype).to_bytes(2, "big") + b"\0\1"
    response.use_edns(False)
    alias = response.to_wire(max_size=TCP_MOST)[_HEADER + len(asked) :] if aliases else b""
    return Outside(query[:2], query[2] & 1, asked, name, int(question.rdtype), opt, limit, alias, aliases)


def _bare(query: bytes, rcode: int) -> bytes:
    """A header and nothing else, for questions that cannot be repeated."""
    return query[:2] + bytes((0x80 | query[2] & 0x79, 0x80 | rcode)) + b"\0" * 8
