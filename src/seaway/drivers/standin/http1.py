"""HTTP/1.1 of a stand-in, and the door to the other protocols that start on the same port: h2c and WebSocket.

A plain request (GET or HEAD, no body, nothing to negotiate, whole in one read) is read by `plain_request` and answered in one write;
everything else goes through h11, which is strict about framing. Both give the same answers; a test holds one against the other.
Leaves to others: what is answered (answer), frames of HTTP/2 (http2) and of WebSocket (websocket).
"""

from __future__ import annotations

import asyncio
import math
import re

import h11

from seaway.drivers.standin.answer import Answer, Request, answer, canonical_name, reason
from seaway.drivers.standin.connection import BODY_TIMEOUT_S, HEAD_TIMEOUT_S, IDLE_TIMEOUT_S, Connection, Port

MAX_HEAD_BYTES = 65536
"""Largest head of a request: Envoy's own default limit is 60 KiB. More is answered with 431."""

H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_REQUEST_LINE = re.compile(rb"(GET|HEAD) (/[!-~]*) HTTP/1\.1")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([!-~\x80-\xff](?:[ \t!-~\x80-\xff]*[!-~\x80-\xff])?|)[ \t]*")
_NOT_PLAIN = frozenset({"Connection", "Content-Length", "Expect", "Http2-Settings", "Te", "Trailer", "Transfer-Encoding", "Upgrade"})


def plain_request(data: bytes) -> Request | None:
    """The request, if `data` is exactly one that has no body and asks for nothing special; None sends it through h11."""
    if not data.endswith(b"\r\n\r\n") or len(data) > MAX_HEAD_BYTES:
        return None
    lines = data[:-4].split(b"\r\n")
    start = _REQUEST_LINE.fullmatch(lines[0])
    if start is None:
        return None
    headers: dict[str, list[str]] = {}
    for line in lines[1:]:
        field = _FIELD.fullmatch(line)
        if field is None:
            return None
        headers.setdefault(canonical_name(field[1]), []).append(field[2].decode("latin-1"))
    host = headers.pop("Host", ())
    if len(host) != 1 or not _NOT_PLAIN.isdisjoint(headers):
        return None
    return Request(start[1].decode(), start[2].decode(), host[0], "HTTP/1.1", headers, 0)


