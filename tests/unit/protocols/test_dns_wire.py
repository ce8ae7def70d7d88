"""The plain path's answers read by dnspython, and the plain path held against the odd one."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seaway.protocols.dns_odd import answer_odd
from seaway.protocols.dns_wire import NXDOMAIN, SERVFAIL, Outside, compile_zone
from seaway.protocols.dns_zone import DnsZone, RecordSet

HUNDRED = tuple(f"10.244.1.{number}" for number in range(1, 101))
RECORDS = (
    RecordSet("ns.dns", "A", 5, ("10.96.0.10",)),
    RecordSet("dns-version", "TXT", 28800, ("1.1.0",)),
    RecordSet("web.prod.svc", "A", 5, ("10.96.3.4",)),
    RecordSet("_http._tcp.web.prod.svc", "SRV", 5, ("0 100 80 web.prod.svc",)),
    RecordSet("six.prod.svc", "AAAA", 5, ("fd00::5",)),
    RecordSet("db.prod.svc", "A", 5, ("10.244.0.3", "10.244.0.4", "10.244.0.5")),
    RecordSet("db-0.db.prod.svc", "A", 5, ("10.244.0.3",)),
    RecordSet("_sql._tcp.db.prod.svc", "SRV", 5, tuple(f"0 100 5432 10-244-1-{number}.db.prod.svc" for number in range(1, 13))),
    *(RecordSet(f"10-244-1-{number}.db.prod.svc", "A", 5, (f"10.244.1.{number}",)) for number in range(1, 13)),
    RecordSet("big.prod.svc", "A", 5, HUNDRED),
    RecordSet("ext.prod.svc", "CNAME", 5, ("www.example.com.",)),
    RecordSet("near.prod.svc", "CNAME", 5, ("web.prod.svc",)),
    RecordSet("far.prod.svc", "CNAME", 5, ("near.prod.svc",)),
    RecordSet("gone.prod.svc", "CNAME", 5, ("nothing.prod.svc",)),
    RecordSet("ring-a.prod.svc", "CNAME", 5, ("ring-b.prod.svc",)),
    RecordSet("ring-b.prod.svc", "CNAME", 5, ("ring-a.prod.svc",)),
    RecordSet("4.3.96.10.in-addr.arpa.", "PTR", 5, ("web.prod.svc",)),
    RecordSet("9.2.0.192.in-addr.arpa.", "PTR", 5, ("10-0-0-9.db.prod.svc", "other.db.prod.svc")),
)
ZONE = DnsZone(
    domain="cluster.local",
    name_server="ns.dns",
    ttl=5,
    serial=7,
    reverse=("96.10.in-addr.arpa", "9.2.0.192.in-addr.arpa"),
    empty=("svc", "pod", "idle.svc", "idle.pod"),
    records=RECORDS,
)
SOA = "ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 5"


def wire(name: str, kind: str = "A", **more: object) -> bytes:
    return bytes(dns.message.make_query(name, kind, **more).to_wire())  # type: ignore[arg-type]


def ask(name: str, kind: str = "A", tcp: bool = False, **more: object) -> dns.message.Message:
    query = wire(name, kind, **more)
    response = compile_zone(ZONE).answer(query, tcp)
    assert isinstance(response, bytes)
    message = dns.message.from_wire(response)
    assert dns.message.from_wire(query).is_response(message)
    return message


def lines(rrsets: list[dns.rrset.RRset]) -> list[str]:
    return sorted(line for rrset in rrsets for line in rrset.to_text().splitlines())


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        pytest.param("web.prod.svc.cluster.local", "A", ["web.prod.svc.cluster.local. 5 IN A 10.96.3.4"], id="a"),
        pytest.param("six.prod.svc.cluster.local", "AAAA", ["six.prod.svc.cluster.local. 5 IN AAAA fd00::5"], id="aaaa"),
        pytest.param("dns-version.cluster.local", "TXT", ['dns-version.cluster.local. 28800 IN TXT "1.1.0"'], id="txt"),
        pytest.param("cluster.local", "NS", ["cluster.local. 5 IN NS ns.dns.cluster.local."], id="ns"),
        pytest.param("cluster.local", "SOA", [f"cluster.local. 5 IN SOA {SOA}"], id="soa"),
        pytest.param("96.10.in-addr.arpa", "SOA", [f"96.10.in-addr.arpa. 5 IN SOA {SOA}"], id="soa of a reverse zone"),
        pytest.param("4.3.96.10.in-addr.arpa", "PTR", ["4.3.96.10.in-addr.arpa. 5 IN PTR web.prod.svc.cluster.local."], id="ptr"),
        pytest.param("web.prod.svc.cluster.local", "ANY", ['web.prod.svc.cluster.local. 5 IN HINFO "RFC8482" ""'], id="any"),
        pytest.param(
            "ext.prod.svc.cluster.local", "ANY", ["ext.prod.svc.cluster.local. 5 IN CNAME www.example.com."], id="any of an alias"
        ),
        pytest.param("ext.prod.svc.cluster.local", "CNAME", ["ext.prod.svc.cluster.local. 5 IN CNAME www.example.com."], id="cname"),
        pytest.param(
            "far.prod.svc.cluster.local",
            "A",
            [
                "far.prod.svc.cluster.local. 5 IN CNAME near.prod.svc.cluster.local.",
                "near.prod.svc.cluster.local. 5 IN CNAME web.prod.svc.cluster.local.",
                "web.prod.svc.cluster.local. 5 IN A 10.96.3.4",
            ],
            id="aliases within the zone are followed",
        ),
        pytest.param(
            "_http._tcp.web.prod.svc.cluster.local",
            "SRV",
            ["_http._tcp.web.prod.svc.cluster.local. 5 IN SRV 0 100 80 web.prod.svc.cluster.local."],
            id="srv",
        ),
    ],
)
def test_answers(name: str, kind: str, answer: list[str]) -> None:
    for more in ({}, {"use_edns": 0}, {"tcp": True}):
        message = ask(name, kind, **more)
        assert lines(message.answer) == answer
        assert message.rcode() == dns.rcode.NOERROR
        assert message.flags & dns.flags.AA
        assert not message.authority


def test_srv_brings_addresses() -> None:
    assert lines(ask("_http._tcp.web.prod.svc.cluster.local", "SRV").additional) == ["web.prod.svc.cluster.local. 5 IN A 10.96.3.4"]


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "zone"),
    [
        pytest.param("web.prod.svc.cluster.local", "AAAA", 0, "cluster.local", id="another type"),
        pytest.param("prod.svc.cluster.local", "A", 0, "cluster.local", id="a namespace"),
        pytest.param("_tcp.web.prod.svc.cluster.local", "SRV", 0, "cluster.local", id="a name in between"),
        pytest.param("idle.pod.cluster.local", "A", 0, "cluster.local", id="a namespace without records"),
        pytest.param("svc.cluster.local", "ANY", 0, "cluster.local", id="any of nothing"),
        pytest.param("cluster.local", "A", 0, "cluster.local", id="the apex"),
        pytest.param("3.96.10.in-addr.arpa", "PTR", 0, "96.10.in-addr.arpa", id="a network in reverse"),
        pytest.param("web.cluster.local", "A", 3, "cluster.local", id="no such name"),
        pytest.param("web.nowhere.svc.cluster.local", "A", 3, "cluster.local", id="no such namespace"),
        pytest.param("a.web.prod.svc.cluster.local", "A", 3, "cluster.local", id="below a name"),
        pytest.param("web.prod.svc.cluster.local.prod.svc.cluster.local", "A", 3, "cluster.local", id="search path twice"),
        pytest.param("9.9.96.10.in-addr.arpa", "PTR", 3, "96.10.in-addr.arpa", id="no such address"),
        pytest.param("a.ns.dns.cluster.local", "A", 3, "cluster.local", id="below the name server"),
    ],
)
def test_negative(name: str, kind: str, rcode: int, zone: str) -> None:
    for more in ({}, {"use_edns": 0}):
        message = ask(name, kind, **more)
        assert (message.rcode(), message.answer) == (rcode, [])
        assert lines(message.authority) == [f"{zone}. 5 IN SOA {SOA}"]


def test_negative_answers_at_one_offset_do_not_mix() -> None:
    """What is kept of one must not point into the other's labels."""
    answers = compile_zone(ZONE)
    for name in ("aa.ns.dns.cluster.local", "a.nss.dns.cluster.local", "bbbbbbbbbb.cluster.local", "hostmaster.cluster.local"):
        response = answers.answer(wire(name))
        assert isinstance(response, bytes)
        assert lines(dns.message.from_wire(response).authority) == [f"cluster.local. 5 IN SOA {SOA}"]


