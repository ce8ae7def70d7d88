"""Envoy's access log service over gRPC on a unix socket: what it tells goes into a ring as it came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from seaway.drivers.flows.ring import Batch, Ring
from seaway.drivers.xds.listening import GrpcSocket

SERVICE = "envoy.service.accesslog.v3.AccessLogService"
METHOD = "StreamAccessLogs"

_IDENTIFIER = b"\x0a"
"""First byte of a message that says which log it is of (field 1, a message): only the first of a stream does."""


class FlowServer:
    """All methods belong to the event loop that `start` ran on."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._socket = GrpcSocket(SERVICE, METHOD, grpc.stream_unary_rpc_method_handler(self._stream))

    async def start(self, socket: Path) -> None:
        """Listens on this path; a socket that a killed predecessor left there is replaced. Raises DriverError."""
        await self._socket.start(socket)

    async def stop(self) -> None:
        await self._socket.stop()

    async def _stream(self, messages: AsyncIterator[bytes], _context: Any) -> bytes:
        """One log of one worker of an Envoy. Answers when it ends, with a message that is empty."""
        log = ""
        with suppress(grpc.RpcError, grpc.aio.BaseError):  # the connection broke: the same as an end
            async for message in messages:
                if message.startswith(_IDENTIFIER):
                    log = await asyncio.to_thread(_log_name, message)
                self._ring.add(Batch(log, message))
        return b""


def _log_name(message: bytes) -> str:
    from seaway.drivers.flows.messages import log_name  # loads Envoy's messages, once something is told

    return log_name(message)
