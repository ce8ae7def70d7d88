"""Cluster DNS on real sockets, inside the network namespaces of the pods that serve it.

The agent's event loop does everything: UDP in batches from prepared answers, TCP with limits, questions about names outside to upstream
resolvers, whose sockets are opened in the agent's own network namespace, the node's. Without upstreams names outside do not exist
(NXDOMAIN), so that a resolver that walks a search path comes to its end at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.dns.exchange import parse_upstream
from seaway.drivers.dns.forward import Forwarder, Limits
from seaway.drivers.dns.interface import DnsStatus, Place
from seaway.drivers.dns.learn import NameLearner
from seaway.drivers.dns.respond import nobody_to_ask, respond
from seaway.drivers.dns.tcp import Connections
from seaway.drivers.dns.udp import Deliver, Peer, Served, UdpListener
from seaway.drivers.dns.zones import Report, Zones
from seaway.drivers.process.namespaces import in_netns
from seaway.protocols.dns_learning import NameClient
from seaway.protocols.dns_wire import Outside
from seaway.protocols.dns_zone import DnsZone

_BACKLOG = 128
_RECEIVE_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class _Listening:
    udp: UdpListener
    tcp: asyncio.Server


class DnsServer:
    """`seaway.drivers.dns.interface.ClusterDns` on sockets; made inside the event loop that it will use.

    `upstreams` are as in `Cluster.dns_upstreams`. `cache_path` is where the last good zone is kept (None for nowhere). `netns_folder` holds
    the namespaces of the nodes whose kernels learn of answers (None for the caller's own).
    """

    def __init__(
        self,
        upstreams: Sequence[str] = (),
        cache_path: Path | None = None,
        report: Report = print,
        limits: Limits | None = None,
        netns_folder: Path | None = None,
    ) -> None:
        self._zones = Zones(cache_path, report)
        self._forwarder = Forwarder([parse_upstream(text) for text in upstreams], limits) if upstreams else None
        self._names = NameLearner(netns_folder, report)
        self._connections = Connections(self._handle_tcp)
        self._listening: dict[Place, _Listening] = {}

    async def listen(self, place: Place) -> None:
        if place in self._listening:
            return
        try:
            udp, tcp = _open_sockets(place)
        except (OSError, ValueError) as error:
            where = f"{place.address}:{place.port}" + (f" in {place.netns}" if place.netns else "")
            raise DriverError(f"DNS cannot listen on {where}: {error}", help=_listen_help(error)) from error
        factory = self._connections.factory
        server = await asyncio.get_running_loop().create_server(lambda: factory(place), sock=tcp, backlog=_BACKLOG)
        self._listening[place] = _Listening(UdpListener(udp, self._plainly_served, self._finish_udp), server)

    async def unlisten(self, place: Place) -> None:
        found = self._listening.pop(place, None)
        if found is not None:
            found.udp.close()
            found.tcp.close()
            self._connections.close(place)

    def load(self, zone: DnsZone) -> None:
        self._zones.load(zone)

    async def load_or_keep(self, data: bytes) -> str:
        return await self._zones.load_or_keep(data)

    def follow_names(self, clients: tuple[NameClient, ...]) -> None:
        self._names.follow(clients)

    def status(self) -> DnsStatus:
        forwarder = self._forwarder
        return DnsStatus(
            serial=self._zones.serial,
            problem=self._zones.problem,
            listening=tuple(self._listening),
            outside=forwarder.asked if forwarder is not None else 0,
            stale=forwarder.stale if forwarder is not None else 0,
            failed=forwarder.failed if forwarder is not None else 0,
            in_flight=forwarder.in_flight if forwarder is not None else 0,
            connections=len(self._connections),
        )

    async def stop(self) -> None:
        for place in tuple(self._listening):
            await self.unlisten(place)
        self._connections.close()
        if self._forwarder is not None:
            await self._forwarder.stop()
        await self._names.stop()

    def _plainly_served(self) -> Served:
        return self._zones.audiences, self._names.rules.limited

    def _handle_tcp(self, packet: bytes, client: str, deliver: Deliver) -> None:
        self._finish(self._respond(packet, client, True), client, deliver)

    def _finish_udp(self, packet: bytes, peer: Peer, outside: Outside | None, deliver: Deliver) -> None:
        self._finish(self._respond(packet, peer[0], False) if outside is None else outside, peer[0], deliver)

    def _respond(self, packet: bytes, client: str, tcp: bool) -> bytes | Outside:
        refusal = self._names.rules.refusal(client, packet)
        return refusal if refusal is not None else respond(self._zones.answers(client), packet, tcp)

    def _finish(self, response: bytes | Outside, client: str, deliver: Deliver) -> None:
        if not isinstance(response, Outside):
            deliver(response)
        elif self._forwarder is None:
            deliver(nobody_to_ask(response))
        else:
            self._forwarder.resolve(response, self._names.before(client, deliver))


def _open_sockets(place: Place) -> tuple[socket.socket, socket.socket]:
    """UDP and TCP, bound and not blocking; both or none."""
    family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
    with in_netns(place.netns) if place.netns is not None else nullcontext():
        udp = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        tcp = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)  # as much as net.core.rmem_max allows
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.bind((place.address, place.port))
        tcp.bind((place.address, place.port))
    except OSError:
        udp.close()
        tcp.close()
        raise
    return udp, tcp


def _listen_help(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "The pod's network namespace is not there (any more)."
        case PermissionError():
            return "Ports below 1024 and other namespaces need root, or a user namespace in which one is root."
        case _:
            return "Another program may hold the port, or the pod's address is not set yet."
