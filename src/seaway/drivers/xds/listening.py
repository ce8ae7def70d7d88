"""A gRPC service of one method on a unix socket of its owner's alone."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from seaway.core.errors import DriverError

# A dead or stopped Envoy is noticed within 15 s, and Envoy's own pings (in its bootstrap) are never taken for abuse.
OPTIONS = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.max_receive_message_length", 64 << 20),  # the first request lists the version of every resource that Envoy holds
    ("grpc.max_send_message_length", -1),
)

MOST_PATH = 100  # bytes: sockaddr_un.sun_path holds 107 and a final NUL, and a name of ours is a little longer than `xds.sock`

_drafts = count(1)


class GrpcSocket:
    """All methods belong to the event loop that `start` ran on."""

    def __init__(self, service: str, method: str, handler: grpc.RpcMethodHandler[Any, Any]) -> None:
        self._handler = grpc.method_handlers_generic_handler(service, {method: handler})
        self._server: grpc.aio.Server | None = None
        self._path: Path | None = None

    async def start(self, path: Path) -> None:
        """Listens on this path; a socket left behind there by a killed predecessor is replaced. Raises DriverError."""
        if len(os.fsencode(path)) > MOST_PATH:
            raise DriverError(f"{path}: too long for a unix socket", help="Choose a shorter state folder with --state.")
        server = grpc.aio.server(options=OPTIONS)
        server.add_generic_rpc_handlers((self._handler,))
        try:
            # gRPC removes the name that it was given some time after it has stopped, and would take a successor's socket away with it.
            draft = path.with_name(f".{os.getpid():x}.{next(_drafts):x}")
            server.add_insecure_port(f"unix:{draft}")
            await server.start()
            os.chmod(draft, 0o600)
            os.replace(draft, path)
        except (RuntimeError, OSError) as failure:
            raise DriverError(
                f"cannot listen on {path}: {failure}", help="Check that the state folder exists and is writable."
            ) from failure
        self._server, self._path = server, path

    async def stop(self) -> None:
        """Stops listening, and ends what streams are left."""
        if self._server is not None and self._path is not None:
            with suppress(OSError):
                os.unlink(self._path)
            await self._server.stop(None)
            self._server = None
