"""Secrets over SDS: one contract for the server on a socket and the one in memory."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse
from xds_world import request_of, send_of

from seaway.core.errors import DriverError
from seaway.drivers.sds import streams
from seaway.drivers.sds.fake import FakeHolder, FakeSdsServer
from seaway.drivers.sds.real import METHOD, SERVICE, SdsServer
from seaway.drivers.sds.secrets import leaf_secret, roots_secret
from seaway.model.names import ROOT_SECRET
from seaway.protocols.xds_resource import SECRET, XdsResource


def secret(name: str, version: str) -> XdsResource:
    return XdsResource(SECRET, name, version, b"body", frozenset())


class Wire:
    """A gRPC stream at whose end a holder sits, as Envoy has one a secret."""

    def __init__(self, path: Path, holder: FakeHolder, name: str) -> None:
        self._channel = grpc.aio.insecure_channel(f"unix:{path}")
        self._call = self._channel.stream_stream(
            f"/{SERVICE}/{METHOD}",
            request_serializer=DeltaDiscoveryRequest.SerializeToString,
            response_deserializer=DeltaDiscoveryResponse.FromString,
        )()
        self._task = asyncio.create_task(self._talk(holder, name))
        self.mute = False

    async def _talk(self, holder: FakeHolder, name: str) -> None:
        with suppress(grpc.RpcError, grpc.aio.BaseError):
            request = request_of(holder.ask(name))
            request.node.id = holder.envoy
            await self._call.write(request)
            async for response in self._call:
                answer = holder.hear(send_of(response))
                if not self.mute:
                    await self._call.write(request_of(answer))

    async def close(self) -> None:
        self._call.cancel()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._channel.close()


class World:
    """A server of either kind, and Envoys that ask it."""

    def __init__(self, folder: Path, real: bool) -> None:
        self.path, self.changes = folder / "sds.sock", 0
        self.server = SdsServer(self.path, self._changed) if real else FakeSdsServer(self._changed)
        self._streams: list[Wire | streams.Session] = []

    def _changed(self) -> None:
        self.changes += 1

    async def ask(self, holder: FakeHolder, name: str, *, mute: bool = False) -> None:
        """Opens a stream for one secret, and waits until the server has heard of it. A mute one takes what comes and says nothing."""
        if isinstance(self.server, FakeSdsServer):
            if mute:
                self.server.silent.add(holder.envoy)
            self._streams.append(self.server.ask(holder, name))
            return
        before = self.changes
        self._streams.append(Wire(self.path, holder, name))
        self._streams[-1].mute = mute
        await self.until(lambda: self.changes > before)

    async def leave(self, index: int = 0) -> None:
        stream = self._streams.pop(index)
        if isinstance(stream, Wire):
            await stream.close()
        else:
            stream.close()

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        while self._streams:
            await self.leave()
        await self.server.stop()


Body = Callable[[World], Coroutine[None, None, None]]


@pytest.fixture(params=["fake", "real"])
def run(request: pytest.FixtureRequest, short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Body], None]:
    """Runs a test's body against each kind. An Envoy that has left is waited for less long than in a network."""
    monkeypatch.setattr(streams, "RETURN_S", 0.3)
    monkeypatch.setattr(streams, "GRACE_S", 0.2)

    def inside(body: Body) -> None:
        async def whole() -> None:
            world = World(short_path, request.param == "real")
            await world.server.start()
            try:
                await body(world)
            finally:
                await world.close()

        asyncio.run(whole())

    return inside