def test_alias_to_a_missing_name() -> None:
    message = ask("gone.prod.svc.cluster.local")
    assert message.rcode() == dns.rcode.NXDOMAIN
    assert lines(message.answer) == ["gone.prod.svc.cluster.local. 5 IN CNAME nothing.prod.svc.cluster.local."]
    assert len(message.authority) == 1


def test_letters_come_back_as_sent() -> None:
    name = "wEb.PROD.sVc.CLUSTER.local."
    message = ask(name)
    assert message.question[0].name.to_text() == name
    assert message.answer[0].name.to_text() == name
    assert ask("nO.ClusteR.local.").question[0].name.to_text() == "nO.ClusteR.local."


@pytest.mark.parametrize(
    ("name", "kind", "more", "truncated", "answers", "additional"),
    [
        pytest.param("big", "A", {}, True, 0, 0, id="512 without edns"),
        pytest.param("big", "A", {"use_edns": 0, "payload": 1232}, True, 0, 0, id="1232"),
        pytest.param("big", "A", {"use_edns": 0, "payload": 4096}, False, 100, 0, id="4096"),
        pytest.param("big", "A", {"use_edns": 0, "payload": 100}, True, 0, 0, id="less than 512 counts as 512"),
        pytest.param("big", "A", {"tcp": True}, False, 100, 0, id="tcp"),
        pytest.param("_sql._tcp.db", "SRV", {"use_edns": 0, "payload": 800}, False, 12, 0, id="additional records go first"),
        pytest.param("_sql._tcp.db", "SRV", {"use_edns": 0, "payload": 1232}, False, 12, 12, id="additional records fit"),
        pytest.param("_sql._tcp.db", "SRV", {}, True, 0, 0, id="srv too long"),
    ],
)
def test_sizes(name: str, kind: str, more: dict[str, object], truncated: bool, answers: int, additional: int) -> None:
    message = ask(f"{name}.prod.svc.cluster.local", kind, **more)
    assert bool(message.flags & dns.flags.TC) == truncated
    assert sum(len(rrset) for rrset in message.answer) == answers
    assert sum(len(rrset) for rrset in message.additional) == additional


