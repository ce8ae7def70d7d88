"""Clients that keep their connections: HTTP/1, HTTP/2 and WebSockets, many at once, on a thread of their own.

Each does what the specification lets a good client do: it leaves a connection that was announced to end (`Connection: close`, GOAWAY) and
opens another. Any answer that does not come, or is not 200, is counted as lost.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request, TextMessage

Open = Callable[[], socket.socket]
PAUSE_S = 0.02
GOAWAY = 7

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE
TLS.set_alpn_protocols(["h2"])


@dataclass
class Tally:
    """What happened to the clients of one kind. `ended` are the times at which connections went, in seconds of `time.monotonic`."""

    answers: int = 0
    lost: Counter[str] = field(default_factory=Counter[str])
    opened: int = 0
    ended: list[float] = field(default_factory=list[float])


class Frames:
    """Takes GOAWAY out of what a server sends: h2 forgets the streams that are open when it reads one, and the server does not."""

    def __init__(self) -> None:
        self.goaway = False
        self._rest = b""

    def without_goaway(self, data: bytes) -> bytes:
        data = self._rest + data
        kept = b""
        while len(data) >= 9 and len(data) >= (end := 9 + int.from_bytes(data[:3], "big")):
            if data[3] == GOAWAY:
                self.goaway = True
            else:
                kept += data[:end]
            data = data[end:]
        self._rest = data
        return kept


class Streams:
    """`count` clients of each kind, from here to `stop`. `plain` connects where HTTP is spoken, `secure` where HTTPS is.

    Without `secure`, HTTP/2 is spoken to `plain` as it is (prior knowledge).
    """

    def __init__(self, plain: Open, secure: Open | None, host: str, http1: int, http2: int, websockets: int) -> None:
        self._plain, self._secure, self._host = plain, secure, host
        self.http1, self.http2, self.websockets = Tally(), Tally(), Tally()
        self._counts = (http1, http2, websockets)
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()), daemon=True)
        self._thread.start()

    def __enter__(self) -> Streams:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)
        assert not self._thread.is_alive(), "an answer never came"

    async def _work(self) -> None:
        kinds: tuple[tuple[Callable[[], Awaitable[None]], Tally], ...] = (
            (self._http1, self.http1),
            (self._http2, self.http2),
            (self._websocket, self.websockets),
        )
        jobs = [self._again(one, tally) for (one, tally), count in zip(kinds, self._counts, strict=True) for _ in range(count)]
        await asyncio.gather(*jobs)

    async def _again(self, client: Callable[[], Awaitable[None]], tally: Tally) -> None:
        while not self._over.is_set():
            tally.opened += 1
            try:
                await client()
            except Exception as error:
                tally.lost[repr(error)] += 1
            if not self._over.is_set():
                tally.ended.append(time.monotonic())

    async def _http1(self) -> None:
        reader, writer = await asyncio.open_connection(sock=self._plain())
        last = False
        while not self._over.is_set() and not last:
            writer.write(f"GET / HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = next(int(line.partition(":")[2]) for line in head.splitlines() if line.startswith("content-length:"))
            await reader.readexactly(length)
            self._count(self.http1, head.split()[1])
            last = "\r\nconnection: close" in head
            await asyncio.sleep(PAUSE_S)
        writer.close()

    async def _http2(self) -> None:
        if self._secure is None:
            reader, writer = await asyncio.open_connection(sock=self._plain())
        else:
            reader, writer = await asyncio.open_connection(sock=self._secure(), ssl=TLS, server_hostname=self._host)
        connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        connection.initiate_connection()
        frames = Frames()
        headers = [(":method", "GET"), (":scheme", "https" if self._secure else "http"), (":authority", self._host), (":path", "/")]
        while not self._over.is_set() and not frames.goaway:
            connection.send_headers(connection.get_next_available_stream_id(), headers, end_stream=True)
            done = False
            while not done:
                writer.write(connection.data_to_send())
                data = await reader.read(65536)
                if not data:
                    raise ConnectionError("closed before the answer was complete")
                for event in connection.receive_data(frames.without_goaway(data)):
                    match event:
                        case h2.events.ResponseReceived(headers=found):
                            self._count(self.http2, str(dict(found or ())[":status"]))
                        case h2.events.DataReceived(flow_controlled_length=length, stream_id=stream):
                            connection.acknowledge_received_data(length, stream)
                        case h2.events.StreamEnded():
                            done = True
                        case h2.events.StreamReset(error_code=code):
                            raise ConnectionError(f"stream reset, {code}")
                        case _:
                            pass
            await asyncio.sleep(PAUSE_S)
        writer.close()

    async def _websocket(self) -> None:
        reader, writer = await asyncio.open_connection(sock=self._plain())
        connection = WSConnection(ConnectionType.CLIENT)
        writer.write(connection.send(Request(self._host, "/")))
        waiting = True
        while not self._over.is_set():
            data = await reader.read(4096)
            if not data:
                return
            connection.receive_data(data)
            for event in connection.events():
                match event:
                    case AcceptConnection():
                        waiting = False
                    case TextMessage(data="still here"):
                        self.websockets.answers += 1
                        waiting = False
                    case _:
                        raise ConnectionError(f"unexpected: {event}")
            if not waiting:
                await asyncio.sleep(PAUSE_S * 5)
                writer.write(connection.send(TextMessage("still here")))
                waiting = True
        writer.close()

    def _count(self, tally: Tally, status: str) -> None:
        tally.answers += status == "200"
        if status != "200":
            tally.lost[status] += 1
