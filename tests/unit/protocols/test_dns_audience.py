"""Members of the mesh are told hosts that others are not, each as its namespace sees them; both ways of answering agree."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import pytest

from seaway.protocols.dns_audience import Audiences
from seaway.protocols.dns_odd import answer_odd
from seaway.protocols.dns_wire import Outside
from seaway.protocols.dns_zone import DnsZone, MeshName, RecordSet

MEMBER, OTHER, STRANGER = "10.244.0.5", "10.244.0.6", "10.244.0.7"
RECORDS = (
    RecordSet("ns.dns", "A", 5, ("10.96.0.10",)),
    RecordSet("web.shop.svc", "A", 5, ("10.96.3.4",)),
)
HOSTS = (
    MeshName("*.api.example.com", ("240.240.0.4",), "shop", ("*",)),
    MeshName("*.example.com", ("240.240.0.3",), "shop", ("*",)),
    MeshName("db.example.org", ("240.240.0.1", "240.240.0.2"), "pay", ("*",)),
    MeshName("db.example.org", ("240.240.0.9",), "shop", ("shop",)),
    MeshName("legacy.shop.svc.cluster.local", ("192.0.2.1",), "shop", ("*",)),
    MeshName("secret.example.org", ("240.240.0.5",), "shop", ("shop",)),
    MeshName("web.shop.svc.cluster.local", ("192.0.2.9",), "shop", ("*",)),
)
ZONE = DnsZone("cluster.local", "ns.dns", 5, 7, (), ("svc", "shop.svc"), RECORDS, HOSTS, ((MEMBER, "shop"), (OTHER, "pay")))


def ask(client: str, name: str, kind: str = "A", tcp: bool = False, **more: object) -> dns.message.Message | None:
    """The response, by both ways; None where others are to be asked."""
    query = bytes(dns.message.make_query(name, kind, **more).to_wire())  # type: ignore[arg-type]
    answers = Audiences(ZONE).of(client)
    plain, odd = answers.answer(query, tcp), answer_odd(answers, query, tcp)
    if isinstance(plain, Outside):
        assert plain == odd
        return None
    assert isinstance(plain, bytes)
    assert isinstance(odd, bytes)
    message, witness = dns.message.from_wire(plain), dns.message.from_wire(odd)
    assert sorted(lines(message)) == sorted(lines(witness))
    assert (message.rcode(), message.flags, message.authority) == (witness.rcode(), witness.flags, witness.authority)
    return message


def lines(message: dns.message.Message) -> list[str]:
    return [line for rrset in message.answer for line in rrset.to_text().splitlines()]


def addresses(message: dns.message.Message | None) -> set[str]:
    assert message is not None
    return {line.rsplit(" ", 1)[1] for line in lines(message)}


@pytest.mark.parametrize("more", [{}, {"use_edns": 0}, {"tcp": True}], ids=["udp", "edns", "tcp"])
@pytest.mark.parametrize(
    ("client", "name", "wanted"),
    [
        pytest.param(MEMBER, "db.example.org", {"240.240.0.9"}, id="the own namespace's first"),
        pytest.param(OTHER, "db.example.org", {"240.240.0.1", "240.240.0.2"}, id="all addresses"),
        pytest.param(MEMBER, "secret.example.org", {"240.240.0.5"}, id="exported to it"),
        pytest.param(MEMBER, "a.example.com", {"240.240.0.3"}, id="wildcard"),
        pytest.param(MEMBER, "A.b.Example.com", {"240.240.0.3"}, id="wildcard at any depth, in any case"),
        pytest.param(MEMBER, "x.api.example.com", {"240.240.0.4"}, id="the closest wildcard"),
        pytest.param(MEMBER, "legacy.shop.svc.cluster.local", {"192.0.2.1"}, id="inside the zone"),
        pytest.param(MEMBER, "web.shop.svc.cluster.local", {"10.96.3.4"}, id="a Service keeps its name"),
    ],
)
def test_members_are_told(client, name, wanted, more):
    message = ask(client, name, **more)
    assert addresses(message) == wanted
    assert message.flags & dns.flags.AA


@pytest.mark.parametrize(
    ("client", "name"),
    [
        pytest.param(STRANGER, "db.example.org", id="no member"),
        pytest.param(STRANGER, "a.example.com", id="no member, wildcard"),
        pytest.param(OTHER, "secret.example.org", id="not exported to it"),
        pytest.param(MEMBER, "example.com", id="the wildcard's own suffix"),
        pytest.param(MEMBER, "www.example.net", id="no host"),
    ],
)
def test_for_others_the_world_is_asked(client, name):
    assert ask(client, name) is None


def test_a_stranger_is_told_what_the_zone_has():
    assert addresses(ask(STRANGER, "web.shop.svc.cluster.local")) == {"10.96.3.4"}
    message = ask(STRANGER, "legacy.shop.svc.cluster.local")
    assert message is not None
    assert message.rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("name", ["db.example.org", "a.example.com", "legacy.shop.svc.cluster.local"])
def test_a_host_has_addresses_of_version_4_only(name):
    message = ask(MEMBER, name, "AAAA")
    assert message is not None
    assert (message.rcode(), message.answer) == (dns.rcode.NOERROR, [])


def test_members_that_see_the_same_share_answers():
    zone = DnsZone("cluster.local", "ns.dns", 5, 7, (), (), RECORDS, HOSTS[:2], ((MEMBER, "shop"), (OTHER, "pay")))
    audiences = Audiences(zone)
    assert audiences.of(MEMBER) is audiences.of(OTHER)
    assert audiences.of(STRANGER) is audiences.everybody
