"""Names outside: upstreams that are dead, slow, lying, truncating, flooded; the cluster's own names answer all the same."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from seaway.core.errors import DriverError
from seaway.drivers.dns.exchange import Upstream, parse_upstream
from seaway.drivers.dns.forward import Forwarder, Limits
from seaway.drivers.dns.interface import Place
from seaway.drivers.dns.server import DnsServer
from seaway.drivers.process.namespaces import in_netns
from seaway.protocols.dns_name import encode_name
from seaway.protocols.dns_wire import Outside
from seaway.protocols.dns_zone import DnsZone, RecordSet

ZONE = DnsZone(
    "cluster.local",
    "ns.dns",
    5,
    1,
    (),
    (),
    (
        RecordSet("ns.dns", "A", 5, ("10.96.0.10",)),
        RecordSet("web.prod.svc", "A", 5, ("10.96.3.4",)),
        RecordSet("ext.prod.svc", "CNAME", 5, ("www.example.com.",)),
    ),
)
QUICK = Limits(try_s=0.2, total_s=1.5, patience_s=0.3, rest_s=0.2, flights=64, waiting=256, queue=256)
NO_ANSWER: list[bytes] = []

Behave = Callable[[dns.message.Message], list[bytes]]


def answer(query: dns.message.Message, ttl: int = 300, address: str = "192.0.2.1") -> bytes:
    response = dns.message.make_response(query, recursion_available=True)
    name = query.question[0].name
    response.answer = [dns.rrset.from_text(name, ttl, "IN", "A", address)]
    return bytes(response.to_wire())


def failure(query: dns.message.Message, rcode: dns.rcode.Rcode = dns.rcode.SERVFAIL) -> bytes:
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(rcode)
    if rcode == dns.rcode.NXDOMAIN:
        response.authority = [dns.rrset.from_text("example.com.", 60, "IN", "SOA", "ns.example.com. a.example.com. 1 2 3 4 60")]
    return bytes(response.to_wire())


def truncated(query: dns.message.Message) -> bytes:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.TC
    return bytes(response.to_wire())


class FakeResolver(asyncio.DatagramProtocol):
    """A resolver on a loopback port of the test's own namespace; `udp` and `tcp` say what it answers, and may be set anew at any time."""

    def __init__(self) -> None:
        self.udp: Behave = lambda query: [answer(query)]
        self.tcp: Behave = lambda query: [answer(query)]
        self.asked: list[tuple[int, int]] = []

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._datagrams, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port: int = self._datagrams.get_extra_info("sockname")[1]
        self._streams = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        self._datagrams.close()
        self._streams.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        self.asked.append((query.id, addr[1]))
        for response in self.udp(query):
            self._datagrams.sendto(response, addr)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
        for response in self.tcp(query):
            writer.write(len(response).to_bytes(2, "big") + response)
        writer.close()

    @property
    def text(self) -> str:
        return f"127.0.0.1:{self.port}"


class World:
    """A DNS server in a namespace, two resolvers outside of it."""

    def __init__(self, loop: Any, netns: str) -> None:
        self.loop = loop
        self.place = Place(netns, "127.0.0.1")
        self.one, self.two = FakeResolver(), FakeResolver()
        for resolver in (self.one, self.two):
            loop.run(resolver.start())
        self.server: DnsServer = loop.call(lambda: DnsServer((self.one.text, self.two.text), None, NO_ANSWER.append, QUICK))  # type: ignore[arg-type]
        loop.call(lambda: self.server.load(ZONE))
        loop.run(self.server.listen(self.place))

    def close(self) -> None:
        self.loop.run(self.server.stop())
        for resolver in (self.one, self.two):
            self.loop.run(resolver.stop())

    def client(self, kind: int = socket.SOCK_DGRAM) -> socket.socket:
        with in_netns(str(self.place.netns)):
            made = socket.socket(socket.AF_INET, kind)
        made.settimeout(10)
        made.connect((self.place.address, self.place.port))
        return made

    def ask(self, name: str, kind: str = "A", **more: Any) -> dns.message.Message:
        query = dns.message.make_query(name, kind, **more)
        with self.client() as client:
            client.send(query.to_wire())
            response = dns.message.from_wire(client.recv(65535))
        assert query.is_response(response)
        return response


