"""A delta discovery service over gRPC on a unix socket: messages into the events of `protocols/xds_stream.py` and back.

Which service it is, and what is answered, is said by whoever starts it: the ADS server (`real.py`) and the node's agent (`drivers/sds`).
Only delta variants are served: what we tell Envoy says `api_type: DELTA_GRPC`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import grpc
import grpc.aio
from envoy.service.discovery.v3.discovery_pb2 import (
    DeltaDiscoveryRequest,  # pyright: ignore[reportAttributeAccessIssue]
    DeltaDiscoveryResponse,  # pyright: ignore[reportAttributeAccessIssue]
)

from seaway.drivers.xds.listening import GrpcSocket
from seaway.protocols.xds_stream import Ack, Heard, Nack, Send, Subscribe, Unsubscribe


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
        self._attach = attach
        messages = DeltaDiscoveryRequest.FromString, DeltaDiscoveryResponse.SerializeToString
        self._socket = GrpcSocket(service, method, grpc.stream_stream_rpc_method_handler(self._stream, *messages))

    async def start(self, socket_path: Path) -> None:
        """Listens on this path; a socket left behind there by a killed predecessor is replaced. Raises DriverError."""
        await self._socket.start(socket_path)

    async def stop(self) -> None:
        """Stops listening, and ends what streams are left."""
        await self._socket.stop()

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
