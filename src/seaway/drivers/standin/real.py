"""The sockets of all stand-ins of a node, each opened inside its pod's network namespace, held by the calling process.

Opening and closing is by difference: what stays ordered is not touched, with its connections. Leaves to others: what is answered
(http1, http2, websocket, echo), who is told that a pod listens (drivers/agent).
"""

from __future__ import annotations

import asyncio
import socket
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from seaway.drivers.process.namespaces import in_netns
from seaway.drivers.standin.answer import Identity
from seaway.drivers.standin.connection import Connection, Port
from seaway.drivers.standin.echo import TcpEcho, UdpEcho
from seaway.drivers.standin.http1 import HttpConnection
from seaway.drivers.standin.interface import Troubles
from seaway.model.workload import PodName, Protocol
from seaway.plans.node.plan import PodOrders, StandinPort

BACKLOG = 512
DRAIN_S = 5.0
"""How long requests in flight may take after their port has closed."""

SWEEP_S = 2.0


class _Site(NamedTuple):
    """Identity of a socket. `netns` holds device and inode of the namespace: one that was made anew under its name is another."""

    pod: PodName
    revision: str
    netns: tuple[int, int]
    address: str
    listen: StandinPort


@dataclass(slots=True)
class _Open:
    port: Port
    closer: asyncio.Server | UdpEcho


class StandinServer:
    """`netns_folder` holds one namespace file a pod. All methods are for one event loop; `follow` is not to be called twice at a time."""

    def __init__(self, netns_folder: Path) -> None:
        self._folder = netns_folder
        self._open: dict[_Site, _Open] = {}
        self._ordered: dict[PodName, PodOrders] = {}
        self._listening: set[PodName] = set()
        self._draining: set[Connection] = set()
        self._sweeper: asyncio.Task[None] | None = None

    async def follow(self, pods: Sequence[PodOrders]) -> Troubles:
        troubles: dict[PodName, str] = {}
        wanted: dict[_Site, PodOrders] = {}
        for pod in pods:
            if pod.listen:
                wanted.update(self._sites(pod, troubles))
        self._close(site for site in tuple(self._open) if site not in wanted)
        missing: dict[PodName, list[tuple[_Site, PodOrders]]] = defaultdict(list)
        for site, pod in wanted.items():
            found = self._open.get(site)
            if found is None:
                missing[site.pod].append((site, pod))
            elif self._ordered.get(site.pod) != pod:
                found.port.identity = Identity(pod, site.listen.port)
        for name, sites in missing.items():
            await self._open_pod(name, sites, troubles)
        self._ordered = {PodName(pod.namespace, pod.name): pod for pod in pods if pod.listen}
        self._listening = self._ordered.keys() - troubles.keys()
        if self._sweeper is None and self._open:
            self._sweeper = asyncio.get_running_loop().create_task(self._sweep(), name="standin-sweep")
        return troubles

    def listening(self, pod: PodName) -> bool:
        return pod in self._listening

    async def reopen(self, pod: PodName) -> None:
        orders = self._ordered.get(pod)
        if orders is None:
            return
        self._close(site for site in tuple(self._open) if site.pod == pod)
        troubles: dict[PodName, str] = {}
        await self._open_pod(pod, [(site, orders) for site in self._sites(orders, troubles)], troubles)
        if troubles:
            self._listening.discard(pod)

    async def close(self) -> None:
        self._close(tuple(self._open))
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in tuple(self._draining):
            connection.transport.abort()
        self._ordered, self._listening = {}, set()

    def _sites(self, pod: PodOrders, troubles: dict[PodName, str]) -> dict[_Site, PodOrders]:
        name = PodName(pod.namespace, pod.name)
        try:
            status = (self._folder / pod.netns).stat()
        except OSError as error:
            troubles[name] = f"network namespace {pod.netns}: {error.strerror}"
            return {}
        netns = (status.st_dev, status.st_ino)
        return {_Site(name, pod.revision, netns, pod.address, listen): pod for listen in pod.listen}

    async def _open_pod(self, name: PodName, sites: Sequence[tuple[_Site, PodOrders]], troubles: dict[PodName, str]) -> None:
        problems: list[str] = []
        sockets: list[tuple[_Site, PodOrders, socket.socket]] = []
        try:
            with in_netns(self._folder / sites[0][1].netns):
                for site, pod in sites:
                    try:
                        sockets.append((site, pod, _bind(site)))
                    except OSError as error:
                        problems.append(f"port {site.listen.port}/{site.listen.protocol.value}: {error.strerror}")
        except OSError as error:
            problems.append(f"network namespace {sites[0][1].netns}: {error.strerror}")
        for site, pod, bound in sockets:
            self._open[site] = await _serve(site.listen, Port(Identity(pod, site.listen.port)), bound)
        if problems:
            troubles[name] = "; ".join(problems)

    def _close(self, sites: Iterable[_Site]) -> None:
        """Stops listening at once; connections finish what is in flight, for at most DRAIN_S."""
        leaving: set[Connection] = set()
        for site in sites:
            gone = self._open.pop(site)
            gone.closer.close()
            leaving |= gone.port.connections
        for connection in leaving:
            connection.leave()
        still = {connection for connection in leaving if connection in connection.port.connections}
        if still:
            self._draining |= still
            asyncio.get_running_loop().call_later(DRAIN_S, self._abort, still)

    def _abort(self, connections: set[Connection]) -> None:
        self._draining -= connections
        for connection in connections:
            connection.transport.abort()

    async def _sweep(self) -> None:
        """Lets go of connections whose deadline has passed: one timer for all of them."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            for port in [one.port for one in self._open.values() if one.port.connections]:
                for connection in [one for one in port.connections if one.deadline < now]:
                    connection.transport.abort()


def _bind(site: _Site) -> socket.socket:
    """The bound (TCP: listening) socket, in the namespace that the calling thread is in. Raises OSError."""
    match site.listen.protocol:
        case Protocol.TCP:
            kind = socket.SOCK_STREAM
        case Protocol.UDP:
            kind = socket.SOCK_DGRAM
        case Protocol.SCTP:
            raise OSError(0, "stand-ins do not speak SCTP")
    bound = socket.socket(socket.AF_INET, kind)
    try:
        bound.setblocking(False)
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((site.address, site.listen.port))
        if kind == socket.SOCK_STREAM:
            bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


async def _serve(listen: StandinPort, port: Port, bound: socket.socket) -> _Open:
    loop = asyncio.get_running_loop()
    if listen.protocol is Protocol.UDP:
        return _Open(port, UdpEcho(bound, loop))
    connection = HttpConnection if listen.http else TcpEcho
    return _Open(port, await loop.create_server(lambda: connection(port), sock=bound, backlog=BACKLOG))
