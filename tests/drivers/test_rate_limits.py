"""The service that counts for all Envoys, as they speak to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import grpc.aio
import pytest
from envoy.service.ratelimit.v3 import rls_pb2

from seaway.core.errors import DriverError
from seaway.drivers.rate_limits.real import METHOD, SERVICE, RateLimitServer
from seaway.protocols.rate_counter import DOMAIN, LIMIT, RATE, RateCounter

rls = cast(Any, rls_pb2)
Ask = Callable[[Any], Awaitable[Any]]


def request(*descriptors: tuple[tuple[str, str], ...], hits: int = 0) -> Any:
    rows = [{"entries": [{"key": key, "value": value} for key, value in one]} for one in descriptors]
    return rls.RateLimitRequest(domain=DOMAIN, descriptors=rows, hits_addend=hits)


def limit(name: str, rate: str) -> tuple[tuple[str, str], ...]:
    return ((LIMIT, name), (RATE, rate))


def asking(folder: Path, body: Callable[[Ask], Awaitable[None]]) -> None:
    async def inside() -> None:
        server = RateLimitServer(RateCounter(), lambda: 7.0)
        await server.start(folder / "limits.sock")
        try:
            async with asyncio.timeout(20), grpc.aio.insecure_channel(f"unix:{folder / 'limits.sock'}") as channel:
                send = channel.unary_unary(f"/{SERVICE}/{METHOD}", rls.RateLimitRequest.SerializeToString, rls.RateLimitResponse.FromString)
                await body(send)
        finally:
            await server.stop()
        assert not (folder / "limits.sock").exists()

    asyncio.run(inside())


def test_what_fits_and_what_does_not(tmp_path: Path) -> None:
    async def body(ask: Ask) -> None:
        answers = [await ask(request(limit("shop/a[0]", "2/60/2"))) for _ in range(3)]
        codes = [(one.overall_code, one.statuses[0].code) for one in answers]
        assert codes == [(rls.RateLimitResponse.OK,) * 2, (rls.RateLimitResponse.OK,) * 2, (rls.RateLimitResponse.OVER_LIMIT,) * 2]
        assert [one.statuses[0].limit_remaining for one in answers] == [1, 0, 0]
        assert [one.statuses[0].current_limit.requests_per_unit for one in answers] == [2, 2, 2]
        assert [[(h.key, h.value) for h in one.response_headers_to_add] for one in answers] == [[], [], [("retry-after", "30")]]
        assert answers[2].statuses[0].duration_until_reset.seconds == 30

    asking(tmp_path, body)


def test_one_of_several_refuses(tmp_path: Path) -> None:
    async def body(ask: Ask) -> None:
        both = request(limit("shop/a[0]", "9/1/9"), limit("shop/a[1]", "1/1/1"))
        await ask(both)
        answer = await ask(both)
        assert answer.overall_code == rls.RateLimitResponse.OVER_LIMIT
        assert [one.code for one in answer.statuses] == [rls.RateLimitResponse.OK, rls.RateLimitResponse.OVER_LIMIT]

    asking(tmp_path, body)


def test_a_question_without_a_rate_passes(tmp_path: Path) -> None:
    async def body(ask: Ask) -> None:
        assert (await ask(request(((LIMIT, "a"),)))).overall_code == rls.RateLimitResponse.OK

    asking(tmp_path, body)


def test_where_it_cannot_listen(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="cannot listen"):
        asyncio.run(RateLimitServer(RateCounter(), lambda: 0.0).start(tmp_path / "nowhere" / "limits.sock"))