@pytest.fixture
def world(beside: Any, namespaces: Any) -> Iterator[World]:
    made = World(beside, str(namespaces.make("dns")))
    yield made
    made.close()


def lines(message: dns.message.Message) -> list[str]:
    return [rrset.to_text() for rrset in message.answer]


def dead(query: dns.message.Message) -> list[bytes]:
    return NO_ANSWER


def test_a_name_outside_is_asked_once(world: World) -> None:
    assert lines(world.ask("www.example.com")) == ["www.example.com. 300 IN A 192.0.2.1"]
    assert lines(world.ask("WWW.example.com", use_edns=0))[0].startswith("WWW.example.com. ")
    assert len(world.one.asked) == 1
    assert not world.two.asked


def test_ids_and_ports_are_new_each_time(world: World) -> None:
    for number in range(20):
        world.ask(f"n{number}.example.com")
    assert len({one for one, _ in world.one.asked}) > 15
    assert len({port for _, port in world.one.asked}) > 10


def test_a_service_with_an_external_name(world: World) -> None:
    assert lines(world.ask("ext.prod.svc.cluster.local")) == [
        "ext.prod.svc.cluster.local. 5 IN CNAME www.example.com.",
        "www.example.com. 300 IN A 192.0.2.1",
    ]
    assert lines(world.ask("ext.prod.svc.cluster.local", "CNAME")) == ["ext.prod.svc.cluster.local. 5 IN CNAME www.example.com."]


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(dead, id="silent"),
        pytest.param(lambda query: [failure(query)], id="servfail"),
        pytest.param(lambda query: [failure(query, dns.rcode.REFUSED)], id="refused"),
        pytest.param(lambda query: [b"junk", answer(query)[:-3]], id="junk"),
        pytest.param(lambda query: [answer(dns.message.make_query("www.example.org", "A", id=query.id))], id="another name"),
        pytest.param(lambda query: [answer(dns.message.make_query("www.example.com", "A", id=query.id ^ 1))], id="another id"),
    ],
)
def test_the_next_resolver_is_asked(world: World, behave: Behave) -> None:
    world.one.udp = behave
    world.two.udp = lambda query: [answer(query, address="192.0.2.2")]
    assert lines(world.ask("www.example.com")) == ["www.example.com. 300 IN A 192.0.2.2"]
    world.ask("other.example.com")
    assert len(world.one.asked) <= 2, "the one that failed is asked last the next time"


def test_a_lie_before_the_truth(world: World) -> None:
    world.one.udp = lambda query: [
        answer(dns.message.make_query("www.example.com", "A", id=query.id ^ 1), address="198.51.100.66"),
        answer(query),
    ]
    assert lines(world.ask("www.example.com")) == ["www.example.com. 300 IN A 192.0.2.1"]


def test_a_resolver_that_is_not_there(world: World) -> None:
    world.loop.run(world.one.stop())
    assert lines(world.ask("www.example.com")) == ["www.example.com. 300 IN A 192.0.2.1"]
    assert world.two.asked


def test_a_truncated_reply_is_asked_again_over_tcp(world: World) -> None:
    world.one.udp = lambda query: [truncated(query)]
    world.one.tcp = lambda query: [answer(query, address="192.0.2.99")]
    assert lines(world.ask("www.example.com")) == ["www.example.com. 300 IN A 192.0.2.99"]


def test_a_truncated_reply_and_no_tcp(world: World) -> None:
    world.one.udp = lambda query: [truncated(query)]
    world.one.tcp = dead
    world.two.udp = lambda query: [answer(query, address="192.0.2.2")]
    assert lines(world.ask("www.example.com")) == ["www.example.com. 300 IN A 192.0.2.2"]


def test_a_resolver_without_edns(world: World) -> None:
    world.one.udp = lambda query: [failure(query, dns.rcode.FORMERR) if query.edns >= 0 else answer(query)]
    world.two.udp = dead
    assert lines(world.ask("www.example.com")) == ["www.example.com. 300 IN A 192.0.2.1"]


def test_no_resolver_settles_it(world: World) -> None:
    world.one.udp = world.two.udp = dead
    assert world.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
    assert world.loop.call(world.server.status).failed == 1
    world.one.udp = lambda query: [answer(query)]
    assert lines(world.ask("www.example.com"))


