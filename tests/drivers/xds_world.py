"""The world of the ADS suite: a server, real or fake, and a scripted Envoy that asks it, over gRPC or in memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import grpc.aio
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

from seaway.core.names import Key
from seaway.drivers.xds.fake import FakeEnvoy, FakeXdsServer, endpoints_of_clusters
from seaway.drivers.xds.nodes import Connected, Refusals, Report, Settled
from seaway.drivers.xds.real import METHOD, SERVICE, XdsServer
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, LISTENER, ROUTES, XdsResource
from seaway.protocols.xds_stream import Ack, Event, Nack, Send, Subscribe, Unsubscribe

NODE = "node-1"
LATE_S = 0.05
SOON_S = 10.0


def resource(type_url: str, name: str, content: str = "1") -> XdsResource:
    body = f"{name} {content}".encode()
    version = hashlib.blake2b(body, digest_size=4).hexdigest()
    return XdsResource(type_url, name, version, body, frozenset({Key("", "Service", "default", name)}))


def full(content: str = "1", route: str = "1") -> tuple[XdsResource, ...]:
    return (
        resource(CLUSTER, "web"),
        resource(ENDPOINTS, "web", content),
        resource(LISTENER, "http"),
        resource(ROUTES, "http", route),
    )


def names_in(one: XdsResource) -> tuple[tuple[str, str], ...]:
    return ((ROUTES, one.name),) if one.type_url == LISTENER else endpoints_of_clusters(one)


def refuse_bad(one: XdsResource) -> str | None:
    return "it is bad" if b"bad" in one.body else None


class Envoy(FakeEnvoy):
    """Remembers what it was sent."""

    def __init__(self) -> None:
        super().__init__(refuse_bad, names_in)
        self.heard: list[Send] = []

    def hear(self, send: Send) -> list[Event]:
        self.heard.append(send)
        return super().hear(send)

    @property
    def served(self) -> set[XdsResource]:
        return set(self.holds.values())


def request_of(event: Event) -> DeltaDiscoveryRequest:
    match event:
        case Subscribe(type_url, names, held):
            return DeltaDiscoveryRequest(type_url=type_url, resource_names_subscribe=names, initial_resource_versions=dict(held))
        case Unsubscribe(type_url, names):
            return DeltaDiscoveryRequest(type_url=type_url, resource_names_unsubscribe=names)
        case Ack(nonce):
            return DeltaDiscoveryRequest(response_nonce=nonce)
        case Nack(nonce, message):
            request = DeltaDiscoveryRequest(response_nonce=nonce)
            request.error_detail.message = message
            return request
        case _:
            raise AssertionError(event)


def send_of(response: DeltaDiscoveryResponse) -> Send:
    found = tuple(
        XdsResource(one.resource.type_url, one.name, one.version, one.resource.value, frozenset({Key("", "Service", "default", one.name)}))
        for one in response.resources
    )
    return Send(response.type_url, response.nonce, found, tuple(response.removed_resources))


class Wire:
    """The end of a gRPC stream at which an `Envoy` sits."""

    def __init__(self, socket_path: Path, node: str, envoy: Envoy) -> None:
        self._channel = grpc.aio.insecure_channel(f"unix:{socket_path}")
        method = self._channel.stream_stream(
            f"/{SERVICE}/{METHOD}",
            request_serializer=DeltaDiscoveryRequest.SerializeToString,
            response_deserializer=DeltaDiscoveryResponse.FromString,
        )
        self.mute = False
        self.ended = asyncio.Event()
        self._call = method()
        self._task = asyncio.create_task(self._talk(node, envoy))

    async def _talk(self, node: str, envoy: Envoy) -> None:
        with suppress(grpc.RpcError, grpc.aio.BaseError):
            for index, event in enumerate(envoy.connect()):
                request = request_of(event)
                if index == 0:
                    request.node.id = node
                await self._call.write(request)
            async for response in self._call:
                if not self.mute:
                    for event in envoy.hear(send_of(response)):
                        await self._call.write(request_of(event))
        self.ended.set()

    async def close(self) -> None:
        self._call.cancel()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._channel.close()


@dataclass
class World:
    """A server of either kind, and Envoys at its streams."""

    folder: Path
    real: bool
    server: XdsServer | FakeXdsServer = field(init=False)
    reports: list[tuple[str, Report]] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)

    async def start(self) -> None:
        self.server = XdsServer(self._listen) if self.real else FakeXdsServer(self._listen)
        await self.server.start(self.folder / "xds.sock")

    def _listen(self, node: str, report: Report) -> None:
        self.reports.append((node, report))

    async def connect(self, envoy: Envoy, node: str = NODE, *, mute: bool = False) -> None:
        before = len([one for one in self.reports if isinstance(one[1], Connected)])
        if isinstance(self.server, XdsServer):
            self.wires.append(Wire(self.folder / "xds.sock", node, envoy))
            self.wires[-1].mute = mute
            await self.until(lambda: len([one for one in self.reports if isinstance(one[1], Connected)]) > before)
        else:
            self.server.paused = mute
            self.server.connect(node, envoy)

    async def turned_away(self, envoy: Envoy, node: str) -> None:
        """An Envoy asks, and its stream ends."""
        if isinstance(self.server, XdsServer):
            wire = Wire(self.folder / "xds.sock", node, envoy)
            await asyncio.wait_for(wire.ended.wait(), SOON_S)
            await wire.close()
        else:
            self.server.connect(node, envoy)

    async def disconnect(self, node: str = NODE) -> None:
        if isinstance(self.server, XdsServer):
            await self.wires.pop().close()
            await self.until(lambda: not self.server.state(node).connected)
        else:
            self.server.disconnect(node)

    async def restart(self) -> None:
        """The control plane is killed and comes back with nothing but the manifests."""
        await self.server.stop()
        for wire in self.wires:
            await wire.close()
        self.wires.clear()
        await self.start()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not true():
                await asyncio.sleep(0.005)

    async def settled(self, node: str = NODE) -> Settled | Refusals:
        return await self.server.wait_settled(node, SOON_S)

    async def stop(self) -> None:
        for wire in self.wires:
            await wire.close()
        await self.server.stop()


Run = Callable[[Callable[[World], Coroutine[None, None, None]]], None]
