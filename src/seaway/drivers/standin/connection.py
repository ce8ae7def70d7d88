"""What all connections of stand-ins share: the port that they came in on, a deadline, a polite end, and back-pressure."""

from __future__ import annotations

import asyncio
import math
from typing import cast

from seaway.drivers.standin.answer import Identity

HEAD_TIMEOUT_S = 15.0
"""Time for a request's head to arrive whole: slow senders (slowloris) are let go of. nginx's and Envoy's range; Go's default is none."""

BODY_TIMEOUT_S = 60.0
"""Longest silence inside a request, as nginx's client_body_timeout."""

IDLE_TIMEOUT_S = 3900.0
"""Longest silence between requests. Above Envoy's own upstream idle timeout (one hour), so that it is Envoy who closes, and no
request meets a connection that the stand-in is just closing."""


class Port:
    """One listening port of one pod. `identity` may change while it is open (labels are edited); connections go on."""

    __slots__ = ("connections", "identity")

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.connections: set[Connection] = set()


class Connection(asyncio.Protocol):
    """One accepted connection. Subclasses read; `deadline` (loop time) is when the sweeper aborts it."""

    __slots__ = ("deadline", "port", "transport")

    transport: asyncio.Transport

    def __init__(self, port: Port) -> None:
        self.port = port
        self.deadline = math.inf

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.port.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.port.connections.discard(self)

    # A peer that does not read what we answer is not read from either, so that nothing piles up here.
    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def due_in(self, seconds: float) -> None:
        self.deadline = asyncio.get_running_loop().time() + seconds

    def leave(self) -> None:
        """The port has closed: end as soon as nothing is in flight."""
        self.transport.close()

    def hand_over(self, successor: Connection, data: bytes) -> None:
        """Another protocol takes this connection on, with the bytes that were read already."""
        self.port.connections.discard(self)
        self.transport.set_protocol(successor)
        successor.connection_made(self.transport)
        if data:
            successor.data_received(data)
