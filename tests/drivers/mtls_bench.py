"""Two nodes with an Envoy and an agent each, three pods in namespaces of their own, and a control plane that signs: mutual TLS for real.

Pods a and c live on node-1, b on node-2. What a or c sends to its own 127.0.0.1, port HTTP_OUT (for b) or HTTP_OUT + 10 (for c), goes there
over mutual TLS, each request over a connection of its own; so does what it sends to port TCP_OUT or TCP_OUT + 10, over one connection for
all. The application answers with the identities that its Envoy saw.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from conftest import LoopThread, Namespaces

from seaway.app.agents import agent_argv
from seaway.app.certificates import Certificates, CertificateSettings
from seaway.drivers.agent.link import AgentLink
from seaway.drivers.agent.messages import Report
from seaway.drivers.agent.orders import write_orders
from seaway.drivers.envoy.binary import find_envoy
from seaway.drivers.process.namespaces import in_netns
from seaway.drivers.xds.nodes import Settled
from seaway.drivers.xds.real import XdsServer
from seaway.model.authority import Authority, MadeAuthority
from seaway.model.names import spiffe_id
from seaway.plans.envoy.bootstrap import Sockets, render_bootstrap
from seaway.plans.envoy.clusters.binding import callers_own_network
from seaway.plans.envoy.leaving import leave_from
from seaway.plans.envoy.mesh.tls import call_as, mesh_client_context, mesh_server_context
from seaway.plans.envoy.proto import (
    Cluster,
    Fields,
    HttpConnectionManager,
    HttpProtocolOptions,
    Listener,
    Router,
    TcpProxy,
    extension,
    pack,
    seconds,
    wrapped,
)
from seaway.plans.envoy.resource import build_resource
from seaway.plans.node.plan import NodeOrders
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import CLUSTER, LISTENER, XdsResource

PODS = {"a": ("node-1", "10.0.0.1"), "c": ("node-1", "10.0.0.3"), "b": ("node-2", "10.0.0.2")}
NODES = ("node-1", "node-2")
DOMAIN = "cluster.local"
HTTP_OUT, TCP_OUT, HTTP_IN, TCP_IN, APP, ECHO = 15001, 15002, 15006, 15007, 8080, 8081
OFFSET = {"b": 0, "c": 10}
PATIENCE_S = 20.0


def identity(pod: str) -> str:
    return spiffe_id(DOMAIN, "shop", pod)


def until(condition: Any, what: str, patience_s: float = PATIENCE_S) -> Any:
    deadline = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s} s for {what}"
        time.sleep(0.02)
    return value


class ControlPlane:
    """What `seaway up` has of identity: links to all agents, and what signs."""

    def __init__(self, folder: Path, settings: CertificateSettings, loop: LoopThread) -> None:
        self.said: list[str] = []
        self._loop = loop
        self.links = {node: AgentLink(folder / node / "agent.sock", partial(self._hear, node)) for node in NODES}
        self.certificates = Certificates(settings, self.links, self.said.append)
        for node in NODES:
            self.certificates.allow(node, identities_of(node))
        self._task: asyncio.Task[None] | None = None

    def _hear(self, node: str, report: Report) -> None:
        self.certificates.hear(node, report)

    def start(self, wish: Authority) -> ControlPlane:
        async def begin() -> None:
            self.certificates.follow(wish)
            self._task = asyncio.create_task(self.certificates.run())
            for link in self.links.values():
                await link.open()

        self._loop.run(begin())
        return self

    def end(self) -> None:
        """As if it were killed: nothing is said to anybody."""

        async def stop() -> None:
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            for link in self.links.values():
                await link.close()

        self._loop.run(stop())

    def serials(self) -> dict[str, str]:
        return self._loop.call(lambda: {one.identity: one.serial for held in self.certificates.held.values() for one in held.values()})

    def issuers(self) -> set[str]:
        return {root for node in NODES for root in self.issuers_on(node)}

    def issuers_on(self, node: str) -> set[str]:
        """The roots of the certificates that the node serves."""
        return self._loop.call(lambda: {one.root for one in self.certificates.held.get(node, {}).values()})

    def roots(self) -> list[str]:
        return self._loop.call(lambda: [root.id for root in self.certificates.trust.bundle.roots])

    def signer(self) -> str:
        return self._loop.call(lambda: self.certificates.trust.signer)

    def rotate(self) -> str:
        return self._loop.call(self.certificates.rotate)

    def lacking(self) -> tuple[str, ...]:
        return self._loop.call(lambda: self.certificates.lacking)


def identities_of(node: str) -> tuple[str, ...]:
    return tuple(sorted(identity(pod) for pod, (home, _) in PODS.items() if home == node))


@dataclass
class Load:
    """What came of requests that went on and on, from both callers in turn; `lost` says why, how often."""

    answers: int = 0
    lost: Counter[str] = field(default_factory=Counter)


class Bench:
    """`leaf_s` is how long certificates live, `patience_s` how long a node that is away delays a root."""

    def __init__(self, namespaces: Namespaces, folder: Path, beside: LoopThread, leaf_s: float = 86_400, patience_s: float = 30) -> None:
        self.namespaces, self.folder, self.loop = namespaces, folder, beside
        self.settings = CertificateSettings(folder / "trust-bundle.pem", leaf_s, patience_s)
        self.agents: dict[str, subprocess.Popen[bytes]] = {}
        self.envoys: dict[str, subprocess.Popen[bytes]] = {}
        self.xds = XdsServer()
        self.wish: Authority = MadeAuthority()
        self._servers: list[asyncio.Server] = []
        self.control: ControlPlane | None = None

    def start(self) -> Bench:
        self._wire()
        self.loop.run(self._applications())
        for node in NODES:
            (self.folder / node).mkdir()
            self.start_agent(node)
        self.start_control()
        self.loop.run(self.xds.start(self.folder / "xds.sock"))
        for node in NODES:
            self.loop.call(partial(self.xds.publish, node, Resources.of(resources_of(node, self.namespaces.folder))))
            self.start_envoy(node)
            assert isinstance(self.loop.run(self.xds.wait_settled(node, PATIENCE_S)), Settled)
        for caller, to in (("a", "b"), ("c", "b"), ("a", "c"), ("c", "c")):
            until(partial(self.reaches, caller, to), f"the first answer of {to} to {caller}: {self.logs()}")
        return self

    def start_control(self) -> ControlPlane:
        self.control = ControlPlane(self.folder, self.settings, self.loop).start(self.wish)
        return self.control

    def start_agent(self, node: str) -> None:
        write_orders(self.folder / node / "orders.json", NodeOrders(node, (), identities_of(node)))
        with open(self.folder / f"agent-{node}.log", "ab") as log:
            self.agents[node] = subprocess.Popen(
                agent_argv(node, self.folder / node, self.namespaces.folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def start_envoy(self, node: str) -> None:
        sds, admin = self.folder / node / "sds.sock", self.folder / node / "envoy-admin.sock"
        bootstrap = self.folder / node / "envoy.json"
        sockets = Sockets(str(self.folder / "xds.sock"), str(sds), str(self.folder / "flows.sock"), str(admin))
        bootstrap.write_text(render_bootstrap(node, sockets, 2))
        argv = [str(find_envoy()), "-c", str(bootstrap), "--disable-hot-restart", "--concurrency", "2", "-l", "warn"]
        with open(self.folder / f"envoy-{node}.log", "ab") as log:
            self.envoys[node] = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill_agent(self, node: str) -> None:
        self.agents[node].kill()
        self.agents[node].wait()

    def logs(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        for process in (*self.envoys.values(), *self.agents.values()):
            process.kill()
            process.wait()
        if self.control is not None:
            self.control.end()
        self.loop.run(self.xds.stop())
        for server in self._servers:
            self.loop.call(server.close)

    def renewed(self, before: dict[str, str], pods: str) -> bool:
        """Whether all of these pods have certificates, and others than before."""
        assert self.control is not None
        now = self.control.serials()
        return all(now.get(one, before[one]) != before[one] for one in map(identity, pods))

    def keys_on_disk(self) -> list[str]:
        """Files below the folder of everything that hold a private key."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink()]
        assert len(files) > 4
        return [str(path) for path in files if b"PRIVATE KEY" in path.read_bytes()]

    def request(self, caller: str, to: str = "b", patience_s: float = 5.0) -> dict[str, str]:
        """What the application was told: `peer` is who called, `own` whom the caller reached."""
        with self.connect(caller, HTTP_OUT + OFFSET[to]) as client:
            client.settimeout(patience_s)
            client.sendall(b"GET / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
            data = b""
            while piece := client.recv(65536):
                data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), data.decode()
        return json.loads(body)

    def connect(self, pod: str, port: int) -> socket.socket:
        with in_netns(self.namespaces.folder / pod):
            client = socket.socket()
        client.settimeout(5)
        client.connect(("127.0.0.1", port))
        return client

    def reaches(self, caller: str, to: str = "b") -> bool:
        with suppress(OSError, AssertionError):
            return bool(self.request(caller, to))
        return False

    def _wire(self) -> None:
        hub = self.namespaces.make("hub")
        script = "ip link add br0 type bridge; ip link set br0 up"
        for number, (pod, (_, address)) in enumerate(PODS.items()):
            holder = self.namespaces.make(pod).readlink().parts[2]
            inside = f"nsenter --net=/proc/{holder}/ns/net"
            script += (
                f"; ip link add v{number} type veth peer name eth0 netns {holder}; ip link set v{number} master br0; ip link set v{number} up"
                f"; {inside} ip addr add {address}/24 dev eth0; {inside} ip link set eth0 up"
            )
        subprocess.run(["nsenter", f"--net={hub}", "sh", "-ec", script], check=True)
        for node in NODES:
            self.namespaces.make(f"node_{node}")

    async def _applications(self) -> None:
        for pod in OFFSET:
            with in_netns(self.namespaces.folder / pod):
                sockets = [socket.create_server(("127.0.0.1", port)) for port in (APP, ECHO)]
            self._servers += [await asyncio.start_server(answer, sock=sock) for answer, sock in zip((_answer, _echo), sockets, strict=True)]


