"""One question to one upstream resolver: over UDP from a port of its own, and over TCP where the answer is too long."""

from __future__ import annotations

import asyncio
import secrets
from ipaddress import ip_address
from typing import NamedTuple, cast

from seaway.core.errors import DriverError
from seaway.protocols.dns_upstream import Reply, build_query, parse_reply
from seaway.protocols.dns_wire import FORMERR, NOTIMP


class Upstream(NamedTuple):
    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def parse_upstream(text: str) -> Upstream:
    """`address`, `address:port` or `[address]:port`."""
    address, port = text, "53"
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    try:
        found = Upstream(str(ip_address(address)), int(port))
    except ValueError:
        found = Upstream(address, 0)
    if not 0 < found.port < 65536:
        raise DriverError(f"{text!r} is no address of a DNS server", help="Write it as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53.")
    return found


async def ask_upstream(upstream: Upstream, name: bytes, kind: int) -> Reply | None:
    """Its reply, or None where it cannot be reached. Waits without end for one that is silent: the caller sets the time.

    ID and source port are new and random for each question, and only a reply to them and from there counts (RFC 5452).
    """
    reply = await _ask_udp(upstream, build_query(secrets.randbits(16), name, kind))
    if reply is not None and reply.rcode in (FORMERR, NOTIMP):  # it may not know EDNS: RFC 6891, section 6.2.2
        reply = await _ask_udp(upstream, build_query(secrets.randbits(16), name, kind, edns=False))
    if reply is not None and reply.truncated:
        reply = await _ask_tcp(upstream, build_query(secrets.randbits(16), name, kind))
    return reply


class _Question(asyncio.DatagramProtocol):
    def __init__(self, query: bytes) -> None:
        self.reply: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self._query = query

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.DatagramTransport, transport).sendto(self._query)

    def datagram_received(self, data: bytes, addr: object) -> None:
        reply = parse_reply(data, self._query)
        if reply is not None and not self.reply.done():
            self.reply.set_result(reply)

    def error_received(self, exc: Exception) -> None:  # ICMP: nobody listens there
        if not self.reply.done():
            self.reply.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.reply.done():
            self.reply.set_result(None)


async def _ask_udp(upstream: Upstream, query: bytes) -> Reply | None:
    loop = asyncio.get_running_loop()
    try:
        transport, question = await loop.create_datagram_endpoint(lambda: _Question(query), remote_addr=upstream)
    except OSError:
        return None
    try:
        return await question.reply
    finally:
        transport.close()


async def _ask_tcp(upstream: Upstream, query: bytes) -> Reply | None:
    try:
        reader, writer = await asyncio.open_connection(upstream.address, upstream.port)
    except OSError:
        return None
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        size = int.from_bytes(await reader.readexactly(2), "big")
        reply = parse_reply(await reader.readexactly(size), query)
        return reply if reply is not None and not reply.truncated else None
    except (OSError, asyncio.IncompleteReadError):
        return None
    finally:
        writer.close()
