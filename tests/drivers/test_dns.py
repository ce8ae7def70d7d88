"""One contract for cluster DNS on sockets in namespaces and for its fake."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rrset
import msgspec
import pytest

from seaway.core.errors import DriverError
from seaway.drivers.dns.fake import FakeDns
from seaway.drivers.dns.interface import ClusterDns, DnsStatus, Place
from seaway.drivers.dns.server import DnsServer
from seaway.drivers.process.namespaces import in_netns
from seaway.protocols.dns_zone import DnsZone, MeshName, RecordSet

HUNDRED = tuple(f"10.244.1.{number}" for number in range(1, 101))


def zone(serial: int = 1, address: str = "10.96.3.4") -> DnsZone:
    records = (
        RecordSet("ns.dns", "A", 5, ("10.96.0.10",)),
        RecordSet("web.prod.svc", "A", 5, (address,)),
        RecordSet("big.prod.svc", "A", 5, HUNDRED),
        RecordSet("ext.prod.svc", "CNAME", 5, ("www.example.com.",)),
    )
    return DnsZone("cluster.local", "ns.dns", 5, serial, (), ("svc",), records)


BAD_DATA = [
    pytest.param(b"{", "truncated", id="cut off"),
    pytest.param(b'{"domain": "cluster.local"}', "name_server", id="a field missing"),
    pytest.param(msgspec.json.encode(zone(address="10.96.3.400")), "10.96.3.400", id="an address that is none"),
    pytest.param(msgspec.json.encode(zone(address="")), "web.prod.svc", id="an empty address"),
]


class Loop(Protocol):
    """`beside`: an event loop in a thread."""

    def run(self, work: Any) -> Any: ...

    def call(self, work: Any) -> Any: ...


class Subject(ABC):
    """Cluster DNS with what a client at one of its places sees. `places` are two, `gone` is a namespace that is not there."""

    places: tuple[Place, Place]
    gone: Place
    reports: list[str]

    def __init__(self, loop: Loop, cache: Path) -> None:
        self.loop, self.cache = loop, cache
        self.reports = []
        self.dns: ClusterDns = self.fresh()

    @abstractmethod
    def fresh(self) -> ClusterDns: ...

    def restart(self) -> None:
        self.loop.run(self.dns.stop())
        self.dns = self.fresh()

    def listen(self, place: Place | None = None) -> None:
        self.loop.run(self.dns.listen(place or self.places[0]))

    def load(self, data: DnsZone) -> None:
        self.loop.call(lambda: self.dns.load(data))

    def load_or_keep(self, data: bytes) -> str:
        return self.loop.run(self.dns.load_or_keep(data))

    def status(self) -> DnsStatus:
        return self.loop.call(self.dns.status)

    @abstractmethod
    def exchange(self, place: Place, query: bytes, tcp: bool, wait_s: float = 10, client: str = "") -> bytes | None: ...

    def ask(
        self, name: str, kind: str = "A", *, tcp: bool = False, place: Place | None = None, client: str = "", **more: Any
    ) -> dns.message.Message | None:
        query = dns.message.make_query(name, kind, **more)
        response = self.exchange(place or self.places[0], query.to_wire(), tcp, client=client)
        if response is None:
            return None
        message = dns.message.from_wire(response)
        assert message.id == query.id
        return message

    def address(self, name: str, **more: Any) -> list[str]:
        message = self.ask(name, **more)
        assert message is not None
        return [one.to_text() for rrset in message.answer for one in rrset]

    def rcode(self, name: str, **more: Any) -> str:
        message = self.ask(name, **more)
        return dns.rcode.to_text(message.rcode()) if message is not None else "nothing"


class OnSockets(Subject):
    def __init__(self, loop: Loop, cache: Path, one: Path, two: Path) -> None:
        self.places = (Place(str(one), "127.0.0.1"), Place(str(two), "127.0.0.1"))
        self.gone = Place(str(one) + "-gone", "127.0.0.1")
        super().__init__(loop, cache)

    def fresh(self) -> ClusterDns:
        return self.loop.call(lambda: DnsServer((), self.cache, self.reports.append))

    def exchange(self, place: Place, query: bytes, tcp: bool, wait_s: float = 10, client: str = "") -> bytes | None:
        assert place.netns is not None
        with in_netns(place.netns):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        with sock:
            sock.settimeout(wait_s)
            try:
                sock.bind((client, 0))
                sock.connect((place.address, place.port))
                sock.sendall(len(query).to_bytes(2, "big") * tcp + query)
                if not tcp:
                    return sock.recv(65535)
                with sock.makefile("rb") as stream:
                    return stream.read(int.from_bytes(stream.read(2), "big"))
            except (TimeoutError, ConnectionError):
                return None


class Without(Subject):
    def __init__(self, loop: Loop, cache: Path) -> None:
        self.places = (Place("/ns/a", "10.244.0.10"), Place("/ns/b", "10.244.0.11"))
        self.gone = Place("/ns/gone", "10.244.0.12")
        super().__init__(loop, cache)

    def fresh(self) -> ClusterDns:
        self.fake = FakeDns(self.cache, self.reports.append)
        self.fake.missing.add("/ns/gone")
        return self.fake

    def exchange(self, place: Place, query: bytes, tcp: bool, wait_s: float = 10, client: str = "") -> bytes | None:
        return self.fake.exchange(place, query, tcp, client)


@pytest.fixture(params=["sockets", "fake"])
def subject(request: pytest.FixtureRequest, beside: Loop, short_path: Path) -> Iterator[Subject]:
    cache = short_path / "dns.json"
    if request.param == "fake":
        made: Subject = Without(beside, cache)
    else:
        namespaces = request.getfixturevalue("namespaces")
        made = OnSockets(beside, cache, namespaces.make("one"), namespaces.make("two"))
    yield made
    beside.run(made.dns.stop())


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_answers(subject: Subject, tcp: bool) -> None:
    subject.load(zone())
    for place in subject.places:
        subject.listen(place)
        assert subject.address("WEB.prod.svc.cluster.local", tcp=tcp, place=place) == ["10.96.3.4"]
        assert subject.rcode("none.prod.svc.cluster.local", tcp=tcp, place=place) == "NXDOMAIN"
        assert subject.rcode("web.prod.svc.cluster.local", kind="AAAA", tcp=tcp, place=place) == "NOERROR"
        assert subject.rcode("web.prod.svc.cluster.local", use_edns=1, tcp=tcp, place=place) == "BADVERS"
    status = subject.status()
    assert (status.serial, status.problem, status.listening) == (1, "", subject.places)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_members_of_the_mesh_are_known_by_their_address(subject: Subject, tcp: bool) -> None:
    hosts = (MeshName("*.example.org", ("240.240.0.2",), "shop", ("*",)), MeshName("db.example.com", ("240.240.0.1",), "shop", ("*",)))
    subject.load(replace(zone(), mesh=hosts, members=(("127.0.0.2", "shop"),)))
    subject.listen()
    assert subject.address("db.example.com", tcp=tcp, client="127.0.0.2") == ["240.240.0.1"]
    assert subject.address("a.example.org", tcp=tcp, client="127.0.0.2", use_edns=0) == ["240.240.0.2"]
    assert subject.address("web.prod.svc.cluster.local", tcp=tcp, client="127.0.0.2") == ["10.96.3.4"]
    assert subject.rcode("db.example.com", tcp=tcp, client="127.0.0.2", use_edns=1) == "BADVERS"
    assert subject.rcode("db.example.com", tcp=tcp, client="127.0.0.3") == "NXDOMAIN"


def test_a_long_answer_comes_over_tcp(subject: Subject) -> None:
    subject.load(zone())
    subject.listen()
    short = subject.ask("big.prod.svc.cluster.local")
    assert short is not None
    assert short.flags & dns.flags.TC
    assert sorted(subject.address("big.prod.svc.cluster.local", tcp=True)) == sorted(HUNDRED)
    assert sorted(subject.address("big.prod.svc.cluster.local", use_edns=0, payload=4096)) == sorted(HUNDRED)


def test_names_outside_do_not_exist_without_upstreams(subject: Subject) -> None:
    subject.load(zone())
    subject.listen()
    assert subject.rcode("www.example.com") == "NXDOMAIN"
    assert subject.rcode("ext.prod.svc.cluster.local") == "NOERROR"
    assert subject.address("ext.prod.svc.cluster.local") == ["www.example.com."]


def test_listening_comes_and_goes(subject: Subject) -> None:
    subject.load(zone())
    one, two = subject.places
    for place in (one, one, two):
        subject.listen(place)
    for _ in range(2):
        subject.loop.run(subject.dns.unlisten(one))
    assert subject.ask("web.prod.svc.cluster.local", place=one) is None
    assert subject.ask("web.prod.svc.cluster.local", place=one, tcp=True) is None
    assert subject.address("web.prod.svc.cluster.local", place=two) == ["10.96.3.4"]
    subject.listen(one)
    assert subject.address("web.prod.svc.cluster.local", place=one) == ["10.96.3.4"]
    subject.loop.run(subject.dns.stop())
    assert subject.status().listening == ()


def test_a_namespace_that_is_gone(subject: Subject) -> None:
    with pytest.raises(DriverError, match="cannot listen") as caught:
        subject.listen(subject.gone)
    assert "namespace" in caught.value.help
    assert subject.status().listening == ()


def test_before_there_is_a_zone(subject: Subject) -> None:
    subject.listen()
    for tcp in (False, True):
        assert subject.rcode("web.prod.svc.cluster.local", tcp=tcp) == "SERVFAIL"
    assert subject.exchange(subject.places[0], b"\0\0\x80" + b"\0" * 20, False, 0.2) is None
    assert subject.status().serial is None


def test_zones_replace_each_other(subject: Subject) -> None:
    subject.listen()
    subject.load(zone())
    assert subject.address("web.prod.svc.cluster.local") == ["10.96.3.4"]
    subject.load(zone(2, "10.96.3.5"))
    assert subject.address("web.prod.svc.cluster.local") == ["10.96.3.5"]
    with pytest.raises(DriverError, match=r"10\.96\.3\.400"):
        subject.load(zone(3, "10.96.3.400"))
    assert subject.address("web.prod.svc.cluster.local") == ["10.96.3.5"]
    assert subject.status().serial == 2


@pytest.mark.parametrize(("data", "word"), BAD_DATA)
def test_bad_data_keeps_the_former_zone(subject: Subject, data: bytes, word: str) -> None:
    subject.listen()
    assert subject.load_or_keep(msgspec.json.encode(zone())) == ""
    problem = subject.load_or_keep(data)
    assert word in problem
    assert "former records stay" in problem
    assert subject.reports == [problem]
    assert (subject.status().serial, subject.status().problem) == (1, problem)
    assert subject.address("web.prod.svc.cluster.local") == ["10.96.3.4"]
    assert subject.load_or_keep(msgspec.json.encode(zone(2))) == ""
    assert subject.status().problem == ""


@pytest.mark.parametrize(("data", "word"), BAD_DATA)
def test_bad_data_and_a_restart_serve_the_last_good_copy(subject: Subject, data: bytes, word: str) -> None:
    assert subject.load_or_keep(msgspec.json.encode(zone(7))) == ""
    assert subject.load_or_keep(data) != ""
    subject.restart()
    subject.listen()
    problem = subject.load_or_keep(data)
    assert word in problem
    assert "last good copy" in problem
    assert (subject.status().serial, subject.status().problem) == (7, problem)
    assert subject.reports[-1] == problem
    assert subject.address("web.prod.svc.cluster.local") == ["10.96.3.4"]


def test_bad_data_and_no_copy(subject: Subject) -> None:
    subject.listen()
    subject.cache.write_bytes(b"not a zone")
    problem = subject.load_or_keep(b"{")
    assert "no records to serve" in problem
    assert subject.rcode("web.prod.svc.cluster.local") == "SERVFAIL"


def test_a_copy_that_cannot_be_written(subject: Subject) -> None:
    subject.cache.mkdir()
    subject.listen()
    problem = subject.load_or_keep(msgspec.json.encode(zone()))
    assert "no copy can be kept" in problem
    assert subject.address("web.prod.svc.cluster.local") == ["10.96.3.4"]


def test_packets_that_are_no_queries(subject: Subject) -> None:
    subject.load(zone())
    subject.listen()
    place = subject.places[0]
    for packet in (b"x", b"", b"\0\0\x80" + b"\0" * 20):
        assert subject.exchange(place, packet, False, 0.2) is None
    update = subject.exchange(place, b"\0\1\x28\0\0\1" + b"\0" * 6 + b"\1a\0\0\6\0\1", False)
    assert update is not None
    assert dns.message.from_wire(update).rcode() == dns.rcode.NOTIMP
    assert subject.address("web.prod.svc.cluster.local") == ["10.96.3.4"]