class UnderLoad:
    """Requests of a and c in turn, and a long TCP stream, from here to the end of the block; `load` and `stream_lost` say what became."""

    def __init__(self, bench: Bench, to: str = "b") -> None:
        self._bench, self._to, self._over = bench, to, threading.Event()
        self.load = Load()
        self.echoes, self.stream_lost = 0, ""
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._request, self._stream)]

    def __enter__(self) -> UnderLoad:
        for thread in self._threads:
            thread.start()
        until(lambda: (self.load.answers > 5 and self.echoes > 2) or self.stream_lost, f"load: {self._bench.logs()}")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _request(self) -> None:
        while not self._over.is_set():
            for caller in "ac":
                try:
                    answer = self._bench.request(caller, self._to)
                    self.load.answers += 1
                    if (answer["peer"], answer["own"]) != (identity(caller), identity(self._to)):
                        self.load.lost[f"{caller}: {answer}"] += 1
                except (OSError, AssertionError) as failure:
                    self.load.lost[f"{caller}: {failure!r}"] += 1

    def _stream(self) -> None:
        try:
            with self._bench.connect("a", TCP_OUT + OFFSET[self._to]) as client:
                while not self._over.is_set():
                    client.sendall(b"still there?\n")
                    assert client.recv(100) == b"still there?\n"
                    self.echoes += 1
                    time.sleep(0.02)
        except (OSError, AssertionError) as failure:
            self.stream_lost = repr(failure)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, OSError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            header = next((line for line in head.splitlines() if line.lower().startswith("x-forwarded-client-cert:")), "")
            parts = dict(part.split("=", 1) for part in header.partition(": ")[2].split(";") if "=" in part)
            body = json.dumps({"peer": parts.get("URI", ""), "own": parts.get("By", "")}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    writer.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


def resources_of(node: str, netns_folder: Path) -> tuple[XdsResource, ...]:
    made = [*_clusters()]
    for pod, (home, _) in PODS.items():
        if home == node:
            made += _listeners(pod, str(netns_folder / pod))
    return tuple(made)


def _clusters() -> list[XdsResource]:
    one_each = {"common_http_protocol_options": {"max_requests_per_connection": wrapped(1)}}
    http2 = HttpProtocolOptions(explicit_http_config={"http2_protocol_options": {}}, **one_each)
    made = [_cluster("app", "127.0.0.1", APP), _cluster("echo", "127.0.0.1", ECHO)]
    for pod in OFFSET:
        _, address = PODS[pod]
        mesh = mesh_client_context((identity(pod),), f"outbound_.80_._.{pod}", ("h2",))
        made.append(_cluster(pod, address, HTTP_IN, transport_socket=mesh, **_options(http2)))
        made.append(_cluster(f"{pod}-tcp", address, TCP_IN, transport_socket=mesh))
    return made


def _options(options: Any) -> dict[str, Any]:
    return {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(options)}}


