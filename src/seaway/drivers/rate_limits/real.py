"""Envoy's rate limit service over gRPC on a unix socket. What a request counts for comes with it; the counters are `protocols`' matter.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/ratelimit/v3/rls.proto
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from seaway.drivers.xds.listening import GrpcSocket
from seaway.protocols.rate_counter import RateCounter, Standing, whole_seconds

SERVICE = "envoy.service.ratelimit.v3.RateLimitService"
METHOD = "ShouldRateLimit"


class RateLimitServer:
    """All methods belong to the event loop that `start` ran on. `clock` tells seconds that never go back."""

    def __init__(self, counter: RateCounter, clock: Callable[[], float]) -> None:
        self._counter, self._clock = counter, clock
        self._socket = GrpcSocket(SERVICE, METHOD, grpc.unary_unary_rpc_method_handler(self._answer))
        self._messages: Any = None

    async def start(self, socket: Path) -> None:
        """Listens on this path; a socket that a killed predecessor left there is replaced. Raises DriverError."""
        self._messages = await asyncio.to_thread(_load)
        await self._socket.start(socket)

    async def stop(self) -> None:
        await self._socket.stop()

    async def _answer(self, body: bytes, _context: Any) -> bytes:
        """A request fits if all of its descriptors do. Each is counted, whatever becomes of the others, as Envoy's own buckets do."""
        request = self._messages.RateLimitRequest.FromString(body)
        now, hits = self._clock(), request.hits_addend or 1
        standings = [self._counter.take([(one.key, one.value) for one in each.entries], now, hits) for each in request.descriptors]
        return self._response(standings).SerializeToString()

    def _response(self, standings: list[Standing | None]) -> Any:
        response = self._messages.RateLimitResponse(overall_code="OK")
        for one in standings:
            status = response.statuses.add(code="OK")
            if one is None:
                continue
            status.current_limit.requests_per_unit = one.rate.burst
            status.limit_remaining = one.remaining
            status.duration_until_reset.seconds = whole_seconds(one.full_s) if one.passed else whole_seconds(one.retry_s)
            if not one.passed:
                status.code = response.overall_code = self._messages.RateLimitResponse.OVER_LIMIT
                response.response_headers_to_add.add(key="retry-after", value=str(whole_seconds(one.retry_s)))
        return response


def _load() -> Any:
    from envoy.service.ratelimit.v3 import rls_pb2  # on the one node that counts only

    return rls_pb2
