"""The agent's end of its unix socket: any number of clients, each told who is ready, then everything that changes; and, if asked, flows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from seaway.core.errors import DriverError
from seaway.drivers.agent.messages import (
    LONGEST_LINE,
    Done,
    FlowBatch,
    FollowOrders,
    HoldUnready,
    Report,
    ShowFlows,
    Stop,
    decode_request,
    encode_line,
)
from seaway.drivers.agent.node import NodeAgent
from seaway.drivers.flows.ring import Batch, Ring

SOCKET_FILE = "agent.sock"
MOST_UNREAD = 4 << 20
"""A client that leaves so many bytes unread is dropped; it connects again and hears the full list."""

_LONGEST_SOCKET_PATH = 107  # unix(7): sun_path without its final NUL
_log = logging.getLogger(__name__)


class AgentServer:
    """`report` passes reports on to all clients. `on_stop` is called when a client has had the agent stopped. Who asks is shown `flows`."""

    def __init__(self, socket: Path, on_stop: Callable[[], None], flows: Ring) -> None:
        self._socket = socket
        self._on_stop = on_stop
        self._flows = flows
        self._agent: NodeAgent | None = None
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._followers: dict[asyncio.StreamWriter, Callable[[], None]] = {}

    async def open(self, agent: NodeAgent) -> None:
        """Raises DriverError. A socket file that a killed agent left is replaced."""
        self._agent = agent
        if len(str(self._socket)) > _LONGEST_SOCKET_PATH:
            raise DriverError(f"{self._socket}: too long for a unix socket", help="Choose a shorter state folder with --state.")
        try:
            self._server = await asyncio.start_unix_server(self._converse, self._socket, limit=LONGEST_LINE)
            self._socket.chmod(0o600)
        except OSError as error:
            raise DriverError(f"{self._socket}: {error.strerror}") from error

    def report(self, report: Report) -> None:
        if self._clients:
            line = encode_line(report)
            for writer in tuple(self._clients):
                self._write(writer, line)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._socket.unlink(missing_ok=True)
        for writer in tuple(self._clients):
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._agent is not None
        self._clients.add(writer)
        for report in self._agent.standing:
            self._write(writer, encode_line(report))
        try:
            while line := await reader.readline():
                await self._serve(self._agent, writer, line)
        except (OSError, ValueError, msgspec.DecodeError) as error:
            _log.warning("client dropped: %s", error)
        except asyncio.CancelledError:
            return  # the agent ends; asyncio would log a conversation that is cancelled as a crash
        finally:
            self._clients.discard(writer)
            self._follow_no_more(writer)
            writer.close()

    async def _serve(self, agent: NodeAgent, writer: asyncio.StreamWriter, line: bytes) -> None:
        match decode_request(line):
            case FollowOrders(id=id):
                self._write(writer, encode_line(await agent.follow_file(id)))
            case HoldUnready(id=id, pod=pod, on=on):
                self._write(writer, encode_line(Done(id, agent.hold_unready(pod, on))))
            case Stop(id=id):
                await agent.stop()
                self._write(writer, encode_line(Done(id)))
                with suppress(OSError):
                    await writer.drain()
                self._on_stop()
            case ShowFlows(id=id, follow=follow):
                await self._show_flows(writer, id, follow)
            case notice:
                agent.take(notice)

    async def _show_flows(self, writer: asyncio.StreamWriter, id: int, follow: bool) -> None:
        """All that are kept may be more than a client may leave unread: they are told at the speed at which it reads."""
        kept = self._flows.batches
        if follow and writer not in self._followers:
            self._followers[writer] = self._flows.follow(lambda batch: self._write(writer, _line_of(batch)))
        for batch in kept:
            writer.write(_line_of(batch))
            await writer.drain()
        self._write(writer, encode_line(Done(id)))

    def _follow_no_more(self, writer: asyncio.StreamWriter) -> None:
        if (end := self._followers.pop(writer, None)) is not None:
            end()

    def _write(self, writer: asyncio.StreamWriter, line: bytes) -> None:
        if writer.transport.get_write_buffer_size() > MOST_UNREAD:
            self._clients.discard(writer)
            writer.transport.abort()
        else:
            writer.write(line)


def _line_of(batch: Batch) -> bytes:
    return encode_line(FlowBatch(batch.log, batch.message))
