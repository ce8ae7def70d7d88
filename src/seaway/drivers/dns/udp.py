"""DNS over UDP: one socket, drained in batches by the event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from seaway.protocols.dns_audience import Audiences
from seaway.protocols.dns_wire import Outside

BATCH = 64
"""Datagrams a wakeup, at most: then it is the turn of the other sockets."""
LARGEST_QUERY = 4096

Peer = tuple[str, int]
Deliver = Callable[[bytes], None]
"""Takes a response, now or later; b"" is none at all."""
Finish = Callable[[bytes, Peer, Outside | None, Deliver], None]
"""Takes what the plain path leaves: the packet, its sender, and the question if it is one about a name outside."""
Served = tuple[Audiences | None, frozenset[str]]
"""Who is told what, and the clients whose every question has to be looked at."""
Current = Callable[[], Served]


class UdpListener:
    """Serves a bound, non-blocking socket until `close`."""

    def __init__(self, sock: socket.socket, current: Current, finish: Finish) -> None:
        self._sock = sock
        self._current = current
        self._finish = finish
        asyncio.get_running_loop().add_reader(sock.fileno(), self._drain)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()

    def _drain(self) -> None:
        audiences, limited = self._current()
        receive, send = self._sock.recvfrom, self._sock.sendto
        for _ in range(BATCH):
            try:
                packet, peer = receive(LARGEST_QUERY)
            except OSError:  # nothing more to read, or an ICMP error about a client that has gone
                return
            response = audiences.of(peer[0]).answer(packet) if audiences is not None and peer[0] not in limited else None
            if isinstance(response, bytes):
                try:
                    send(response, peer)
                except OSError:  # a client that cannot be reached, or a full queue: the client asks again
                    continue
            else:
                self._finish(packet, peer, response, self._deliver_to(peer))

    def _deliver_to(self, peer: Peer) -> Deliver:
        def deliver(response: bytes) -> None:
            if response:
                with suppress(OSError):  # a client that cannot be reached; or this socket was closed meanwhile
                    self._sock.sendto(response, peer)

        return deliver
