"""DNS over TCP under clients that behave badly: each is shown the door, and the others are answered meanwhile."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import dns.message
import pytest

from seaway.drivers.dns.respond import respond
from seaway.drivers.dns.tcp import Connections
from seaway.drivers.dns.udp import Deliver
from seaway.protocols.dns_wire import Answers, Outside, compile_zone
from seaway.protocols.dns_zone import DnsZone, RecordSet

THOUSAND = tuple(f"10.{number >> 8}.{number & 255}.1" for number in range(1000))
ZONE = DnsZone(
    "cluster.local",
    "ns.dns",
    5,
    1,
    (),
    (),
    (RecordSet("ns.dns", "A", 5, ("10.96.0.10",)), RecordSet("web", "A", 5, ("10.96.3.4",)), RecordSet("big", "A", 5, THOUSAND)),
)


class Server:
    """Connections with tight limits, on a loopback port. Names outside are answered only by `release`."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.answers: Answers = compile_zone(ZONE)
        self.held: list[tuple[Outside, Deliver]] = []
        self.connections = Connections(self.handle, most=4, idle_s=0.5, unread_s=0.5)
        loop.run(self.start())

    async def start(self) -> None:
        self.listening = await asyncio.get_running_loop().create_server(lambda: self.connections.factory("here"), "127.0.0.1", 0)
        self.address = self.listening.sockets[0].getsockname()

    def handle(self, packet: bytes, client: str, deliver: Deliver) -> None:
        response = respond(self.answers, packet, True)
        if isinstance(response, Outside):
            self.held.append((response, deliver))
        else:
            deliver(response)

    def release(self) -> None:
        held, self.held = self.held, []
        for outside, deliver in reversed(held):
            deliver(outside.plain(3))

    def close(self) -> None:
        self.connections.close()
        self.listening.close()

    def client(self) -> socket.socket:
        made = socket.create_connection(self.address)
        made.settimeout(10)
        return made

    def open(self) -> int:
        return self.loop.call(lambda: len(self.connections))


@pytest.fixture
def server(beside: Any) -> Iterator[Server]:
    made = Server(beside)
    yield made
    beside.call(made.close)


def query(name: str, id: int = 1) -> bytes:
    wire = dns.message.make_query(name, "A", id=id).to_wire()
    return len(wire).to_bytes(2, "big") + wire


def receive(client: socket.socket) -> dns.message.Message:
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        more = client.recv(1 if len(data) < 2 else 2 + int.from_bytes(data[:2], "big") - len(data))
        if not more:
            raise EOFError
        data += more
    return dns.message.from_wire(data[2:])


def ended(client: socket.socket) -> bool:
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def until(true: Any) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_queries_one_behind_the_other(server: Server) -> None:
    with server.client() as client:
        client.sendall(b"".join(query("web.cluster.local", number) for number in range(500)))
        assert [receive(client).id for _ in range(500)] == list(range(500))


def test_byte_by_byte(server: Server) -> None:
    with server.client() as client:
        for byte in query("web.cluster.local") + query("none.cluster.local", 2):
            client.sendall(bytes((byte,)))
            time.sleep(0.001)
        assert [receive(client).id, receive(client).id] == [1, 2]


def test_answers_as_they_come(server: Server) -> None:
    """A question that waits for others holds none up behind it (RFC 7766, section 6.2.1.1)."""
    with server.client() as client:
        client.sendall(query("www.example.com", 1) + query("web.cluster.local", 2))
        assert receive(client).id == 2
        until(lambda: server.held)
        server.loop.call(server.release)
        assert receive(client).id == 1


def test_many_questions_outside_on_one_connection(server: Server) -> None:
    """No more than so many wait at a time, and all are answered in the end."""
    with server.client() as client:
        client.sendall(b"".join(query(f"n{number}.example.com", number) for number in range(100)))
        ids: set[int] = set()
        while len(ids) < 100:
            until(lambda: server.held)
            assert len(server.held) <= 32
            count = server.loop.call(lambda: (len(server.held), server.release())[0])
            ids |= {receive(client).id for _ in range(count)}
    assert ids == set(range(100))


def test_a_client_that_closes_its_half(server: Server) -> None:
    with server.client() as client:
        client.sendall(query("www.example.com", 7))
        client.shutdown(socket.SHUT_WR)
        until(lambda: server.held)
        server.loop.call(server.release)
        assert receive(client).id == 7
        assert ended(client)
    until(lambda: server.open() == 0)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0", id="half a length"),
        pytest.param(query("web.cluster.local")[:-1], id="almost a query"),
        pytest.param(b"\xff\xff", id="64 kB announced"),
        pytest.param(b"\xff\xff" + b"x" * 65535, id="64 kB sent"),
    ],
)
def test_a_client_that_keeps_the_server_waiting(server: Server, sent: bytes) -> None:
    with server.client() as client:
        try:
            client.sendall(sent)
            assert ended(client)
        except ConnectionError:
            pass
    until(lambda: server.open() == 0)


def test_a_client_that_reads_nothing(server: Server) -> None:
    """It asks for more than a gigabyte; the server stops reading when answers pile up, goes on with others, and drops it in the end."""
    with server.client() as client:
        client.settimeout(0.2)
        asked = 0
        try:
            for _ in range(500):
                client.sendall(query("big.cluster.local") * 1000)
                asked += 1
        except (TimeoutError, ConnectionError):
            pass
        assert asked < 500, "the server went on reading"
        with server.client() as other:
            other.sendall(query("web.cluster.local"))
            assert receive(other).id == 1
        until(lambda: server.open() == 0)


def test_more_clients_than_there_is_room_for(server: Server) -> None:
    """The quietest goes, the newest is served: nobody can lock others out by holding connections."""
    clients = [server.client() for _ in range(4)]
    for number, client in enumerate(clients):
        client.sendall(query("web.cluster.local", number))
        assert receive(client).id == number
    with server.client() as late:
        late.sendall(query("web.cluster.local", 9))
        assert receive(late).id == 9
    assert ended(clients[0])
    clients[3].sendall(query("web.cluster.local", 5))
    assert receive(clients[3]).id == 5
    for client in clients:
        client.close()


def test_idle_connections_do_not_outlive_the_limit(server: Server) -> None:
    with server.client() as client:
        client.sendall(query("web.cluster.local"))
        receive(client)
        assert ended(client)


def test_a_large_answer_arrives_whole(server: Server) -> None:
    with server.client() as client:
        client.sendall(query("big.cluster.local"))
        assert len(receive(client).answer[0]) == 1000