def test_more_than_tcp_holds() -> None:
    many = tuple(f"10.{number >> 8}.{number & 255}.1" for number in range(5000))
    answers = compile_zone(replace_records(RecordSet("many.prod.svc", "A", 5, many)))
    query = wire("many.prod.svc.cluster.local", use_edns=0)
    response = answers.answer(query, tcp=True)
    assert isinstance(response, bytes)
    assert 65000 < len(response) <= 65535
    message = dns.message.from_wire(response)
    assert message.flags & dns.flags.TC
    assert sum(len(rrset) for rrset in message.answer) > 4000
    assert len(answer_odd(answers, query, tcp=True)) < 512


def replace_records(*records: RecordSet) -> DnsZone:
    return DnsZone(ZONE.domain, ZONE.name_server, ZONE.ttl, ZONE.serial, ZONE.reverse, ZONE.empty, (ZONE.records[0], *records))


def test_rotation_by_query_id() -> None:
    firsts = set()
    for number in range(6):
        message = ask("db.prod.svc.cluster.local", id=number)
        data = [one.to_text() for rrset in message.answer for one in rrset]
        assert sorted(data) == ["10.244.0.3", "10.244.0.4", "10.244.0.5"]
        firsts.add(compile_zone(ZONE).answer(wire("db.prod.svc.cluster.local", id=number))[-16:])
    assert len(firsts) == 3


def test_do_bit_is_copied() -> None:
    assert ask("web.prod.svc.cluster.local", want_dnssec=True).ednsflags & dns.flags.DO
    assert not ask("web.prod.svc.cluster.local", use_edns=0).ednsflags


def test_a_cookie_is_plain() -> None:
    assert ask("web.prod.svc.cluster.local", use_edns=0, options=[dns.edns.GenericOption(10, b"12345678")]).answer


def _altered(query: bytes, at: int, value: bytes) -> bytes:
    return query[:at] + value + query[at + len(value) :]


def _opcode(code: int) -> bytes:
    return _altered(wire("web.prod.svc.cluster.local"), 2, bytes((code << 3,)))


