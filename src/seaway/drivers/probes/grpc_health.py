"""The gRPC health check (grpc.health.v1.Health/Check) over HTTP/2 without TLS, as the kubelet's grpc probe makes it.

https://github.com/grpc/grpc/blob/master/doc/health-checking.md. The two messages are so small that no gRPC library is needed for them.
"""

from __future__ import annotations

import asyncio

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from h2.exceptions import ProtocolError

from seaway.drivers.probes.reach import Reach

_SERVING = b"\x08\x01"
_STREAM = 1
_MOST_BYTES = 4096
_STATUS_NAMES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


async def check_health(reach: Reach, port: int, service: str) -> str:
    """ "" if the service is SERVING, else why not. Raises OSError if there is no connection; the caller bounds the time."""
    reader, writer = await reach.connect(reach.ip, port)
    try:
        return await _exchange(reader, writer, f"{reach.ip}:{port}", service)
    except ProtocolError as error:
        return f"not HTTP/2: {error}"
    finally:
        writer.transport.abort()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, service: str) -> str:
    h2 = H2Connection(H2Configuration(client_side=True, header_encoding="latin-1"))
    h2.initiate_connection()
    head = [(":method", "POST"), (":path", "/grpc.health.v1.Health/Check"), (":scheme", "http"), (":authority", authority)]
    h2.send_headers(_STREAM, [*head, ("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "kube-probe/1.34")])
    h2.send_data(_STREAM, _message(service), end_stream=True)
    headers: dict[str, str] = {}
    body = b""
    while True:
        writer.write(h2.data_to_send())
        data = await reader.read(16384)
        if not data:
            return "EOF"
        for event in h2.receive_data(data):
            if isinstance(event, (ResponseReceived, TrailersReceived)):
                headers |= {str(name): str(value) for name, value in event.headers}
            elif isinstance(event, DataReceived):
                body += event.data
            elif isinstance(event, StreamEnded):
                return _judge(headers, body)
            elif isinstance(event, (StreamReset, ConnectionTerminated)):
                return "the server refused the call"
        if len(body) > _MOST_BYTES:
            return "malformed gRPC response"


def _message(service: str) -> bytes:
    """Length-prefixed `HealthCheckRequest{service}`: field 1, a string (its length fits one varint of at most two bytes)."""
    name = service.encode()[:16383]
    size = bytes([len(name)]) if len(name) < 128 else bytes([len(name) & 0x7F | 0x80, len(name) >> 7])
    payload = b"\x0a" + size + name if name else b""
    return b"\0" + len(payload).to_bytes(4, "big") + payload


def _judge(headers: dict[str, str], body: bytes) -> str:
    if headers.get(":status") != "200":
        return f"HTTP status {headers.get(':status')}"
    status = headers.get("grpc-status", "0")
    if status != "0":
        return f"grpc-status {status} {headers.get('grpc-message', '')}".rstrip()
    if body[5:] == _SERVING:
        return ""
    number = body[6] if len(body) == 7 and body[5:6] == b"\x08" else 0
    return f"service unhealthy (responded with {_STATUS_NAMES.get(number, str(number))!r})"
