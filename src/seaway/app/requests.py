"""Sends real HTTP requests from where the calling process is, and counts what comes back."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections import Counter
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. `via` are addresses to connect to whatever the URL's host is; empty: the host is looked up in DNS.

    `timeout_s` is what each request may take in all.
    """

    url: str
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    count: int
    concurrency: int
    via: tuple[str, ...] = ()
    timeout_s: float = 30


class _Fixed(AbstractResolver):
    """Every name is at these addresses: how the world outside finds the gateway without a DNS record."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST)
            for address in self._addresses
        ]

    async def close(self) -> None:
        return None


def send(request: Request) -> list[dict[str, Any]]:
    """All answers, in the order in which they came: status (None where there was none), headers, body, pod, version, latency_ms, error."""
    return asyncio.run(_send(request))


def summarise(responses: list[dict[str, Any]]) -> dict[str, Any]:
    """Spread of status codes, pods and versions, and the latency's median and 99th percentile in milliseconds."""
    latencies = sorted(one["latency_ms"] for one in responses)
    cuts = quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else latencies * 99
    return {
        "status": _counted(str(one["status"]) if one["status"] is not None else "none" for one in responses),
        "pods": _counted(one["pod"] for one in responses if one["pod"]),
        "versions": _counted(one["version"] for one in responses if one["version"]),
        "latency_ms": {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2)},
    }


def _counted(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


async def _send(request: Request) -> list[dict[str, Any]]:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # certificates of local networks are self-signed; `seaway certs` judges them
    # A connection each: a Service chooses a pod by connection, and the spread over pods is what a user wants to see.
    resolver = _Fixed(request.via) if request.via else None
    connector = aiohttp.TCPConnector(limit=request.concurrency, ssl=context, resolver=resolver, force_close=True)
    timeout = aiohttp.ClientTimeout(total=request.timeout_s)
    responses: list[dict[str, Any]] = []
    left = iter(range(request.count))

    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=True) as session:

        async def work() -> None:
            responses.extend([await _one(session, request) for _ in left])

        await asyncio.gather(*(work() for _ in range(min(request.concurrency, request.count))))
    return responses


async def _one(session: aiohttp.ClientSession, request: Request) -> dict[str, Any]:
    began = time.perf_counter()
    status, headers, body, error = None, {}, "", ""
    try:
        async with session.request(
            request.method, request.url, headers=list(request.headers), data=request.body, allow_redirects=False
        ) as response:
            body = (await response.read()).decode(errors="replace")
            status, headers = response.status, dict(response.headers)
    except (aiohttp.ClientError, OSError, TimeoutError) as failure:
        error = str(failure) or type(failure).__name__
    latency = round((time.perf_counter() - began) * 1000, 2)
    echo = _echo(body)
    return {
        "status": status,
        "headers": headers,
        "body": body,
        "pod": echo.get("pod"),
        "version": echo.get("version"),
        "latency_ms": latency,
        **({"error": error} if error else {}),
    }


def _echo(body: str) -> dict[str, Any]:
    """What a stand-in says of itself; nothing for other applications' answers."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) and isinstance(value.get("pod"), str) else {}