def _two_questions() -> bytes:
    one = wire("web.prod.svc.cluster.local")
    return _altered(one, 4, b"\0\2") + one[12:]


@pytest.mark.parametrize(
    ("query", "rcode"),
    [
        pytest.param(_opcode(5), dns.rcode.NOTIMP, id="update"),
        pytest.param(_opcode(4), dns.rcode.NOTIMP, id="notify"),
        pytest.param(_opcode(2), dns.rcode.NOTIMP, id="status"),
        pytest.param(_two_questions(), dns.rcode.FORMERR, id="two questions"),
        pytest.param(_altered(wire("a.b"), 4, b"\0\0")[:12], dns.rcode.FORMERR, id="no question"),
        pytest.param(wire("a.b")[:15], dns.rcode.FORMERR, id="cut off"),
        pytest.param(wire("a.b") + b"x", dns.rcode.FORMERR, id="trailing bytes"),
        pytest.param(wire("web.prod.svc.cluster.local", use_edns=1), dns.rcode.BADVERS, id="edns version 1"),
        pytest.param(wire("version.bind", "TXT", rdclass=dns.rdataclass.CH), dns.rcode.REFUSED, id="chaos"),
        pytest.param(wire("cluster.local", "AXFR"), dns.rcode.REFUSED, id="axfr"),
        pytest.param(_altered(wire("abc.de"), 12, b"\xc0\x0c"), dns.rcode.FORMERR, id="a pointer to itself"),
    ],
)
def test_odd_packets(query: bytes, rcode: int) -> None:
    answers = compile_zone(ZONE)
    assert answers.answer(query) is None
    response = answer_odd(answers, query)
    assert isinstance(response, bytes)
    assert response[:2] == query[:2]
    assert dns.message.from_wire(response).rcode() == rcode


@pytest.mark.parametrize("packet", [b"", b"12345678901", _altered(wire("a.b"), 2, b"\x81")], ids=["empty", "short", "a response"])
def test_no_answer_at_all(packet: bytes) -> None:
    answers = compile_zone(ZONE)
    assert answers.answer(packet) is None
    assert answer_odd(answers, packet) == b""


def test_names_outside() -> None:
    answers = compile_zone(ZONE)
    query = wire("WWW.example.com", "AAAA", use_edns=0)
    outside = answers.answer(query)
    assert isinstance(outside, Outside)
    assert outside == answer_odd(answers, query)
    assert (outside.name, outside.type, outside.limit) == (b"\3www\7example\3com\0", 28, 1232)
    message = dns.message.from_wire(outside.plain(NXDOMAIN))
    assert (message.rcode(), message.id, message.edns) == (dns.rcode.NXDOMAIN, int.from_bytes(query[:2], "big"), 0)
    assert not message.flags & dns.flags.AA


def test_an_alias_to_outside() -> None:
    outside = compile_zone(ZONE).answer(wire("ext.prod.svc.cluster.local"))
    assert isinstance(outside, Outside)
    assert (outside.name, outside.aliases) == (b"\3www\7example\3com\0", 1)
    message = dns.message.from_wire(outside.plain(SERVFAIL))
    assert lines(message.answer) == ["ext.prod.svc.cluster.local. 5 IN CNAME www.example.com."]


