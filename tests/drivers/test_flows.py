"""The access log service: what clients of it say is kept as it came, and shown over the agent's socket."""

from __future__ import annotations

import asyncio
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from envoy.service.accesslog.v3 import als_pb2

from seaway.app.agents import agent_argv
from seaway.core.errors import DriverError
from seaway.drivers.agent.messages import AgentLine, Done, FlowBatch, ShowFlows, Stop, decode_line, encode_line
from seaway.drivers.flows.real import METHOD, SERVICE, FlowServer
from seaway.drivers.flows.ring import Batch, Ring

IDENTIFIER = als_pb2.StreamAccessLogsMessage.Identifier(log_name="outbound")  # pyright: ignore[reportAttributeAccessIssue]
FIRST = als_pb2.StreamAccessLogsMessage(identifier=IDENTIFIER).SerializeToString()  # pyright: ignore[reportAttributeAccessIssue]
MORE = b"\x12\x00"


def with_server(folder: Path, body: Callable[[Ring], Coroutine[None, None, None]]) -> None:
    async def inside() -> None:
        ring = Ring()
        server = FlowServer(ring)
        await server.start(folder / "flows.sock")
        try:
            async with asyncio.timeout(20):
                await body(ring)
        finally:
            await server.stop()
        assert not (folder / "flows.sock").exists()

    asyncio.run(inside())


async def tell(folder: Path, *messages: bytes) -> bytes:
    async with grpc.aio.insecure_channel(f"unix:{folder / 'flows.sock'}") as channel:
        call = channel.stream_unary(f"/{SERVICE}/{METHOD}")()
        for one in messages:
            await call.write(one)
        await call.done_writing()
        return await call


def test_a_log_is_named_once_a_stream(tmp_path: Path) -> None:
    async def body(ring: Ring) -> None:
        assert await tell(tmp_path, FIRST, MORE) == b""
        assert await tell(tmp_path, MORE) == b""
        assert ring.batches == (Batch("outbound", FIRST), Batch("outbound", MORE), Batch("", MORE))

    with_server(tmp_path, body)


def test_is_for_its_owner_alone_and_replaces_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / "flows.sock").touch()

    async def body(_: Ring) -> None:
        assert stat.S_IMODE((tmp_path / "flows.sock").stat().st_mode) == 0o600

    with_server(tmp_path, body)


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    async def body() -> None:
        with pytest.raises(DriverError, match="too long"):
            await FlowServer(Ring()).start(tmp_path / ("n" * 100) / "flows.sock")

    asyncio.run(body())


@pytest.fixture
def agent(short_path: Path) -> Iterator[Path]:
    """The folder of a node whose agent runs."""
    folder = short_path / "node-1"
    folder.mkdir()
    process = subprocess.Popen(agent_argv("node-1", folder, short_path), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None and not (folder / "flows.sock").exists():
            time.sleep(0.01)
        yield folder
        with conversation(folder) as client:
            client.sendall(encode_line(Stop(1)))
            assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def conversation(folder: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(str(folder / "agent.sock"))
    return client


def lines_of(client: socket.socket) -> Iterator[AgentLine]:
    return map(decode_line, client.makefile("rb"))


def until_done(lines: Iterator[AgentLine]) -> list[AgentLine]:
    """The flows among what is said before the end of an answer."""
    return [line for line in iter(lambda: next(lines), Done(7)) if isinstance(line, FlowBatch)]


def test_an_agent_shows_flows_to_those_who_ask(agent: Path) -> None:
    first, second = FlowBatch("", b"\x12\x00"), FlowBatch("", b"\x1a\x00")
    with grpc.insecure_channel(f"unix:{agent / 'flows.sock'}") as channel, conversation(agent) as follower, conversation(agent) as other:
        tell_agent = channel.stream_unary(f"/{SERVICE}/{METHOD}")
        tell_agent(iter([first.message]), timeout=10)
        lines = lines_of(follower)
        follower.sendall(encode_line(ShowFlows(7, follow=True)))
        assert until_done(lines) == [first]
        tell_agent(iter([second.message]), timeout=10)
        assert next(lines) == second
        other.sendall(encode_line(ShowFlows(7)))
        assert until_done(lines_of(other)) == [first, second], "one who only listened was told nothing before it asked"
