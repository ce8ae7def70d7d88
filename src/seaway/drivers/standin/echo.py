"""Ports that do not speak HTTP: a TCP stream or a UDP datagram comes back as it was sent."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from seaway.drivers.standin.connection import IDLE_TIMEOUT_S, Connection

BURST = 64
"""Datagrams that are answered in one go; more wait their turn behind other sockets."""


class TcpEcho(Connection):
    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.due_in(IDLE_TIMEOUT_S)

    def data_received(self, data: bytes) -> None:
        self.due_in(IDLE_TIMEOUT_S)
        self.transport.write(data)


class UdpEcho:
    """Answers from the address that was asked: a pod's namespace has one beside loopback, so that the kernel picks the right one.

    The socket is read here and not by an asyncio transport, which does not send empty datagrams (Python 3.11).
    """

    __slots__ = ("_loop", "_socket")

    def __init__(self, bound: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = bound
        self._loop = loop
        loop.add_reader(bound, self._read)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        # A full send buffer means that the network is slower than the sender: drop, as a network does. Other errors are ICMP's
        # word about an earlier answer: its receiver has gone, which is no concern of a stand-in.
        for _ in range(BURST):
            try:
                data, sender = self._socket.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:
                continue
            with suppress(OSError):
                self._socket.sendto(data, sender)