@pytest.mark.parametrize(
    ("records", "text"),
    [
        pytest.param((RecordSet("a", "A", 5, ("10.0.0",)),), "10.0.0", id="address"),
        pytest.param((RecordSet("a", "MX", 5, ("10 b",)),), "MX", id="type"),
        pytest.param((RecordSet("a" * 64, "A", 5, ("10.0.0.1",)),), "aaa", id="label"),
        pytest.param((RecordSet("a", "A", 5, ()),), "empty", id="no data"),
        pytest.param((RecordSet("a", "A", 5, ("10.0.0.1",)), RecordSet("A", "A", 5, ("10.0.0.2",))), "twice", id="twice"),
        pytest.param((RecordSet("a", "CNAME", 5, ("b",)), RecordSet("a", "A", 5, ("10.0.0.1",))), "alias", id="alias and address"),
        pytest.param((RecordSet("a.example.com.", "A", 5, ("10.0.0.1",)),), "outside", id="outside"),
    ],
)
def test_inconsistent_zones(records: tuple[RecordSet, ...], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        compile_zone(replace_records(*records))


def test_a_flood_fills_no_memory() -> None:
    answers = compile_zone(ZONE)
    for kind in range(1, 3000):
        answers.answer(_altered(wire("web.prod.svc.cluster.local"), -4, b"")[:-4] + kind.to_bytes(2, "big") + b"\0\1")
    for number in range(3000):
        answers.answer(wire(f"n{number}.prod.svc.cluster.local"))
    assert len(answers.table.nodes[b"\3web\4prod\3svc\7cluster\5local\0"].prepared) <= 2
    assert len(answers.table.nodes) == len(compile_zone(ZONE).table.nodes)


# --- the two paths agree -------------------------------------------------------------------------------------------------

NAMES = sorted({f"{one.name}.cluster.local" if not one.name.endswith(".") else one.name for one in RECORDS})
PARENTS = [".".join(name.split(".")[cut:]) for name in NAMES for cut in range(1, 4)]
names = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(PARENTS),
    st.builds(lambda label, name: f"{label}.{name}", st.sampled_from(["x", "ns", "hostmaster", "A-B"]), st.sampled_from(NAMES + PARENTS)),
    st.sampled_from([".", "com", "www.example.com", "local"]),
)


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    name = "".join(letter.upper() if draw(st.booleans()) else letter for letter in draw(names)) if draw(st.booleans()) else draw(names)
    query = dns.message.QueryMessage(id=draw(st.integers(0, 65535)))
    query.flags = draw(st.sampled_from([0, dns.flags.RD, dns.flags.RD | dns.flags.AD, dns.flags.RD | dns.flags.CD]))
    kind = draw(st.sampled_from([1, 2, 5, 6, 12, 15, 16, 28, 33, 65, 97, 255, 252, 41, 999]))
    query.question = [dns.rrset.RRset(dns.name.from_text(name), dns.rdataclass.RdataClass(draw(st.sampled_from([1, 1, 1, 3, 255]))), kind)]
    if draw(st.booleans()):
        query.use_edns(
            draw(st.sampled_from([0, 0, 0, 1])),
            draw(st.sampled_from([0, dns.flags.DO])),
            draw(st.sampled_from([0, 512, 1232, 4096, 65535])),
        )
    return bytes(query.to_wire())


def told(response: bytes) -> tuple[object, ...]:
    """What a client learns, in no order. Names in data may be compressed onto the question's, and then have its case."""
    message = dns.message.from_wire(response)
    sections = [
        sorted((rrset.name, rrset.rdtype, rrset.ttl, sorted(one.to_text().lower() for one in rrset)) for rrset in part)
        for part in message.sections[1:]
    ]
    question = [rrset.to_text() for rrset in message.question]
    return message.id, int(message.flags), message.rcode(), message.edns, message.ednsflags, message.payload, question, sections


ANSWERS = compile_zone(ZONE)


@settings(max_examples=400, deadline=None)
@given(queries(), st.booleans())
def test_both_paths_agree(query: bytes, tcp: bool) -> None:
    plain, odd = ANSWERS.answer(query, tcp), answer_odd(ANSWERS, query, tcp)
    assert ANSWERS.answer(query, tcp) == plain  # prepared, and then from what was prepared
    if isinstance(plain, Outside):
        assert isinstance(odd, Outside)
        assert told(plain.plain(0)) == told(odd.plain(0))
        assert (plain.name, plain.type, plain.limit) == (odd.name, odd.type, odd.limit)
    elif plain is not None:
        assert isinstance(odd, bytes)
        assert told(plain) == told(odd)


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=64),
        st.builds(lambda query, at, junk: _altered(query, at % len(query), junk), queries(), st.integers(0, 200), st.binary(max_size=8)),
    ),
    st.booleans(),
)
@example(b"\0\0\1\0\0\1\0\0\0\0\0\1", False)
@example(wire("a.b")[:-4], False)
def test_junk_never_raises(packet: bytes, tcp: bool) -> None:
    for response in (ANSWERS.answer(packet, tcp), answer_odd(ANSWERS, packet, tcp)):
        if isinstance(response, Outside):
            response = response.plain(SERVFAIL)
        if response:
            assert response[:2] == packet[:2]
            assert dns.message.from_wire(response).flags & dns.flags.QR
            assert len(response) <= (65535 if tcp else 4096)


def test_a_zone_survives_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(ZONE), type=DnsZone) == ZONE
