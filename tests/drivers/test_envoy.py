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
import subprocess
import sys
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
from seaway.drivers.envoy.generations import living_generations
from seaway.drivers.envoy.process import EnvoyEvent, EnvoyProcess, EnvoySpec
from seaway.drivers.envoy.replacement import NotReplaced, Replaced
from seaway.drivers.process.daemon import Adopted, Backoff, Exited, Started
from seaway.drivers.process.pidfile import living
from seaway.drivers.xds.nodes import Refusals, Report, Settled
from seaway.drivers.xds.real import XdsServer
from seaway.model.names import envoy_id
from seaway.plans.envoy.bootstrap import Sockets, render_bootstrap
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, LISTENER, ROUTES, XdsResource
from seaway.protocols.xds_stream import Accepted

assert _router
assert _manager  # json_format finds the messages in an Any only where their modules are imported

NODE = "node-1"
SOON_S = 10.0
QUICK = Backoff(first_s=0.05, most_s=0.5)
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


class Served:
    """What the control loop tells of its server."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def welcome(self, generation: int) -> None:
        self.bench.xds.welcome(NODE, generation)

    def complete(self) -> bool:
        state = self.bench.xds.state(NODE)
        return state.published == state.settled > 0 and not state.refused


class Bench:
    """An Envoy, its control plane, and the folder of both (short: socket paths hold 107 bytes)."""

    def __init__(self, folder: Path, binary: Path) -> None:
        self.folder = folder
        self.reports: list[Report] = []
        self.events: list[EnvoyEvent] = []
        self.xds = XdsServer(lambda _, report: self.reports.append(report))
        self.spec = EnvoySpec("envoy-test", binary, self.render, folder, folder / "envoy.log", drain_s=2)
        self.envoy = self.supervisor()

    def render(self, generation: int, admin_socket: Path) -> str:
        sockets = Sockets(*(str(self.folder / f"{name}.sock") for name in ("xds", "sds", "flows")), str(admin_socket))
        return render_bootstrap(envoy_id(NODE, generation), sockets, 1)

    def supervisor(self) -> EnvoyProcess:
        return EnvoyProcess(self.spec, Served(self), lambda _, event: self.events.append(event), QUICK)

    async def another(self, **changes: Any) -> int:
        """Another control plane finds what runs here, and wants an Envoy that differs. Returns the pid of the one that it starts."""
        await self.envoy.leave()
        self.events.clear()
        self.spec = replace(self.spec, **changes)
        self.envoy = self.supervisor()
        await self.envoy.start()
        started = self.events[0]
        assert isinstance(started, Started | Adopted)
        return started.pid

    async def heard(self, kind: type[EnvoyEvent]) -> None:
        await self.until(lambda: any(isinstance(one, kind) for one in self.events))

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
        self.xds.publish(NODE, Resources.of(resources))
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
        await bench.envoy.leave()
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


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("envoy-*"))


def pids_of(folder: Path) -> list[int]:
    return [process.pid for one in living_generations(folder) if (process := one.process) is not None]


@pytest.mark.parametrize("change", [{"log_level": "error"}, {"drain_s": 3}], ids=["command line", "drain time"])
def test_another_one_takes_the_place_of_the_first_while_that_serves(folder: Path, change: dict[str, Any]):
    async def body(bench: Bench) -> None:
        await bench.publish(*bench.good())
        await bench.heard(Started)
        first = bench.envoy.pid
        second = await bench.another(**change)
        assert bench.envoy.pid == second != first
        assert pids_of(folder) == [first, second]
        assert await bench.status("http") == 200
        await bench.heard(Replaced)
        assert pids_of(folder) == [second]
        assert bench.envoy.refusal is None
        assert await bench.publish(*bench.good(r=route("http", 201))) == Settled(2)
        assert await bench.status("http") == 201
        assert living(folder / "envoy.pid.json") == living_generations(folder)[0].process
        assert await EnvoyAdmin(folder / "envoy-admin.sock").ready()
        assert files_of(folder) == ["envoy-2.pid.json", "envoy-2.sock", "envoy-admin.sock"]

    run(folder, body)


def test_a_connection_is_kept_until_the_drain_time_is_over(folder: Path):
    async def body(bench: Bench) -> None:
        await bench.publish(*bench.good())
        await bench.envoy.wait_ready(SOON_S)
        with socket.socket(socket.AF_UNIX) as kept:
            kept.connect(f"{folder}/http.sock")
            await bench.another(log_level="error")
            await bench.until(lambda: any(one.draining for one in living_generations(folder)))
            kept.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await asyncio.to_thread(kept.recv, 4096)).startswith(b"HTTP/1.1 200")
            await bench.heard(Replaced)
            assert len(pids_of(folder)) == 1

    run(folder, body)


def test_a_control_plane_that_dies_in_the_middle_is_followed_by_one_that_goes_on(folder: Path):
    async def body(bench: Bench) -> None:
        await bench.publish(*bench.good())
        await bench.envoy.wait_ready(SOON_S)
        first = bench.envoy.pid
        second = await bench.another(log_level="error")
        assert await bench.another() == second
        assert isinstance(bench.events[0], Adopted)
        assert pids_of(folder) == [first, second]
        with socket.socket(socket.AF_UNIX) as kept:
            kept.connect(f"{folder}/http.sock")
            await bench.until(lambda: any(one.draining for one in living_generations(folder)))
        third = await bench.another(log_level="warning")  # as the first, which is told to go and not taken over again
        assert third not in (first, second)
        await bench.heard(Replaced)
        assert pids_of(folder) == [third]
        assert await bench.status("http") == 200

    run(folder, body)


def test_the_one_before_goes_on_where_the_new_one_does_not_work(folder: Path):
    async def body(bench: Bench) -> None:
        await bench.publish(*bench.good())
        await bench.envoy.wait_ready(SOON_S)
        first, works = bench.envoy.pid or 0, bench.spec.render
        await bench.another(render=lambda *_: '{"nonsense": 1}')
        await bench.heard(NotReplaced)
        assert pids_of(folder) == [first] == [bench.envoy.pid]
        assert bench.envoy.refusal is not None
        assert "nonsense" in bench.envoy.refusal.reason
        assert await bench.publish(*bench.good(r=route("http", 201))) == Settled(2), "it follows changes"
        assert await bench.status("http") == 201

        bench.events.clear()
        os.kill(first, signal.SIGKILL)
        await bench.until(lambda: bench.envoy.trouble is not None)
        assert bench.envoy.refusal is None, "none is left to fall back on: what is wanted is tried again"

        assert await bench.another(render=works) != first
        await bench.envoy.wait_ready(SOON_S)
        assert bench.envoy.trouble is None

    run(folder, body)


def test_stop_ends_both(folder: Path):
    async def body(bench: Bench) -> None:
        await bench.publish(*bench.good())
        await bench.envoy.wait_ready(SOON_S)
        await bench.another(log_level="error")
        await bench.envoy.stop()
        assert pids_of(folder) == []

    run(folder, body)


CONTROL_PLANE = """
import asyncio, sys
from pathlib import Path
from seaway.drivers.xds.real import XdsServer
from seaway.protocols.xds_layers import Resources

