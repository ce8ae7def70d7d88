"""DNS over TCP (RFC 7766): pipelined queries, answers in any order, and limits that keep strangers from filling memory.

A connection holds one read buffer of a few queries; answers that its client does not take stop it from being read, and end it after a
while. When there are too many connections, the one that has been quiet for longest goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from seaway.drivers.dns.udp import LARGEST_QUERY, Deliver

Handle = Callable[[bytes, str, Deliver], None]
"""Takes a query, the address of who asks, and where the response goes."""
CONNECTIONS = 256
IDLE_S = 10.0
UNREAD_S = 5.0
WAITING = 32
"""Forwarded questions that one connection may have open."""
_WRITE_HIGH = 64 << 10
_SWEEP_S = 1.0


class Connections:
    """All TCP connections of the server, with the limits that they share."""

    def __init__(self, handle: Handle, most: int = CONNECTIONS, idle_s: float = IDLE_S, unread_s: float = UNREAD_S) -> None:
        self._handle = handle
        self._most = most
        self._idle_s = idle_s
        self._unread_s = unread_s
        self._open: dict[Connection, None] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def factory(self, place: object) -> Connection:
        """A protocol for one more connection at a place."""
        return Connection(self, self._handle, place)

    def add(self, one: Connection) -> None:
        if len(self._open) >= self._most:
            min(self._open, key=lambda other: other.active_at).abort()
        self._open[one] = None
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_S, self._close_idle)

    def remove(self, one: Connection) -> None:
        self._open.pop(one, None)

    def close(self, place: object | None = None) -> None:
        """Ends the connections of a place, or all of them."""
        for one in [one for one in self._open if place is None or one.place == place]:
            one.abort()
        if place is None and self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _close_idle(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for one in list(self._open):
            if now - one.active_at > (self._unread_s if one.blocked else self._idle_s):
                one.abort()
        self._sweep = loop.call_later(_SWEEP_S, self._close_idle) if self._open else None


class Connection(asyncio.BufferedProtocol):
    """One client. `active_at` is when it last sent a query or took an answer; `blocked` while it takes none."""

    def __init__(self, all: Connections, handle: Handle, place: object) -> None:
        self.place = place
        self.blocked = False
        self.active_at = asyncio.get_running_loop().time()
        self._all = all
        self._handle = handle
        self._buffer = bytearray(2 * LARGEST_QUERY)
        self._filled = 0
        self._waiting = 0
        self._ended = False
        self._client = ""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_WRITE_HIGH)
        self._client = str((self._transport.get_extra_info("peername") or ("",))[0])
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._all.remove(self)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._transport = None
        self._all.remove(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self._buffer)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        self._answer_buffered()

    def eof_received(self) -> bool:
        self._ended = True
        return self._waiting > 0  # a client may close its half and still wait for answers

    def pause_writing(self) -> None:
        self.blocked = True
        self.active_at = asyncio.get_running_loop().time()

    def resume_writing(self) -> None:
        self.blocked = False
        self._answer_buffered()

    def _answer_buffered(self) -> None:
        """Handles whole queries of the buffer, as long as answers leave; what remains moves to the buffer's start."""
        at = 0
        while self._takes_more() and self._filled - at >= 2:
            size = int.from_bytes(self._buffer[at : at + 2], "big")
            if size > LARGEST_QUERY:  # no honest query is as long
                self.abort()
                return
            if self._filled - at < 2 + size:
                break
            packet = bytes(self._buffer[at + 2 : at + 2 + size])
            at += 2 + size
            self._waiting += 1
            self._handle(packet, self._client, self._deliver)
        if at:
            self._buffer[: self._filled - at] = self._buffer[at : self._filled]
            self._filled -= at
            self.active_at = asyncio.get_running_loop().time()
        if self._transport is not None and not self._transport.is_closing():
            if self._takes_more():
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _takes_more(self) -> bool:
        living = self._transport is not None and not self._transport.is_closing()
        return living and not self.blocked and self._waiting < WAITING

    def _deliver(self, response: bytes) -> None:
        held = self._waiting >= WAITING
        self._waiting -= 1
        if self._transport is None or self._transport.is_closing():
            return
        if response:
            self._transport.write(len(response).to_bytes(2, "big") + response)
        if self._ended and not self._waiting:
            self._transport.close()
        elif held:
            asyncio.get_running_loop().call_soon(self._answer_buffered)
