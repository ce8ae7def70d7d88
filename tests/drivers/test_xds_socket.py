"""What only the real ADS server has: a socket, and clients that are not Envoy."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import Callable, Coroutine
from pathlib import Path

import grpc.aio
import pytest
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

from seaway.core.errors import DriverError
from seaway.drivers.xds.real import METHOD, SERVICE, XdsServer
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import CLUSTER, LISTENER

NODE = "node-1"


def with_server(folder: Path, body: Callable[[XdsServer], Coroutine[None, None, None]]) -> None:
    async def inside() -> None:
        server = XdsServer()
        await server.start(folder / "xds.sock")
        try:
            async with asyncio.timeout(20):
                await body(server)
        finally:
            await server.stop()

    asyncio.run(inside())


async def first_answer(folder: Path, request: DeltaDiscoveryRequest) -> DeltaDiscoveryResponse | None:
    """What a new stream is answered to this request; None if the stream is ended instead."""
    async with grpc.aio.insecure_channel(f"unix:{folder / 'xds.sock'}") as channel:
        call = channel.stream_stream(
            f"/{SERVICE}/{METHOD}",
            request_serializer=DeltaDiscoveryRequest.SerializeToString,
            response_deserializer=DeltaDiscoveryResponse.FromString,
        )()
        await call.write(request)
        answer = await call.read()
        call.cancel()
        return None if answer is grpc.aio.EOF else answer


def test_is_for_its_owner_alone(tmp_path: Path):
    async def body(_: XdsServer) -> None:
        assert stat.S_IMODE((tmp_path / "xds.sock").stat().st_mode) == 0o600

    with_server(tmp_path, body)


def test_one_that_a_killed_predecessor_left_is_replaced(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "xds.sock"))

    async def body(server: XdsServer) -> None:
        server.publish(NODE, Resources())
        request = DeltaDiscoveryRequest(type_url=CLUSTER)
        request.node.id = NODE
        answer = await first_answer(tmp_path, request)
        assert answer is not None
        assert (answer.type_url, len(answer.resources)) == (CLUSTER, 0)

    with_server(tmp_path, body)


@pytest.mark.parametrize("path", [Path("/nonexistent/xds.sock"), Path("/tmp/" + "x" * 120)], ids=["no folder", "too long"])
def test_a_path_that_cannot_be_listened_on(path: Path):
    with pytest.raises(DriverError) as failure:
        asyncio.run(XdsServer().start(path))
    assert failure.value.help


def test_a_stream_without_a_node_is_ended(tmp_path: Path):
    async def body(server: XdsServer) -> None:
        assert await first_answer(tmp_path, DeltaDiscoveryRequest(type_url=LISTENER)) is None
        assert not server.state("").connected

    with_server(tmp_path, body)
