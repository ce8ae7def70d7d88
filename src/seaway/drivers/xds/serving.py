"""A delta discovery service over gRPC on a unix socket: messages into the events of `protocols/xds_stream.py` and back.

Which service it is, and what is answered, is said by whoever starts it: the ADS server (`real.py`) and the node's agent (`drivers/sds`).
Only delta variants are served: what we tell Envoy says `api_type: DELTA_GRPC`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Protocol

import grpc
import grpc.aio
from envoy.service.discovery.v3.discovery_pb2 import (
    DeltaDiscoveryRequest,  # pyright: ignore[reportAttributeAccessIssue]
    DeltaDiscoveryResponse,  # pyright: ignore[reportAttributeAccessIssue]
)

from seaway.core.errors import DriverError
from seaway.protocols.xds_stream import Ack, Heard, Nack, Send, Subscribe, Unsubscribe

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


class _Node(Protocol):
    id: str


class _Error(Protocol):
    message: str


class DeltaRequest(Protocol):
    """The fields of a DeltaDiscoveryRequest that are read; the generated class carries no types."""

    node: _Node
    type_url: str
    resource_names_subscribe: Sequence[str]
    resource_names_unsubscribe: Sequence[str]
    initial_resource_versions: Mapping[str, str]
    response_nonce: str
    error_detail: _Error

    def HasField(self, field: str) -> bool: ...  # noqa: N802


class DeltaResponse(Protocol):
    """A DeltaDiscoveryResponse, as far as anybody looks at it here."""

    def SerializeToString(self) -> bytes: ...  # noqa: N802


class _Context(Protocol):
    async def write(self, message: DeltaResponse) -> None: ...


class Session(Protocol):
    """One stream, as far as the transport knows it. Answers go to the callback that it was made with; None ends the stream."""

    def hear(self, *events: Heard) -> None: ...

    def close(self) -> None: ...


Attach = Callable[[str, Callable[[Send | None], None]], Session | None]
"""A new stream with the Envoy of this `node.id`, and where its answers go; None where it is to get nothing."""


class DeltaServer:
    """All methods belong to the event loop that `start` ran on."""

    def __init__(self, service: str, method: str, attach: Attach) -> None:
        self._service, self._method, self._attach = service, method, attach
        self._server: grpc.aio.Server | None = None
        self._socket_path: Path | None = None

    async def start(self, socket_path: Path) -> None:
        """Listens on this path; a socket left behind there by a killed predecessor is replaced. Raises DriverError."""
        if len(str(socket_path).encode()) > MOST_PATH:
            raise DriverError(f"{socket_path}: too long for a unix socket", help="Choose a shorter state folder with --state.")
        server = grpc.aio.server(options=OPTIONS)
        handler = grpc.stream_stream_rpc_method_handler(
            self._stream, DeltaDiscoveryRequest.FromString, DeltaDiscoveryResponse.SerializeToString
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(self._service, {self._method: handler}),))
        try:
            # gRPC removes the name that it was given some time after it has stopped, and would take a successor's socket away with it.
            draft = socket_path.with_name(f".{os.getpid():x}.{next(_drafts):x}")
            server.add_insecure_port(f"unix:{draft}")
            await server.start()
            os.chmod(draft, 0o600)
            os.replace(draft, socket_path)
        except (RuntimeError, OSError) as failure:
            raise DriverError(
                f"cannot listen on {socket_path}: {failure}", help="Check that the state folder exists and is writable."
            ) from failure
        self._server, self._socket_path = server, socket_path

    async def stop(self) -> None:
        """Stops listening, and ends what streams are left."""
        if self._server is not None and self._socket_path is not None:
            with suppress(OSError):
                os.unlink(self._socket_path)
            await self._server.stop(None)
            self._server = None

    async def _stream(
        self,
        requests: AsyncIterator[DeltaRequest],
        context: _Context,
    ) -> None:
        outbox: asyncio.Queue[Send | None] = asyncio.Queue()
        reader = asyncio.create_task(self._read(requests, outbox))
        try:
            while (send := await outbox.get()) is not None:
                await context.write(response_of(send))
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader

    async def _read(self, requests: AsyncIterator[DeltaRequest], outbox: asyncio.Queue[Send | None]) -> None:
        session: Session | None = None
        known: set[str] = set()
        try:
            async for request in requests:
                if session is None:  # only the first request of a stream names the node
                    session = self._attach(request.node.id, outbox.put_nowait) if request.node.id else None
                    if session is None:
                        return  # not one of ours, or one that is being replaced: it asks again every second until it ends
                session.hear(*events_of(request, first=request.type_url not in known))
                known.add(request.type_url)
        except (grpc.RpcError, grpc.aio.BaseError):
            pass  # the connection broke: the same as an end
        finally:
            if session is not None:
                session.close()
            outbox.put_nowait(None)


def events_of(request: DeltaRequest, *, first: bool) -> list[Heard]:
    """What Envoy says with this request; `first` of its type on the stream. One request may answer and ask at once."""
    events: list[Heard] = []
    if request.resource_names_unsubscribe:
        events.append(Unsubscribe(request.type_url, tuple(request.resource_names_unsubscribe)))
    if first or request.resource_names_subscribe:
        held = tuple(request.initial_resource_versions.items()) if first else ()
        events.append(Subscribe(request.type_url, tuple(request.resource_names_subscribe), held))
    if request.response_nonce:
        refused = request.HasField("error_detail")
        events.append(Nack(request.response_nonce, request.error_detail.message.strip()) if refused else Ack(request.response_nonce))
    return events


def response_of(send: Send) -> DeltaResponse:
    """The message for one answer."""
    response = DeltaDiscoveryResponse(type_url=send.type_url, nonce=send.nonce, removed_resources=send.removed)
    for one in send.resources:
        resource = response.resources.add(name=one.name, version=one.version)
        resource.resource.type_url = one.type_url
        resource.resource.value = one.body
    return response
