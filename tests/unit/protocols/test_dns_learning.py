"""What network policies learn from DNS answers, and which questions they refuse."""

from __future__ import annotations

import dns.message
import dns.rcode
import dns.rrset
import pytest

from seaway.protocols.dns_learning import LEAST_S, Learnt, NameClient, NameRules, compile_patterns

CLIENT = "10.244.0.2"
RULES = NameRules(
    (
        NameClient(CLIENT, "one", (("named_a", ("api.example.com", "*.cdn.test")), ("named_b", ("**",))), ("*.example.com",)),
        NameClient("10.244.0.3", "two"),
    )
)


def answer(name: str, *records: str) -> bytes:
    made = dns.message.make_response(dns.message.make_query(name, "A", use_edns=True))
    for record in records:
        owner, ttl, *rest = record.split()
        made.answer.append(dns.rrset.from_text(owner, int(ttl), *rest))
    return made.to_wire()


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("api.example.com", ("api.example.com",), ("example.com", "xapi.example.com", "api-example.com")),
        ("*.cdn.test", ("a.cdn.test", ".cdn.test"), ("a.b.cdn.test", "cdn.test")),
        ("sub*.test", ("sub.test", "sub-1.test"), ("sub.x.test",)),
        ("**.cdn.test", ("a.cdn.test", "a.b.cdn.test"), ("cdn.test", "xcdn.test")),
        ("**", ("a.b", "localhost", ""), ()),
    ],
)
def test_patterns(pattern: str, matching: tuple[str, ...], others: tuple[str, ...]) -> None:
    compiled = compile_patterns((pattern,))
    assert all(compiled.fullmatch(one) for one in matching)
    assert not any(compiled.fullmatch(one) for one in others)
    assert not compile_patterns(()).fullmatch("")


def test_addresses_behind_an_alias_count_for_the_name_that_was_asked_for() -> None:
    told = RULES.learn(CLIENT, answer("API.example.com.", "api.example.com. 300 IN CNAME lb.test.", "lb.test. 20 IN A 203.0.113.7"))
    assert told == (Learnt("one", "named_a", CLIENT, "203.0.113.7", 20), Learnt("one", "named_b", CLIENT, "203.0.113.7", 20))


def test_no_address_is_good_for_less_than_a_connection_needs() -> None:
    (first, second) = RULES.learn(CLIENT, answer("other.test.", "other.test. 0 IN A 203.0.113.7", "other.test. 0 IN A 203.0.113.8"))
    assert (first.set, first.ttl_s, second.address) == ("named_b", LEAST_S, "203.0.113.8")


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(answer("api.example.com."), id="no-answer"),
        pytest.param(answer("api.example.com.", "api.example.com. 9 IN A 203.0.113.7")[:-3], id="cut-off"),
        pytest.param(dns.message.make_query("api.example.com.", "A").to_wire(), id="a-question"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" * 12 + b"\xc0\x0c", id="garbage"),
    ],
)
def test_what_tells_nothing(response: bytes) -> None:
    assert RULES.learn(CLIENT, response) == ()
    assert RULES.learn("10.244.0.3", response) == ()
    assert RULES.learn("10.244.0.4", answer("a.test.", "a.test. 9 IN A 203.0.113.7")) == ()


def test_questions_outside_the_patterns_are_refused_as_they_were_asked() -> None:
    query = dns.message.make_query("Other.Test.", "A", use_edns=True)
    refusal = RULES.refusal(CLIENT, query.to_wire())
    assert refusal is not None
    response = dns.message.from_wire(refusal)
    assert (response.id, response.rcode(), response.question) == (query.id, dns.rcode.REFUSED, query.question)
    assert RULES.refusal(CLIENT, dns.message.make_query("API.Example.com.", "A").to_wire()) is None
    assert RULES.refusal("10.244.0.3", query.to_wire()) is None
    assert RULES.refusal(CLIENT, b"") is None
    assert RULES.limited == {CLIENT}