async def serve():
    server = XdsServer()
    server.publish("node-1", Resources())
    await server.start(Path(sys.argv[1]))
    await asyncio.Event().wait()

asyncio.run(serve())
"""


def another_control_plane(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CONTROL_PLANE, str(folder / "xds.sock")])


def test_a_control_plane_that_is_stopped_is_noticed_and_found_again(folder: Path):
    async def body(bench: Bench) -> None:
        await bench.xds.stop()
        await bench.envoy.stop()
        usual = bench.spec.render
        control = another_control_plane(folder)
        try:
            await bench.another(render=lambda *names: usual(*names).replace('"5s"', '"0.2s"'))
            await bench.envoy.wait_ready(SOON_S)
            before = await connections_to_control_plane(bench)
            control.send_signal(signal.SIGSTOP)
            while await connections_to_control_plane(bench) == before:
                await asyncio.sleep(0.02)
            control.send_signal(signal.SIGCONT)
            while (await bench.envoy.admin.stats("^control_plane.connected_state$")) != {"control_plane.connected_state": 1}:
                await asyncio.sleep(0.02)
        finally:
            control.kill()
            control.wait()

    run(folder, body)


async def connections_to_control_plane(bench: Bench) -> int:
    name = "cluster.control-plane.upstream_cx_total"
    return (await bench.envoy.admin.stats(f"^{name}$"))[name]


def test_admin(folder: Path):
    async def body(bench: Bench) -> None:
        await bench.publish(*bench.good())
        admin = bench.envoy.admin
        await bench.envoy.wait_ready(SOON_S)
        assert await admin.stats("^listener_manager.total_listeners_active$") == {"listener_manager.total_listeners_active": 1}
        assert await admin.serves()
        with socket.socket(socket.AF_UNIX) as kept:
            kept.connect(f"{folder}/http.sock")
            kept.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            kept.recv(4096)
            assert await admin.connections() == 1
            await admin.stop_listening()
            await admin.ask_clients_to_go()
            await admin.ask_clients_to_go()
            assert await admin.connections() == 1
        assert await bench.status("http") == 0
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
        await bench.envoy.stop()
        await bench.another(render=lambda *_: '{"nonsense": 1}')
        await bench.heard(Exited)
        died = next(one for one in bench.events if isinstance(one, Exited))
        assert died.reason == "exited with code 1"
        assert any("nonsense" in line for line in died.log_tail)

    run(folder, body)


def test_a_folder_that_is_gone_is_named(folder: Path):
    async def body() -> None:
        bench = Bench(folder, Path("/bin/true"))
        bench.spec = replace(bench.spec, folder=folder / "gone")
        with pytest.raises(DriverError, match="cannot write"):
            await bench.supervisor().start()

    asyncio.run(body())
