"""Replies of other resolvers: what is believed, what is kept for how long, and what a client gets of it."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.protocols.dns_cache import STALE_FOR_S, Cache
from seaway.protocols.dns_name import encode_name
from seaway.protocols.dns_upstream import Reply, build_query, parse_reply, render_reply
from seaway.protocols.dns_wire import OPT_RECORD, Outside

NAME = encode_name("www.example.com")
SOA = "example.com. 600 IN SOA ns.example.com. admin.example.com. 1 2 3 4 60"


def reply_to(query: bytes, *answers: str, authority: str = "", rcode: int = 0, edns: bool = True) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
    message.set_rcode(dns.rcode.Rcode(rcode))
    message.use_edns(0 if edns else False)
    message.answer = [rrset(line) for line in answers]
    message.authority = [rrset(authority)] if authority else []
    return bytes(message.to_wire(max_size=65535))


def rrset(line: str) -> dns.rrset.RRset:
    name, ttl, cls, kind, data = line.split(" ", 4)
    return dns.rrset.from_text(name, int(ttl), cls, kind, data)


def asked(name: str = "wWw.example.COM", limit: int = 512, opt: bytes = b"", **more: object) -> Outside:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return Outside(b"\x12\x34", 1, labels + b"\0\0\1\0\1", encode_name(name), 1, opt, limit, **more)  # type: ignore[arg-type]


def parsed(*answers: str, **more: object) -> Reply:
    query = build_query(77, NAME, 1)
    reply = parse_reply(reply_to(query, *answers, **more), query)  # type: ignore[arg-type]
    assert reply is not None
    return reply


A = "www.example.com. 300 IN A 192.0.2.1"


@pytest.mark.parametrize(
    ("reply", "negative", "lifetime_s"),
    [
        pytest.param(parsed(A), False, 300, id="an address"),
        pytest.param(parsed(A, edns=False), False, 300, id="without edns"),
        pytest.param(
            parsed("www.example.com. 20 IN CNAME a.example.com.", "a.example.com. 300 IN A 192.0.2.1"), False, 20, id="the shortest ttl"
        ),
        pytest.param(parsed("www.example.com. 9999999 IN A 192.0.2.1"), False, 86400, id="a day at most"),
        pytest.param(parsed("www.example.com. 0 IN A 192.0.2.1"), False, 0, id="not at all"),
        pytest.param(parsed(authority=SOA, rcode=3), True, 60, id="nxdomain, by the soa's minimum"),
        pytest.param(parsed(authority=SOA), True, 60, id="no data"),
        pytest.param(parsed(authority=SOA.replace("4 60", "4 9000").replace("600", "7000")), True, 300, id="five minutes at most"),
        pytest.param(parsed(rcode=3), True, 0, id="nxdomain without soa"),
        pytest.param(parsed(rcode=2), True, 0, id="servfail"),
    ],
)
def test_lifetimes(reply: Reply, negative: bool, lifetime_s: int) -> None:
    assert (reply.negative, reply.lifetime_s) == (negative, lifetime_s)


def _at(packet: bytes, at: int, value: int) -> bytes:
    return packet[:at] + bytes((value,)) + packet[at + 1 :]


QUERY = build_query(77, NAME, 1)
GOOD = reply_to(QUERY, A)


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"", id="empty"),
        pytest.param(_at(GOOD, 1, 78), id="another id"),
        pytest.param(_at(GOOD, 2, 1), id="a query"),
        pytest.param(_at(GOOD, 14, ord("x")), id="another name"),
        pytest.param(reply_to(build_query(77, NAME, 28), "www.example.com. 1 IN AAAA fd00::1"), id="another type"),
        pytest.param(GOOD[:-1], id="cut off"),
        pytest.param(GOOD + b"x", id="too long"),
        pytest.param(_at(GOOD, 7, 9), id="more records said than there are"),
    ],
)
def test_not_believed(packet: bytes) -> None:
    assert parse_reply(packet, QUERY) is None


def test_a_truncated_reply() -> None:
    reply = parse_reply(_at(GOOD, 2, GOOD[2] | 2), QUERY)
    assert reply is not None
    assert reply.truncated


def test_the_client_s_question_and_less_time() -> None:
    outside = asked(opt=OPT_RECORD)
    message = dns.message.from_wire(render_reply(parsed(A), outside, 100))
    assert message.question[0].name.to_text() == "wWw.example.COM."
    assert message.answer[0].to_text() == "wWw.example.COM. 200 IN A 192.0.2.1"
    assert message.id == 0x1234
    assert message.edns == 0
    assert message.flags & dns.flags.RA
    assert not message.flags & dns.flags.AA
    assert dns.message.from_wire(render_reply(parsed(A), outside, 9000, stale=True)).answer[0].ttl == 30


def test_soa_of_a_negative_reply_is_passed_on() -> None:
    message = dns.message.from_wire(render_reply(parsed(authority=SOA, rcode=3), asked(), 10))
    assert (message.rcode(), message.authority[0].ttl) == (dns.rcode.NXDOMAIN, 590)


MANY = tuple(f"www.example.com. 300 IN TXT {'x' * 100}{number}" for number in range(20))


def test_what_does_not_fit_is_truncated() -> None:
    big = dns.message.from_wire(render_reply(parsed(*MANY), asked(), 0))
    assert big.flags & dns.flags.TC
    assert not big.answer
    assert len(dns.message.from_wire(render_reply(parsed(*MANY), asked(limit=65535), 0)).answer[0]) == 20


def test_behind_an_alias() -> None:
    alias = b"\xc0\x0c\0\5\0\1\0\0\0\5" + len(NAME).to_bytes(2, "big") + NAME
    mine = asked("ext.prod.svc.cluster.local", alias=alias, aliases=1)
    reply = parsed("www.example.com. 20 IN CNAME a.example.com.", "a.example.com. 300 IN A 192.0.2.1")
    message = dns.message.from_wire(render_reply(reply, mine, 0))
    assert [one.to_text() for one in message.answer] == [
        "ext.prod.svc.cluster.local. 5 IN CNAME www.example.com.",
        "www.example.com. 20 IN CNAME a.example.com.",
        "a.example.com. 300 IN A 192.0.2.1",
    ]
    cut = dns.message.from_wire(render_reply(parsed(*MANY), mine, 0))
    assert cut.flags & dns.flags.TC
    assert not cut.answer


def test_opt_in_front_of_other_records() -> None:
    """Allowed by RFC 6891; cutting it out moves what stands behind."""
    plain = reply_to(QUERY, A, edns=False)
    extra = b"\3www\7example\3com\0\0\1\0\1\0\0\0\x09\0\4\xc0\0\2\2"
    packet = plain[:10] + b"\0\2" + plain[12:] + OPT_RECORD + extra
    reply = parse_reply(packet, QUERY)
    assert reply is not None
    assert reply.counts == (1, 0, 1)
    assert dns.message.from_wire(render_reply(reply, asked(), 0)).additional[0].ttl == 9


@settings(max_examples=300, deadline=None)
@given(st.integers(12, len(GOOD) - 1), st.binary(min_size=1, max_size=6))
def test_broken_replies_never_raise(at: int, junk: bytes) -> None:
    reply = parse_reply(GOOD[:at] + junk + GOOD[at + len(junk) :], QUERY)
    if reply is not None:
        render_reply(reply, asked(), 5)
        render_reply(reply, asked("a.b", alias=b"", aliases=1), 5)


# --- the cache -----------------------------------------------------------------------------------------------------------


def test_fresh_then_stale_then_gone() -> None:
    cache = Cache()
    cache.put((NAME, 1), parsed(A), 1000)
    for now, expected in ((1299, (299, False)), (1300, (300, True)), (1300 + STALE_FOR_S, (300 + STALE_FOR_S, True))):
        kept = cache.get((NAME, 1), now)
        assert kept is not None
        assert (kept.age_s, kept.stale) == expected
    assert cache.get((NAME, 1), 1301 + STALE_FOR_S) is None
    assert len(cache) == 0


def test_what_must_not_be_kept_is_not() -> None:
    cache = Cache()
    cache.put((NAME, 1), parsed(rcode=2), 0)
    assert cache.get((NAME, 1), 0) is None


def test_names_that_do_not_exist_push_none_out_that_do() -> None:
    cache = Cache(entries=10)
    cache.put((NAME, 1), parsed(A), 0)
    for number in range(1000):
        cache.put((str(number).encode(), 1), parsed(authority=SOA, rcode=3), 0)
    assert len(cache) == 11
    assert cache.get((NAME, 1), 1) is not None
    assert cache.get((b"0", 1), 1) is None


def test_bytes_are_bounded_too() -> None:
    cache = Cache(size=5000)
    for number in range(100):
        cache.put((str(number).encode(), 16), parsed(*MANY), 0)
    assert 1 <= len(cache) <= 5


def test_a_name_that_is_gone_takes_the_place_of_its_address() -> None:
    cache = Cache()
    cache.put((NAME, 1), parsed(A), 0)
    cache.put((NAME, 1), parsed(authority=SOA, rcode=3), 1)
    kept = cache.get((NAME, 1), 2)
    assert kept is not None
    assert kept.reply.negative
