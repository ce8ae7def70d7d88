"""A real Envoy under supervision, asking the real ADS server: what the fakes claim of it is held against it here.

Its listeners are unix sockets: no port and no namespace is needed. Envoy gives up on missing endpoints after 15 s; every wait here is
shorter, so a cluster that warms until then fails the test.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.router.v3 import router_pb2 as _router
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as _manager
from google.protobuf import json_format

from seaway.core.errors import DriverError
from seaway.core.names import Key
from seaway.drivers.envoy.admin import EnvoyAdmin
from seaway.drivers.envoy.binary import find_envoy
from seaway.drivers.envoy.process import EnvoyProcess, EnvoySpec
from seaway.drivers.process.daemon import Adopted, DaemonEvent, Exited, Started
from seaway.drivers.process.pidfile import start_time
from seaway.drivers.xds.nodes import Refusals, Report, Settled
from seaway.drivers.xds.real import XdsServer
from seaway.plans.envoy.bootstrap import render_bootstrap
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, LISTENER, ROUTES, XdsResource
from seaway.protocols.xds_stream import Accepted

assert _router
assert _manager  # json_format finds the messages in an Any only where their modules are imported

NODE = "node-1"
SOON_S = 10.0
MESSAGES = {CLUSTER: Cluster, ENDPOINTS: ClusterLoadAssignment, LISTENER: Listener, ROUTES: RouteConfiguration}
ADS = {"ads": {}, "resource_api_version": "V3"}
PACKAGE = "type.googleapis.com/envoy.extensions.filters"


def resource(type_url: str, name: str, fields: dict[str, Any]) -> XdsResource:
    body = json_format.ParseDict(fields, MESSAGES[type_url]()).SerializeToString(deterministic=True)
    return XdsResource(type_url, name, hashlib.blake2b(body, digest_size=6).hexdigest(), body, frozenset({Key("", "Service", "d", name)}))


def cluster(name: str, timeout: str = "1s") -> XdsResource:
    return resource(CLUSTER, name, {"name": name, "type": "EDS", "eds_cluster_config": {"eds_config": ADS}, "connect_timeout": timeout})


def endpoints(name: str, port: int = 1) -> XdsResource:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return resource(ENDPOINTS, name, {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]})


def listener(folder: Path, name: str, prefix: str = "a") -> XdsResource:
    manager = {
        "@type": f"{PACKAGE}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": prefix,
        "rds": {"config_source": ADS, "route_config_name": name},
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{PACKAGE}.http.router.v3.Router"}}],
    }
    filters = [{"name": "http", "typed_config": manager}]
    fields = {"name": name, "address": {"pipe": {"path": f"{folder}/{name}.sock"}}, "filter_chains": [{"filters": filters}]}
    return resource(LISTENER, name, fields)


def route(name: str, status: int = 200, **match: Any) -> XdsResource:
    rule = {"match": match or {"prefix": "/"}, "direct_response": {"status": status}}
    return resource(ROUTES, name, {"name": name, "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [rule]}]})


class Bench:
    """An Envoy, its control plane, and the folder of both (short: socket paths hold 107 bytes)."""

    def __init__(self, folder: Path, binary: Path) -> None:
        self.folder = folder
        self.reports: list[Report] = []
        self.events: list[DaemonEvent] = []
        self.xds = XdsServer(lambda _, report: self.reports.append(report))
        bootstrap = render_bootstrap(NODE, "test", str(folder / "xds.sock"), str(folder / "envoy-admin.sock"), 1)
        self.spec = EnvoySpec("envoy-test", binary, bootstrap, folder, folder / "envoy.log")
        self.envoy = self.supervisor()

    def supervisor(self) -> EnvoyProcess:
        return EnvoyProcess(self.spec, lambda _, event: self.events.append(event))

    async def status(self, name: str) -> int:
        """What Envoy answers on this listener; 0 if nothing listens."""
        try:
            return await asyncio.to_thread(self._status, self.folder / f"{name}.sock")
        except OSError:
            return 0

    def _status(self, path: Path) -> int:
        connection = HTTPConnection("localhost", timeout=2)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(path))
        connection.request("GET", "/")
        answer = connection.getresponse().status
        connection.close()
        return answer

    async def publish(self, *resources: XdsResource) -> Settled | Refusals:
        self.reports.clear()
        self.xds.publish(NODE, resources)
        return await self.xds.wait_settled(NODE, SOON_S)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not true():
                await asyncio.sleep(0.01)

    def good(self, **changes: XdsResource) -> tuple[XdsResource, ...]:
        parts = {"c": cluster("web"), "e": endpoints("web"), "l": listener(self.folder, "http"), "r": route("http")}
        return tuple({**parts, **changes}.values())


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="sw"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def run(folder: Path, body: Callable[[Bench], Coroutine[None, None, None]]) -> None:
    try:
        binary = find_envoy()
    except DriverError as missing:
        pytest.skip(missing.message)

    async def inside() -> None:
        bench = Bench(folder, binary)
        await bench.xds.start(folder / "xds.sock")
        try:
            await bench.envoy.start()
            async with asyncio.timeout(50):
                await body(bench)
        finally:
            await bench.envoy.stop(grace_s=1)
            await bench.xds.stop()

    asyncio.run(inside())


def test_follows_edits_and_keeps_the_last_good(folder: Path):
    async def body(bench: Bench) -> None:
        assert await bench.publish(*bench.good(), cluster("nobody")) == Settled(1), "a cluster without endpoints holds nothing up"
        await bench.envoy.wait_ready(SOON_S)
        assert await bench.status("http") == 200

        assert await bench.publish(*bench.good(c=cluster("web", "2s"))) == Settled(2), "a changed cluster warms at once"

        broken = resource(CLUSTER, "broken", {"name": "broken", "type": "EDS"})
        outcome = await bench.publish(*bench.good(c=cluster("web", "3s"), r=route("http", 201)), broken)
        assert isinstance(outcome, Refusals)
        assert outcome.refused[0].suspects == (broken,)
        assert await bench.status("http") == 200, "routes stay at their last good"
        assert await timeout_of(bench, "web") == "3s", "Envoy takes a part of what it refuses"

        assert await bench.publish(*bench.good(c=cluster("web", "2s"), r=route("http", 201))) == Settled(4)
        assert await timeout_of(bench, "web") == "2s"
        assert await bench.status("http") == 201

        outcome = await bench.publish(*bench.good(r=route("http", 202, safe_regex={"regex": "[bad"})))
        assert isinstance(outcome, Refusals)
        assert await bench.status("http") == 201

        lost = listener(Path("/nonexistent"), "lost")
        outcome = await bench.publish(*bench.good(r=route("http", 203)), listener(folder, "two"), route("two", 204), lost)
        assert isinstance(outcome, Refusals)
        assert outcome.refused[0].suspects == (lost,)
        assert (await bench.status("http"), await bench.status("two")) == (201, 204), "a new listener gets its routes all the same"

        assert await bench.publish(*bench.good(r=route("http", 203))) == Settled(7)
        assert (await bench.status("http"), await bench.status("two")) == (203, 0)
        assert await bench.publish() == Settled(8)
        assert await bench.status("http") == 0

    run(folder, body)


async def timeout_of(bench: Bench, name: str) -> str:
    """The connect timeout of a cluster as Envoy has it."""
    dump: Any = await bench.envoy.admin.config_dump()
    active = [one for part in dump["configs"] for one in part.get("dynamic_active_clusters", ())]
    return next(one["cluster"]["connect_timeout"] for one in active if one["cluster"]["name"] == name)


def test_outlives_its_control_plane_without_churn(folder: Path):
    async def body(bench: Bench) -> None:
        await bench.publish(*bench.good())
        bench.envoy.leave()
        await bench.xds.stop()
        assert await bench.status("http") == 200
        pid = bench.events[0].pid if isinstance(bench.events[0], Started) else 0

        bench.xds = XdsServer(lambda _, report: bench.reports.append(report))
        await bench.xds.start(folder / "xds.sock")
        bench.envoy = bench.supervisor()
        await bench.envoy.start()
        assert bench.events[1:] == [Adopted(pid)]
        assert await bench.publish(*bench.good()) == Settled(1)
        assert not [one for one in bench.reports if isinstance(one, Accepted)], "nothing was sent again"
        assert await bench.publish(*bench.good(r=route("http", 201))) == Settled(2)
        assert await bench.status("http") == 201

    run(folder, body)


def test_killed_it_comes_back_and_serves(folder: Path):
    async def body(bench: Bench) -> None:
        await bench.publish(*bench.good())
        os.kill(bench.envoy.pid or 0, signal.SIGKILL)
        await bench.until(lambda: len([one for one in bench.events if isinstance(one, Started)]) == 2)
        assert [one.reason for one in bench.events if isinstance(one, Exited)] == ["killed by SIGKILL"]
        assert not isinstance(await bench.xds.wait_settled(NODE, SOON_S), Refusals)
        assert await bench.status("http") == 200

    run(folder, body)


def test_another_bootstrap_replaces_it(folder: Path):
    async def body(bench: Bench) -> None:
        await bench.publish(*bench.good())
        first = bench.envoy.pid or 0
        assert not await bench.envoy.update(bench.spec)
        assert bench.envoy.pid == first
        bench.spec = replace(bench.spec, log_level="error")
        assert await bench.envoy.update(bench.spec)
        assert start_time(first) is None
        second = bench.envoy.pid
        bench.envoy.leave()

        bench.spec = replace(bench.spec, bootstrap=bench.spec.bootstrap.replace('"5s"', '"6s"'))
        bench.envoy = bench.supervisor()
        await bench.envoy.start()
        assert bench.envoy.pid not in (None, first, second)
        assert start_time(second or 0) is None
        assert (folder / "envoy.json").read_text() == bench.spec.bootstrap

    run(folder, body)


def test_admin(folder: Path):
    async def body(bench: Bench) -> None:
        await bench.publish(*bench.good())
        admin = bench.envoy.admin
        await bench.envoy.wait_ready(SOON_S)
        assert await admin.stats("^listener_manager.total_listeners_active$") == {"listener_manager.total_listeners_active": 1}
        await admin.drain()
        with pytest.raises(DriverError, match="404"):
            await admin.get("/no-such-page")

    run(folder, body)


def test_admin_of_an_envoy_that_is_not_there(folder: Path):
    async def body() -> None:
        admin = EnvoyAdmin(folder / "none.sock")
        assert not await admin.ready()
        with pytest.raises(DriverError, match="does not answer"):
            await admin.config_dump()

    asyncio.run(body())


def test_an_envoy_that_never_gets_ready_is_named(folder: Path):
    async def body(bench: Bench) -> None:
        with pytest.raises(DriverError, match="envoy-test is not ready after") as failure:
            await bench.envoy.wait_ready(0.05)
        assert str(bench.spec.log_path) in failure.value.help

    run(folder, body)


def test_a_bootstrap_that_envoy_refuses_is_told_with_its_words(folder: Path):
    async def body(bench: Bench) -> None:
        bench.spec = replace(bench.spec, bootstrap='{"nonsense": 1}')
        await bench.envoy.update(bench.spec)
        await bench.until(lambda: any(isinstance(one, Exited) for one in bench.events))
        died = next(one for one in bench.events if isinstance(one, Exited))
        assert died.reason == "exited with code 1"
        assert any("nonsense" in line for line in died.log_tail)

    run(folder, body)


def test_a_folder_that_is_gone_is_named(folder: Path):
    spec = EnvoySpec("envoy-test", Path("/bin/true"), "{}", folder / "gone", folder / "log")
    with pytest.raises(DriverError, match="cannot write"):
        asyncio.run(EnvoyProcess(spec).start())