def test_stale_answers_when_all_are_down(world: World) -> None:
    world.one.udp = lambda query: [answer(query, ttl=1)]
    world.ask("www.example.com")
    time.sleep(1.1)
    world.one.udp = world.two.udp = dead
    assert lines(world.ask("www.example.com")) == ["www.example.com. 30 IN A 192.0.2.1"]
    assert world.loop.call(world.server.status).stale == 1
    world.one.udp = lambda query: [answer(query, address="192.0.2.7")]
    deadline = time.monotonic() + 10
    while lines(world.ask("www.example.com")) != ["www.example.com. 300 IN A 192.0.2.7"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_names_that_do_not_exist(world: World) -> None:
    world.one.udp = lambda query: [failure(query, dns.rcode.NXDOMAIN)]
    for _ in range(2):
        message = world.ask("none.example.com")
        assert message.rcode() == dns.rcode.NXDOMAIN
        assert message.authority
    assert len(world.one.asked) == 1


def test_many_who_wait_for_one_name(world: World) -> None:
    waiting: list[dns.message.Message] = []
    world.one.udp = lambda query: waiting.append(query) or NO_ANSWER
    world.two.udp = lambda query: [answer(query)]
    with world.client() as client:
        for number in range(50):
            client.send(dns.message.make_query("www.example.com", "A", id=number).to_wire())
        ids = {dns.message.from_wire(client.recv(4096)).id for _ in range(50)}
    assert ids == set(range(50))
    assert len(waiting) == 1


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(dead, id="dead"),
        pytest.param(lambda query: [failure(query, dns.rcode.NXDOMAIN)], id="nxdomain"),
    ],
)
def test_a_flood_of_names_outside_does_not_hold_up_the_cluster(world: World, behave: Behave) -> None:
    """More names than there is room for, of all lengths; between them a name of the cluster, which is answered at its turn."""
    world.one.udp = world.two.udp = behave
    with world.client() as flood, world.client() as client:
        for turn in range(20):
            for number in range(100):
                flood.send(dns.message.make_query(f"{turn}-{number}.{'x' * (number % 60 + 1)}.example.com", "A").to_wire())
            client.send(dns.message.make_query("web.prod.svc.cluster.local", "A").to_wire())
            assert lines(dns.message.from_wire(client.recv(4096))) == ["web.prod.svc.cluster.local. 5 IN A 10.96.3.4"]
            assert world.loop.call(world.server.status).in_flight <= QUICK.flights


def test_beyond_the_bounds_a_client_is_told_at_once(beside: Any) -> None:
    """A resolver that never answers, room for four questions: the rest get SERVFAIL without waiting."""
    told: list[bytes] = []

    async def flood() -> int:
        silent = FakeResolver()
        silent.udp = dead
        await silent.start()
        forwarder = Forwarder([Upstream("127.0.0.1", silent.port)], Limits(try_s=5, total_s=5, flights=4, queue=100))
        for number in range(150):
            outside = Outside(number.to_bytes(2, "big"), 1, b"\1a\0\0\1\0\1", encode_name(f"n{number}.example"), 1, b"", 512)
            forwarder.resolve(outside, told.append)
        for _ in range(50):
            await asyncio.sleep(0)
        in_time = len(told)
        await forwarder.stop()
        await silent.stop()
        return in_time

    assert beside.run(flood()) == 146
    assert all(dns.message.from_wire(one).rcode() == dns.rcode.SERVFAIL for one in told)


@pytest.mark.parametrize(
    ("text", "upstream"),
    [
        ("192.0.2.53", Upstream("192.0.2.53", 53)),
        ("192.0.2.53:5353", Upstream("192.0.2.53", 5353)),
        ("2001:db8::53", Upstream("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", Upstream("2001:db8::53", 5353)),
    ],
)
def test_addresses_of_upstreams(text: str, upstream: Upstream) -> None:
    assert parse_upstream(text) == upstream


@pytest.mark.parametrize("text", ["192.0.2.53:", "192.0.2.53:x", "192.0.2.53:99999", "dns.example.com", ""])
def test_what_is_no_address_of_an_upstream(text: str) -> None:
    with pytest.raises(DriverError, match="no address"):
        parse_upstream(text)