def test_what_is_there_is_held(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        envoy = FakeHolder("node-1@1")
        world.server.offer([secret("web", "1")], [])
        await world.ask(envoy, "web")
        await world.until(lambda: world.server.all_hold("web"))
        assert envoy.holds["web"].version == "1"
        world.server.offer([secret("web", "2")], [])
        await world.until(lambda: world.server.all_hold("web"))
        assert envoy.holds["web"].version == "2"

    run(body)


def test_what_is_promised_is_waited_for(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        envoy = FakeHolder("node-1@1")
        world.server.offer([], ["web"])
        await world.ask(envoy, "web")
        await asyncio.sleep(2 * streams.GRACE_S)
        assert (envoy.holds, envoy.without) == ({}, set())
        world.server.offer([secret("web", "1")], ["web"])
        await world.until(lambda: "web" in envoy.holds)

    run(body)


def test_what_nobody_promised_is_refused_after_a_while(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        envoy = FakeHolder("node-1@1")
        await world.ask(envoy, "client|nobody")
        assert envoy.without == set()
        await world.until(lambda: envoy.without)
        world.server.offer([secret("client|nobody", "1")], [])
        await world.until(lambda: "client|nobody" in envoy.holds)

    run(body)


def test_one_that_does_not_answer_does_not_hold(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        world.server.offer([secret("web", "1")], [])
        await world.ask(FakeHolder("node-1@1"), "web")
        await world.until(lambda: world.server.all_hold("web"))
        await world.ask(FakeHolder("node-1@2"), "web", mute=True)
        assert not world.server.all_hold("web")
        await world.leave(1)
        await world.until(lambda: world.server.all_hold("web"))

    run(body)


def test_one_that_refuses_does_not_hold(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        envoy = FakeHolder("node-1@1")
        envoy.refuses.add("web")
        world.server.offer([secret("web", "1")], [])
        await world.ask(envoy, "web")
        await asyncio.sleep(0.1)
        assert not world.server.all_hold("web")
        envoy.refuses.clear()
        world.server.offer([secret("web", "2")], [])
        await world.until(lambda: world.server.all_hold("web"))

    run(body)


def test_one_that_has_left_may_hold_what_was_before(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        envoy = FakeHolder("node-1@1")
        world.server.offer([secret("web", "1")], [])
        await world.ask(envoy, "web")
        await world.until(lambda: world.server.all_hold("web"))
        await world.leave()
        world.server.offer([secret("web", "2")], [])
        assert not world.server.all_hold("web")
        await world.ask(envoy, "web")
        await world.until(lambda: world.server.all_hold("web"))
        assert envoy.holds["web"].version == "2"
        await world.leave()
        await world.until(lambda: not world.server.all_hold("web"))
        before = world.changes
        await world.until(lambda: world.changes > before)  # it has not come back: whoever waits is told
        await world.until(lambda: world.server.all_hold("web"))

    run(body)


def test_what_a_server_that_comes_back_does_not_have_yet_stays(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        envoy = FakeHolder("node-1@1")
        envoy.holds["web"] = secret("web", "1")
        await world.ask(envoy, "web")
        world.server.offer([], ["web"])
        await asyncio.sleep(2 * streams.GRACE_S)
        assert envoy.holds["web"].version == "1"
        world.server.offer([secret("web", "2")], ["web"])
        await world.until(lambda: envoy.holds["web"].version == "2")

    run(body)


def test_what_has_ended_is_taken_away(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        envoy = FakeHolder("node-1@1")
        world.server.offer([secret("web", "1")], [])
        await world.ask(envoy, "web")
        await world.until(lambda: envoy.holds)
        world.server.offer([], [])
        await world.until(lambda: not envoy.holds)

    run(body)


def test_a_server_without_askers_knows_after_a_while_that_nobody_holds_anything_else(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        world.server.offer([secret("web", "1")], [])
        assert not world.server.all_hold("web")
        await world.until(lambda: world.server.all_hold("web"))

    run(body)


def test_the_socket_is_its_owner_s_alone(short_path: Path) -> None:
    async def body() -> None:
        server = SdsServer(short_path / "sds.sock", lambda: None)
        await server.start()
        assert stat.S_IMODE((short_path / "sds.sock").stat().st_mode) == 0o600
        await server.stop()
        assert not (short_path / "sds.sock").exists()

    asyncio.run(body())


def test_where_it_cannot_listen(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="cannot listen"):
        asyncio.run(SdsServer(tmp_path / "missing" / "sds.sock", lambda: None).start())


def test_secrets_tell_chains_apart_and_show_no_key() -> None:
    one, other = leaf_secret("web", "chain 1", "PRIVATE KEY"), leaf_secret("web", "chain 2", "PRIVATE KEY")
    assert one.version != other.version
    assert one.version == leaf_secret("web", "chain 1", "another key").version
    assert "PRIVATE" not in repr(one)
    assert roots_secret("pem").name == ROOT_SECRET