class HttpConnection(Connection):
    """One HTTP/1.1 connection: one request at a time, pipelined ones wait unread in the kernel and in h11's bounded buffer."""

    __slots__ = ("_body_bytes", "_closing", "_fresh", "_parser", "_request", "_timer", "_write_blocked")

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._parser: h11.Connection | None = None
        self._request: h11.Request | None = None
        self._timer: asyncio.TimerHandle | None = None  # set while an answer is being delayed
        self._body_bytes = 0
        self._fresh = True  # nothing read yet: the bytes of an HTTP/2 preface may come
        self._closing = False
        self._write_blocked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.due_in(HEAD_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._parser is None and not self._busy:
            request = plain_request(data)
            if request is not None:
                self._fresh = False
                self._reply(request, answer(self.port.identity, request))
                return
        if self._parser is None:
            self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._parser.receive_data(data)
        if self._fresh and self._is_h2(self._parser):
            return
        self._pump()

    def eof_received(self) -> bool:
        """The peer will send no more: what it asked for is still answered."""
        self._closing = True
        return self._busy

    def pause_writing(self) -> None:
        self._write_blocked = True
        self.transport.pause_reading()
        self.due_in(BODY_TIMEOUT_S)

    def resume_writing(self) -> None:
        self._write_blocked = False
        self._go_on()

    def leave(self) -> None:
        self._closing = True
        if not self._busy and self._request is None:
            self.transport.close()

    @property
    def _busy(self) -> bool:
        return self._timer is not None or self._write_blocked

    def _is_h2(self, parser: h11.Connection) -> bool:
        """Whether the connection starts with an HTTP/2 preface, whole (then it is handed over) or so far."""
        head = parser.trailing_data[0]
        if head.startswith(H2_PREFACE):
            from seaway.drivers.standin.http2 import Http2Connection  # h2 is imported when the first HTTP/2 connection comes

            self.hand_over(Http2Connection(self.port), head)
            return True
        return len(head) >= 3 and H2_PREFACE.startswith(head)

    def _pump(self) -> None:
        """Reads events until bytes are missing, an answer is under way or the connection has another owner."""
        while self._parser is not None and not self._busy and not self.transport.is_closing():
            self._fresh = False
            parser = self._parser
            try:
                event = parser.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(parser, error)
                return
            if isinstance(event, h11.Request):
                self._request = event
                self._body_bytes = 0
                if _upgrades(event) and self._upgrade(parser, event):
                    return
                if parser.they_are_waiting_for_100_continue:
                    self._send(parser, h11.InformationalResponse(status_code=100, headers=[]))
            elif isinstance(event, h11.Data):
                self._body_bytes += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert self._request is not None
                request = _as_request(self._request, self._body_bytes)
                self._reply(request, answer(self.port.identity, request))
            else:
                self._wait(parser, event)
                return

    def _wait(self, parser: h11.Connection, event: object) -> None:
        if isinstance(event, h11.ConnectionClosed):
            self.transport.close()
        elif self._request is None and not parser.trailing_data[0]:
            self._parser = None  # between requests: back to the short path, and no buffers held
            self.due_in(IDLE_TIMEOUT_S)
        else:
            self.due_in(HEAD_TIMEOUT_S if self._request is None else BODY_TIMEOUT_S)

    def _upgrade(self, parser: h11.Connection, event: h11.Request) -> bool:
        """True if another protocol has taken the connection."""
        wanted = b",".join(value for name, value in event.headers if name == b"upgrade").lower()
        if wanted == b"websocket" and event.method == b"GET":
            from seaway.drivers.standin.websocket import WebSocketEcho

            successor = WebSocketEcho(self.port, event)
            self.hand_over(successor, parser.trailing_data[0])
            return True
        settings = [value for name, value in event.headers if name == b"http2-settings"]
        if wanted == b"h2c" and len(settings) == 1 and not _has_body(event):
            from seaway.drivers.standin.http2 import Http2Connection

            self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            parser.next_event()  # the end of the message, so that only what follows it is handed over
            self.hand_over(Http2Connection(self.port, (settings[0], _as_request(event, 0))), parser.trailing_data[0])
            return True
        return False

    def _reply(self, request: Request, reply: Answer) -> None:
        if reply.delay_s > 0:
            self.deadline = math.inf
            self.transport.pause_reading()
            self._timer = asyncio.get_running_loop().call_later(reply.delay_s, self._reply_late, request, reply)
        else:
            self._write_reply(request, reply)

    def _reply_late(self, request: Request, reply: Answer) -> None:
        self._timer = None
        self._write_reply(request, reply)
        self._go_on()

    def _go_on(self) -> None:
        if self.transport.is_closing() or self._busy:
            return
        self.transport.resume_reading()
        self._pump()

    def _write_reply(self, request: Request, reply: Answer) -> None:
        parser, self._request = self._parser, None
        if parser is None or parser.our_state is not h11.SEND_RESPONSE:
            self.transport.write(_encode(reply, request.method == "HEAD", self._closing))
            self.due_in(IDLE_TIMEOUT_S)
        else:
            self._write_framed(parser, reply)
        if self._closing:
            self.transport.close()

    def _write_framed(self, parser: h11.Connection, reply: Answer) -> None:
        headers = [*reply.headers, ("Content-Length", str(len(reply.body)))]
        if self._closing:
            headers.append(("Connection", "close"))
        self._send(parser, h11.Response(status_code=reply.status, headers=headers, reason=reason(reply.status)))
        self._send(parser, h11.Data(data=reply.body), h11.EndOfMessage())
        if parser.our_state is h11.DONE and parser.their_state is h11.DONE:
            parser.start_next_cycle()
        elif parser.our_state is not h11.SWITCHED_PROTOCOL:
            self.transport.close()

    def _refuse(self, parser: h11.Connection, error: h11.RemoteProtocolError) -> None:
        """What cannot be read is answered with the status that h11 suggests (400, 431, 501), and the connection ends."""
        if parser.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = f"{error}\n".encode()
            self.transport.write(_encode(Answer(error.error_status_hint, (("Content-Type", "text/plain"),), body), False, True))
        self.transport.close()

    def _send(self, parser: h11.Connection, *events: h11.Event) -> None:
        self.transport.write(b"".join(parser.send(event) or b"" for event in events))


def _upgrades(event: h11.Request) -> bool:
    return any(name == b"upgrade" for name, _ in event.headers)


def _has_body(event: h11.Request) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in event.headers)


def _as_request(event: h11.Request, body_bytes: int) -> Request:
    headers: dict[str, list[str]] = {}
    for name, value in event.headers:
        headers.setdefault(canonical_name(name), []).append(value.decode("latin-1"))
    host = headers.pop("Host", [""])[0]
    return Request(event.method.decode(), event.target.decode("latin-1"), host, f"HTTP/{event.http_version.decode()}", headers, body_bytes)


def _encode(reply: Answer, head_only: bool, close: bool) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {reason(reply.status)}"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    if reply.status not in (204, 304):
        lines.append(f"Content-Length: {len(reply.body)}")
    if close:
        lines.append("Connection: close")
    head = "\r\n".join(lines).encode("latin-1")
    return b"%s\r\n\r\n%s" % (head, b"" if head_only or reply.status in (204, 304) else reply.body)
