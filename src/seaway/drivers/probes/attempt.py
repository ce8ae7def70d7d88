"""One attempt of a probe. Leaves to others: where it starts from (reach), when, how often and what follows (real)."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import assert_never

from seaway.drivers.probes.reach import Reach
from seaway.model.workload import Exec, GrpcHealth, HttpGet, ProbeAction, TcpConnect

RunInside = Callable[[Sequence[str], float], Awaitable[tuple[int | None, str]]]
"""Runs a command in the probed pod: exit code (None: it did not end) and the beginning of its output."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")
_LONGEST_LINE = 8192


async def attempt(action: ProbeAction, reach: Reach, timeout_s: float, run_inside: RunInside | None) -> str:
    """ "" if the probe succeeded, else the reason in the kubelet's words. Never raises for what the pod does.

    `run_inside` is None for stand-ins: they have no programs to run an exec probe with, which therefore succeeds.
    """
    try:
        async with asyncio.timeout(timeout_s):
            match action:
                case HttpGet():
                    return await _http_get(action, reach)
                case TcpConnect():
                    return await _tcp_connect(action, reach)
                case GrpcHealth():
                    from seaway.drivers.probes.grpc_health import check_health  # brings h2, which few pods ask for

                    return await check_health(reach, action.port, action.service)
                case Exec():
                    return await _exec(action, timeout_s, run_inside)
                case _:
                    assert_never(action)
    except TimeoutError:
        return f"timed out after {timeout_s:g} s"
    except ssl.SSLError as error:  # an OSError, whose errno is OpenSSL's own
        return f"TLS: {error.reason or error}"
    except OSError as error:
        return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


async def _http_get(action: HttpGet, reach: Reach) -> str:
    """Success is 200 to 399, as in the kubelet; a redirect is not followed. Certificates are not verified, as in the kubelet."""
    context = _unverified() if action.tls else None
    reader, writer = await reach.connect(action.host, action.port, context, _LONGEST_LINE)
    try:
        writer.write(_request(action))
        line = await reader.readline()
    except ValueError:  # readline's word for a line beyond the limit
        return "malformed HTTP response"
    finally:
        writer.transport.abort()
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        return "malformed HTTP response" if line else "EOF"
    status = int(match[1])
    return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


def _request(action: HttpGet) -> bytes:
    """A `Host` header of the manifest replaces the address, and an empty User-Agent or Accept takes the default away."""
    headers = {
        "host": ("Host", f"{action.host}:{action.port}"),
        "user-agent": ("User-Agent", "kube-probe/1.34"),
        "accept": ("Accept", "*/*"),
    }
    for name, value in action.headers:
        headers[name.lower()] = (name, value)
    lines = [f"GET {action.path or '/'} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.values() if value]
    return ("\r\n".join(lines) + "\r\nConnection: close\r\n\r\n").encode()


async def _tcp_connect(action: TcpConnect, reach: Reach) -> str:
    _, writer = await reach.connect(action.host, action.port)
    writer.transport.abort()
    return ""


async def _exec(action: Exec, timeout_s: float, run_inside: RunInside | None) -> str:
    if run_inside is None:
        return ""
    code, output = await run_inside(action.command, timeout_s)
    if code == 0:
        return ""
    what = "command did not end" if code is None else f"command ended with exit code {code}"
    return f"{what}: {output}" if output else what


@cache
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