def _cluster(name: str, address: str, port: int, **more: Any) -> XdsResource:
    endpoint = {"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}}
    message = Cluster(
        name=name,
        type="STATIC",
        connect_timeout=seconds(2),
        load_assignment={"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        upstream_bind_config=callers_own_network(),
        **more,
    )
    return build_resource(CLUSTER, name, message, ())


def _listeners(pod: str, netns: str) -> list[XdsResource]:
    caller = [leave_from(netns), call_as(identity(pod))]
    server = mesh_server_context(identity(pod), True, ("h2",), (DOMAIN,))
    out = [
        _listener(f"{pod}-{name}", "127.0.0.1", port + offset, netns, {"filters": [*caller, last]})
        for to, offset in OFFSET.items()
        for name, port, last in ((to, HTTP_OUT, _http(to)), (f"{to}-tcp", TCP_OUT, _tcp(f"{to}-tcp")))
    ]
    return [
        *out,
        _listener(f"{pod}-in", "0.0.0.0", HTTP_IN, netns, {"filters": [leave_from(netns), _http("app")], "transport_socket": server}),
        _listener(f"{pod}-in-tcp", "0.0.0.0", TCP_IN, netns, {"filters": [leave_from(netns), _tcp("echo")], "transport_socket": server}),
    ]


def _listener(name: str, address: str, port: int, netns: str, chain: Fields) -> XdsResource:
    where = {"address": address, "port_value": port, "network_namespace_filepath": netns}
    return build_resource(LISTENER, name, Listener(name=name, address={"socket_address": where}, filter_chains=[chain]), ())


def _http(cluster: str) -> Fields:
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster}}
    manager = HttpConnectionManager(
        stat_prefix=cluster,
        codec_type="AUTO",
        route_config={"name": cluster, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        http_filters=[extension("envoy.filters.http.router", Router())],
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
    )
    return extension("envoy.filters.network.http_connection_manager", manager)


def _tcp(cluster: str) -> Fields:
    return extension("envoy.filters.network.tcp_proxy", TcpProxy(stat_prefix=cluster, cluster=cluster))
