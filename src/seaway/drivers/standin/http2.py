"""HTTP/2 without TLS (h2c, RFC 9113) of a stand-in, by prior knowledge or after an Upgrade, and the gRPC health check on top of it.

Frames and their rules are h2's. Leaves to others: what is answered (answer), HTTP/1.1 (http1).
"""

from __future__ import annotations

import asyncio

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError, StreamClosedError
from h2.settings import SettingCodes

from seaway.drivers.standin.answer import Answer, Request, answer, canonical_name
from seaway.drivers.standin.connection import BODY_TIMEOUT_S, IDLE_TIMEOUT_S, Connection, Port

MAX_STREAMS = 256
MAX_HEAD_BYTES = 65536

SERVING = b"\x00\x00\x00\x00\x02\x08\x01"
"""gRPC's length prefix (not compressed, 2 bytes) and `HealthCheckResponse{status: SERVING}` of grpc.health.v1."""

GRPC_HEALTH_PATH = "/grpc.health.v1.Health/Check"
_GRPC_UNIMPLEMENTED = "12"
_PSEUDO = frozenset({b":method", b":path", b":authority", b":scheme", b":protocol"})


class _Stream:
    """A request that is arriving or being answered. `rest` is what the peer's flow control window has not let through."""

    __slots__ = ("body_bytes", "headers", "rest", "timer", "trailers")

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self.headers = headers
        self.body_bytes = 0
        self.rest = b""
        self.trailers: list[tuple[str, str]] = []
        self.timer: asyncio.TimerHandle | None = None


class Http2Connection(Connection):
    """`upgrade` is the HTTP2-Settings value and the request of an HTTP/1.1 Upgrade, which is answered on stream 1."""

    __slots__ = ("_h2", "_leaving", "_streams", "_upgrade")

    def __init__(self, port: Port, upgrade: tuple[bytes, Request] | None = None) -> None:
        super().__init__(port)
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._streams: dict[int, _Stream] = {}
        self._upgrade = upgrade
        self._leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.due_in(IDLE_TIMEOUT_S)
        if self._upgrade is None:
            self._h2.initiate_connection()
        else:
            self._h2.initiate_upgrade_connection(self._upgrade[0])
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS, SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD_BYTES})
        if self._upgrade is not None:
            self._streams[1] = _Stream([])
            self._reply(1, self._upgrade[1])
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for stream_id in tuple(self._streams):
            self._forget(stream_id)

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._h2.receive_data(data):
                self._on(event)
        except ProtocolError:  # h2 has a GOAWAY with the reason ready
            self._flush()
            self.transport.close()
            return
        self._flush()
        self.due_in(BODY_TIMEOUT_S if any(stream.timer is None for stream in self._streams.values()) else IDLE_TIMEOUT_S)

    def leave(self) -> None:
        """GOAWAY: no new streams; those that are open are answered, then the connection ends."""
        self._leaving = True
        self._h2.close_connection(ErrorCodes.NO_ERROR, last_stream_id=max(self._streams, default=0))
        self._flush()

    def _on(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._streams[event.stream_id] = _Stream([(bytes(name), bytes(value)) for name, value in event.headers])
        elif isinstance(event, DataReceived):
            self._on_data(event)
        elif isinstance(event, StreamEnded):
            self._on_request(event.stream_id)
        elif isinstance(event, StreamReset):
            self._forget(event.stream_id)
        elif isinstance(event, (WindowUpdated, RemoteSettingsChanged)):
            for stream_id in tuple(self._streams):
                self._send_rest(stream_id)
        elif isinstance(event, ConnectionTerminated):
            self.transport.close()

    def _on_data(self, event: DataReceived) -> None:
        """The body is counted and let go of, and the window opened again at once."""
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            stream.body_bytes += len(event.data)
        if event.flow_controlled_length:
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def _on_request(self, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        request = _as_request(stream)
        if request.headers.get("Content-Type", [""])[0].startswith("application/grpc"):
            self._reply_grpc(stream_id, stream, request)
        else:
            self._reply(stream_id, request)

    def _reply(self, stream_id: int, request: Request) -> None:
        reply = answer(self.port.identity, request)
        if reply.delay_s > 0:
            loop = asyncio.get_running_loop()
            self._streams[stream_id].timer = loop.call_later(reply.delay_s, self._reply_late, stream_id, request, reply)
        else:
            self._send_reply(stream_id, request, reply)

    def _reply_late(self, stream_id: int, request: Request, reply: Answer) -> None:
        self._streams[stream_id].timer = None
        self._send_reply(stream_id, request, reply)
        self._flush()

    def _send_reply(self, stream_id: int, request: Request, reply: Answer) -> None:
        headers = [(":status", str(reply.status)), *((name.lower(), value) for name, value in reply.headers)]
        if reply.status not in (204, 304):
            headers.append(("content-length", str(len(reply.body))))
        bodyless = request.method == "HEAD" or reply.status in (204, 304) or not reply.body
        try:
            self._h2.send_headers(stream_id, headers, end_stream=bodyless)
        except (StreamClosedError, ProtocolError):
            bodyless = True  # the peer has reset it meanwhile
        if bodyless:
            self._forget(stream_id)
            return
        self._streams[stream_id].rest = reply.body
        self._send_rest(stream_id)

    def _reply_grpc(self, stream_id: int, stream: _Stream, request: Request) -> None:
        """Health checks are answered SERVING; a stand-in implements no other method (status 12, as a gRPC server would say)."""
        head = [(":status", "200"), ("content-type", "application/grpc")]
        if request.target != GRPC_HEALTH_PATH:
            self._h2.send_headers(stream_id, [*head, ("grpc-status", _GRPC_UNIMPLEMENTED)], end_stream=True)
            self._forget(stream_id)
            return
        self._h2.send_headers(stream_id, head)
        stream.rest, stream.trailers = SERVING, [("grpc-status", "0")]
        self._send_rest(stream_id)

    def _send_rest(self, stream_id: int) -> None:
        stream = self._streams[stream_id]
        while stream.rest:
            room = min(self._h2.local_flow_control_window(stream_id), self._h2.max_outbound_frame_size, len(stream.rest))
            if room <= 0:
                return
            chunk, stream.rest = stream.rest[:room], stream.rest[room:]
            last = not stream.rest
            self._h2.send_data(stream_id, chunk, end_stream=last and not stream.trailers)
            if last:
                if stream.trailers:
                    self._h2.send_headers(stream_id, stream.trailers, end_stream=True)
                self._forget(stream_id)

    def _forget(self, stream_id: int) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None and stream.timer is not None:
            stream.timer.cancel()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self.transport.is_closing():
            self.transport.write(data)
        if self._leaving and not self._streams:
            self.transport.close()


def _as_request(stream: _Stream) -> Request:
    pseudo: dict[bytes, str] = {}
    headers: dict[str, list[str]] = {}
    for name, value in stream.headers:
        if name in _PSEUDO:
            pseudo[name] = value.decode("latin-1")
        else:
            headers.setdefault(canonical_name(name), []).append(value.decode("latin-1"))
    host = pseudo.get(b":authority") or headers.get("Host", [""])[0]
    headers.pop("Host", None)
    return Request(pseudo.get(b":method", ""), pseudo.get(b":path", ""), host, "HTTP/2.0", headers, stream.body_bytes)
