"""Tries connections from where the calling process is: one TCP connect or one UDP datagram a target.

A connection of a member's own program ends at the proxy in its pod, which takes every one. So probes of members go past it, as what the
proxy itself sends does: from the pod's own address to the other pod, so that they meet what its connections meet.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import dataclass

from seaway.model.names import OUTBOUND_MARK

_TIMEOUT_S = 1.0
_AT_ONCE = 200
_WORDS = b"seaway probe"
_NO_MARK = 0


@dataclass(frozen=True, slots=True)
class Target:
    """One port of one pod."""

    pod: str
    address: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`detail` is `connected`, `answered`, `refused`, `timed out`, or the kernel's own word."""

    target: Target
    allowed: bool
    detail: str


def probe(targets: tuple[Target, ...], past_proxy: bool = False) -> list[Outcome]:
    """Tries all targets, at most 200 at once; a target that says nothing within a second counts as dropped.

    `past_proxy`: the caller is a member of the mesh, whose rules send what is not the proxy's own to it.

    UDP: an answer proves that both ways are open (stand-ins echo); ICMP port unreachable is a refusal.
    """
    return asyncio.run(_probe(targets, OUTBOUND_MARK if past_proxy else _NO_MARK))


async def _probe(targets: tuple[Target, ...], mark: int) -> list[Outcome]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(target: Target) -> Outcome:
        async with gate:
            return await (_udp(target) if target.protocol == "UDP" else _tcp(target, mark))

    return list(await asyncio.gather(*(one(target) for target in targets)))


async def _tcp(target: Target, mark: int) -> Outcome:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        if mark:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        try:
            await asyncio.wait_for(loop.sock_connect(connection, (target.address, target.port)), _TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            if not (isinstance(error, TimeoutError) and _is_connected(connection)):
                return Outcome(target, False, _word(error))
    return Outcome(target, True, "connected")


def _is_connected(connection: socket.socket) -> bool:
    """Whether it was, while a busy machine gave this process no time to see it."""
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


async def _udp(target: Target) -> Outcome:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.setblocking(False)
        try:
            connection.connect((target.address, target.port))
            await loop.sock_sendall(connection, _WORDS)
            await asyncio.wait_for(loop.sock_recv(connection, 2048), _TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            if not (isinstance(error, TimeoutError) and _has_answer(connection)):
                return Outcome(target, False, _word(error))
    return Outcome(target, True, "answered")


def _has_answer(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(2048))
    except OSError:
        return False


def _word(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
        return "refused"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
