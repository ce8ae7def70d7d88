"""A real Envoy, started from our bootstrap and fed our plan over ADS, in namespaces of its own, as root and in a user namespace.

Pods hang on a bridge: two gateways, two web pods, one api pod (h2c), a dead one; `outside` is a client, `host` the user's machine.
"""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seaway.drivers.envoy.binary import find_envoy
from seaway.drivers.process.namespaces import in_netns
from seaway.drivers.xds.nodes import Settled
from seaway.drivers.xds.real import XdsServer
from seaway.frontends.ingress.policies import INGRESS_POLICY
from seaway.model.names import certificate_secret
from seaway.model.route import Abort, Cors, Exact, Fault, Prefix, Redirect, Regex, Respond, Rewrite, Text, TlsHost
from seaway.model.service import Health
from seaway.model.workload import GatewayProxy
from seaway.plans.envoy.bootstrap import Sockets, render_bootstrap
from seaway.plans.envoy.plan import HostPort, plan_envoy
from seaway.protocols.xds_resource import XdsResource
from seaway.simulate.envoy import Answered, Forwarded, Request, simulate_request

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("envoy_draft", HERE.parent / "unit/plans/envoy/conftest.py")
assert _spec is not None
assert _spec.loader is not None
_draft = importlib.util.module_from_spec(_spec)
sys.modules["envoy_draft"] = _draft  # dataclasses look their module up
_spec.loader.exec_module(_draft)

ADDRESSES = {
    "ingress_gateway-0": "10.77.0.2", "ingress_gateway-1": "10.77.0.3", "web-1": "10.77.0.11", "web-2": "10.77.0.12", "api-1": "10.77.0.13",
    "dead-1": "10.77.0.14", "host": "10.77.0.50",
}  # fmt: skip
OUTSIDE = "10.77.0.1"
GATEWAYS = (ADDRESSES["ingress_gateway-0"], ADDRESSES["ingress_gateway-1"])
HTTP, HTTPS = "gateway/ingress/gateway-0/80", "gateway/ingress/gateway-0/443"

SETUP = """
set -e
mount -t tmpfs none "$0"
ip link set lo up
ip link add br0 type bridge
ip addr add 10.77.0.1/24 dev br0
ip link set br0 up
for one in "$@"; do
    name=${one%=*} file=$0/${one%=*} n=$((n+1))
    touch "$file"
    unshare --net="$file" true
    nsenter --net="$file" ip link add eth0 type veth peer name v$n netns $$
    nsenter --net="$file" sh -c "ip link set lo up; ip addr add ${one#*=}/24 dev eth0; ip link set eth0 up"
    ip link set v$n master br0 up
done
echo ready
exec cat
"""


@dataclass
class World:
    """A sandbox with an Envoy in it. Everything ends with it: processes by their standard input or by kill, namespaces with the last."""

    folder: Path
    user_namespace: bool
    plan: tuple[XdsResource, ...]
    trust: dict[str, str]
    stack: ExitStack = field(default_factory=ExitStack)
    anchor: int = 0
    envoy: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        (self.folder / "ns").mkdir()
        flags = ["--user", "--map-root-user"] if self.user_namespace else []
        pods = [f"{name}={address}" for name, address in ADDRESSES.items()]
        self.anchor = self._spawn(["unshare", *flags, "--mount", "--net", "sh", "-c", SETUP, str(self.folder / "ns"), *pods], "ready")
        backends = [name for name in ADDRESSES if name.startswith(("web", "api"))]
        self._spawn([*self.enter(), sys.executable, str(HERE / "envoy_backends.py"), str(self.folder / "ns"), *backends], "listening")
        self._start_envoy()

    def enter(self) -> list[str]:
        flags = ["--user", "--preserve-credentials"] if self.user_namespace else []
        return ["nsenter", f"--target={self.anchor}", *flags, "--mount", "--net", "--"]

    def _spawn(self, argv: list[str], want: str) -> int:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.stack.callback(_end, process)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == want
        return process.pid

    def _start_envoy(self) -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        self.stack.callback(thread.join)
        self.stack.callback(loop.call_soon_threadsafe, loop.stop)

        def run(work: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result(30)

        async def publish() -> None:
            server.publish("node-1", self.plan)

        server = XdsServer()
        xds, admin = self.folder / "xds.sock", self.folder / "admin.sock"
        run(server.start(xds))
        self.stack.callback(lambda: run(server.stop()))
        run(publish())
        sockets = Sockets(str(xds), str(self.folder / "sds.sock"), str(self.folder / "flows.sock"), str(admin))
        bootstrap = self.folder / "bootstrap.json"
        bootstrap.write_text(render_bootstrap("node-1", sockets, 2))
        argv = [str(find_envoy()), "-c", str(bootstrap), "--disable-hot-restart", "--concurrency", "2", "-l", "warn"]
        with (self.folder / "envoy.log").open("wb") as log:
            self.envoy = subprocess.Popen([*self.enter(), *argv], stdout=log, stderr=log)
        self.stack.callback(_end, self.envoy)
        assert isinstance(run(server.wait_settled("node-1", 20)), Settled)
        for port, gateway in product((80, 443), GATEWAYS):
            _patiently(lambda port=port, gateway=gateway: self.connect(port, gateway).close())

    def connect(self, port: int, at: str = GATEWAYS[0], netns: str = "") -> socket.socket:
        """A connection from outside, or from one of the namespaces."""
        path = f"/proc/{self.anchor}/root{self.folder}/ns/{netns}" if netns else f"/proc/{self.anchor}/ns/net"
        with in_netns(path):
            return socket.create_connection((at, port), timeout=10)

    def tls(self, sni: str | None, at: str = GATEWAYS[0], alpn: str = "http/1.1") -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([alpn])
        return context.wrap_socket(self.connect(443, at), server_hostname=sni)

    def curl(self, *arguments: str) -> str:
        argv = [*self.enter(), "curl", "-sS", "-k", "--max-time", "10", *arguments]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout


def _end(process: subprocess.Popen[Any]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _patiently(attempt: Callable[[], object], limit_s: float = 10) -> None:
    until = time.monotonic() + limit_s
    while True:
        try:
            attempt()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


def ask(sock: socket.socket, host: str, path: str = "/", headers: tuple[tuple[str, str], ...] = (), keep: bool = False) -> Reply:
    """One GET, the path as it is; the socket is closed unless it is to be kept."""
    connection = http.client.HTTPConnection(host)
    connection.sock = sock
    connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
    for name, value in (("Host", host), *headers):
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    reply = Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    if not keep:
        connection.close()
    return reply


def draft_of_the_shop() -> tuple[Any, dict[str, str]]:
    """The model's draft, and the certificates' PEM by name."""
    default, shop, wild = (
        _draft.make_certificate(*names) for names in (("default",), ("shop-tls", "shop.test"), ("wild-tls", "*.wild.test"))
    )
    draft = _draft.Draft(default)
    pods = {name: draft.pod(f"shop/{name}", ADDRESSES[name]) for name in ("web-1", "web-2", "api-1", "dead-1")}
    fronts = [draft.pod(f"ingress/gateway-{n}", GATEWAYS[n], GatewayProxy(draft.GATEWAY)) for n in (0, 1)]
    # Nothing forwards a real load balancer address here: gateway 1's own stands for one.
    draft.service("ingress/gateway", *fronts, ports=(("http", 80, 80, ""), ("https", 443, 443, "")), ip=GATEWAYS[1])
    web = draft.service("shop/web", pods["web-1"], pods["web-2"])
    api = draft.service("shop/api", pods["api-1"], ports=(("grpc", 80, 8081, ""),))
    flaky = draft.service("shop/flaky", pods["web-1"], pods["dead-1"])
    gone = draft.service("shop/gone", pods["dead-1"], ports=(("http", 80, 0, ""),))
    draft.host("web.test", draft.to("/", web))
    draft.host("api.test", draft.to("/", api))
    draft.host("flaky.test", draft.to("/", flaky))
    draft.host("gone.test", draft.to("/", gone))
    draft.host(
        "shop.test",
        draft.route(Exact("/exact"), Respond(404, "exact"), https=True),
        draft.route(Prefix("/tls"), Respond(404, "tls"), https=True),
        draft.to(Regex(r"(?i)^/rx(/|$)(.*).*", 12), web, Rewrite(r"(?i)^/rx(/|$)(.*).*", r"/\2")),
        draft.to(Regex(r"(?i)^/none(.*)", 7), web, Rewrite(r"(?i)^/none(.*)", r"/\3")),
        draft.route(Prefix("/to"), Redirect("https://elsewhere.test/100%?a=b", 301)),
        draft.route(Prefix("/app"), Redirect("/there", 302)),
        draft.route(Prefix("/self"), Redirect("", 307)),
        draft.route(Prefix("/move"), Redirect("http://moved.test:8080/%REQ(host)%", 303)),
        draft.route(Regex(r"(?i)^/re(/|$)(.*).*", 12), Redirect("https://moved.test", 302, Rewrite(r"(?i)^/re(/|$)(.*).*", r"/to/\2"))),
        draft.route(Prefix("/up"), Redirect("https://moved.test:443", 308)),
        draft.route(Prefix("/a?b"), Respond(404, "never")),
        draft.route(Prefix("/a/b"), Respond(403, "deep")),
        draft.to("/a", web),
    )
    draft.host("*.wild.test", draft.route("/a", Respond(403, "wild")), draft.route("/tls", Respond(403, "wild tls"), https=True))
    draft.host("b.wild.test", draft.route("/", Respond(403, "b")))
    draft.host("*", draft.route("/any", Respond(410, "any")), draft.route("/tls", Respond(410, "any tls"), https=True))
    cors, fault = replace(INGRESS_POLICY, cors=Cors((Text("exact", "https://shop.test"),))), Fault(None, Abort(418, None, 100))
    draft.host(
        "asking.test",
        replace(draft.to("/cors", web), policy=cors),
        replace(draft.to("/fault", web), policy=replace(INGRESS_POLICY, fault=fault)),
        draft.to("/", web),
    )
    draft.tls = [
        TlsHost("shop.test", shop, shop.origin),
        TlsHost("*.wild.test", wild, wild.origin),
        TlsHost("b.wild.test", None, wild.origin),
    ]
    return draft, {certificate_secret(one.id): one.chain for one in (default, shop, wild)}


@pytest.fixture(scope="module", params=["root", "user-namespace"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if not Path("/proc/self/ns/net").exists() or Path("/proc/self").stat().st_uid != 0:
        pytest.skip("joins namespaces from the test process, which takes root")
    folder = Path(tempfile.mkdtemp(prefix="seaway-"))
    draft, trust = draft_of_the_shop()
    model = draft.model()
    ways = (HostPort(8080, False, draft.GATEWAY, "host", None), HostPort(8081, False, draft.GATEWAY, None, str(folder / "way.sock")))
    ready = Health(frozenset(pod.id for pod in model.pods))
    plan = plan_envoy(model, ready, draft.view(netns_folder=str(folder / "ns"), host_ports=ways))
    made = World(folder, request.param == "user-namespace", plan, trust)
    try:
        made.start()
        yield made
    except BaseException:
        print((folder / "envoy.log").read_text() if (folder / "envoy.log").exists() else "no log")
        raise
    finally:
        made.stack.close()
        shutil.rmtree(folder, ignore_errors=True)


def test_the_backend_sees_the_gateway_pods_own_address(world: World) -> None:
    for _ in range(4):  # kept upstream connections of one gateway pod are never the other's
        for gateway in GATEWAYS:
            assert ask(world.connect(80, gateway), "web.test").json["peer"] == gateway


def test_requests_spread_over_the_endpoints(world: World) -> None:
    assert {ask(world.connect(80), "web.test").json["pod"] for _ in range(12)} == {"web-1", "web-2"}


def test_what_the_backend_is_told(world: World) -> None:
    claims = (
        ("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "https"), ("X-Real-IP", "6.6.6.6"),
        ("X-Original-Forwarded-Host", "forged.test"), ("X-Scheme", "ftp"), ("X-Forwarded-Scheme", "ftp"), ("X-Forwarded-Port", "1"), ("X-Envoy-Upstream-Rq-Timeout-Ms", "1"), ("X-Envoy-Original-Path", "/admin"),
        ("x_user", "admin"), ("Proxy", "http://evil.test"), ("X-Request-ID", "mine"), ("Host-Header", "kept"),
    )  # fmt: skip
    reply = ask(world.connect(80), "Web.test:8080", "/a?b=c", claims)
    got = reply.json["headers"]
    assert reply.json["path"] == "/a?b=c"
    assert reply.headers["server"] == "backend"
    assert {name: got.get(name) for name in got if name.startswith("x-") or name in ("host", "proxy", "x_user", "host-header")} == {
        "host": "Web.test:8080",
        "host-header": "kept",
        "x-forwarded-for": OUTSIDE,
        "x-forwarded-host": "Web.test:8080",
        "x-forwarded-port": "80",
        "x-forwarded-proto": "http",
        "x-forwarded-scheme": "http",
        "x-original-forwarded-for": "6.6.6.6",
        "x-original-forwarded-host": "evil.test",
        "x-real-ip": OUTSIDE,
        "x-request-id": "mine",
        "x-scheme": "http",
    }


def test_a_route_has_the_filters_that_it_asks_for(world: World) -> None:
    """Others have none: not even an idle one."""
    origin = (("Origin", "https://shop.test"),)
    assert ask(world.connect(80), "asking.test", "/cors", origin).headers["access-control-allow-origin"] == "https://shop.test"
    assert "access-control-allow-origin" not in ask(world.connect(80), "asking.test", "/", origin).headers
    assert ask(world.connect(80), "asking.test", "/fault").status == 418
    assert ask(world.connect(80), "asking.test", "/").status == 200


def test_what_the_backend_is_told_over_tls(world: World) -> None:
    claims = (("X-Envoy-Upstream-Rq-Timeout-Ms", "1"), ("X-Envoy-Internal", "true"), ("X-Envoy-Retry-On", "5xx"), ("X-Request-ID", ""))
    got = ask(world.tls("web.test"), "web.test", "/", claims).json["headers"]
    assert {got[name] for name in ("x-forwarded-proto", "x-forwarded-scheme", "x-scheme")} == {"https"}
    assert got["x-forwarded-port"] == "443"
    assert len(got["x-request-id"]) >= 32
    assert not [name for name in got if name.startswith(("x-envoy", "x-original"))]


@pytest.mark.parametrize(
    ("flags", "url", "version"),
    [
        (["--http1.0"], "http://{}/", "1"),
        (["--http1.1"], "http://{}/", "1.1"),
        (["--http2-prior-knowledge"], "http://{}/", "2"),
        (["--http2"], "http://{}/", "1.1"),
        (["--http2"], "https://{}/", "2"),
        (["--http1.1"], "https://{}/", "1.1"),
    ],
    ids=["1.0", "1.1", "h2c", "upgrade-to-h2c-is-left", "h2-alpn", "1.1-alpn"],
)
@pytest.mark.parametrize("host", ["web.test", "api.test"])
def test_protocols(world: World, flags: list[str], url: str, version: str, host: str) -> None:
    resolve = [word for port in (80, 443) for word in ("--resolve", f"{host}:{port}:{GATEWAYS[0]}")]
    out = world.curl(*flags, *resolve, "-w", "\n%{http_version} %{http_code}", url.format(host))
    body, line = out.rsplit("\n", 1)
    assert line == f"{version} 200"
    if host == "api.test":
        assert json.loads(body)["proto"] == "HTTP/2.0"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_websockets_pass(world: World, tls: bool) -> None:
    sock = world.tls("web.test") if tls else world.connect(80)
    with sock:
        sock.sendall(
            b"GET /ws HTTP/1.1\r\nHost: web.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        reader = sock.makefile("rb")
        assert reader.readline().split()[1] == b"101"
        while reader.readline() != b"\r\n":
            pass
        sock.sendall(b"\x81\x82\0\0\0\0hi")
        assert reader.read(10)[2:] in (b"web-1 hi", b"web-2 hi")


@pytest.mark.parametrize("sni", ["shop.test", "SHOP.test", "x.wild.test", "b.wild.test", "other.test", None], ids=str)
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_certificate_by_server_name(world: World, gateway: str, sni: str | None) -> None:
    with world.tls(sni, gateway) as sock:
        der = sock.getpeercert(binary_form=True)
    want = simulate_request(world.plan, HTTPS, Request("shop.test", sni=sni or "")).certificate
    assert der is not None
    assert ssl.DER_cert_to_PEM_cert(der).split() == world.trust[want].split()


def test_certificates_are_the_right_ones(world: World) -> None:
    names = {
        sni: simulate_request(world.plan, HTTPS, Request("", sni=sni)).certificate
        for sni in ("shop.test", "x.wild.test", "b.wild.test", "")
    }
    assert list(names.values()) == [certificate_secret(one) for one in ("shop-tls", "wild-tls", "default", "default")]


def test_a_reused_connection_serves_other_hosts(world: World) -> None:
    sock = world.tls("shop.test")
    assert ask(sock, "shop.test", "/a/b", keep=True).body == b"deep\n"
    assert ask(sock, "web.test").status == 200


def test_a_dead_endpoint_is_not_seen(world: World) -> None:
    assert {ask(world.connect(80), "flaky.test").status for _ in range(10)} == {200}


def test_no_endpoint_is_refused_at_once(world: World) -> None:
    assert ask(world.connect(80), "gone.test").status == 503


def test_host_port_enters_by_the_load_balancer_address_from_the_hosts_network(world: World) -> None:
    with pytest.raises(ConnectionRefusedError):
        world.connect(8080, "127.0.0.1")
    got = ask(world.connect(8080, "127.0.0.1", netns="host"), "web.test").json
    assert got["peer"] == GATEWAYS[1]
    assert got["headers"]["x-real-ip"] == ADDRESSES["host"]


def test_pipe_enters_from_envoys_own_network(world: World) -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(world.folder / "way.sock"))
    got = ask(sock, "web.test").json
    assert got["peer"] == GATEWAYS[1]
    assert got["headers"]["x-real-ip"] == OUTSIDE


TABLE = [
    ("shop.test", "/exact"), ("shop.test", "/exact/"), ("shop.test", "/EXACT"), ("shop.test", "/tls"), ("shop.test", "/tls/"),
    ("shop.test:8080", "/tls/a/?b=/"), ("shop.test", "/tls?a=/"), ("SHOP.test.", "/tls/.."), ("shop.test", "/rx"), ("shop.test", "/RX/a/b?c=d"),
    ("shop.test", "/rx//a"), ("shop.test", "/rxa"), ("shop.test", "/none/a"), ("shop.test", "/to/x?y"), ("shop.test:81", "/app/x?y"),
    ("shop.test:81", "/self/x?y"), ("shop.test:80", "/self"),
    ("shop.test:81", "/move/a?b=%2f"), ("shop.test", "/RE/a//b?c=d"), ("shop.test", "/re"), ("shop.test:80", "/up/a/?b"), ("shop.test", "/a"), ("shop.test", "/a/b"), ("shop.test", "/a/bc"), ("shop.test", "/a//b/"),
    ("shop.test", "/a/%2e%2e/a/b"), ("shop.test", "/a%2Fb"), ("shop.test", "/ab"), ("shop.test", "/"), ("a.wild.test", "/a"),
    ("a.wild.test", "/any"), ("A.Wild.test:80", "/a/x"), ("a.b.wild.test", "/a"), ("a.b.wild.test", "/any"), ("b.wild.test", "/any"),
    ("wild.test", "/any"), ("wild.test", "/a"), ("a.wild.test", "/tls/x"), ("a.wild.test:80", "/tls"), ("a.wild.test:8080", "/tls/"),
    ("10.77.0.2:80", "/tls"), ("unknown.test", "/any/thing"), ("unknown.test", "/x"), (".wild.test", "/a"),
]  # fmt: skip


def assert_the_simulation_agrees(world: World, host: str, path: str, tls: bool) -> None:
    reply = ask(world.tls("shop.test") if tls else world.connect(80), host, path)
    match simulate_request(world.plan, HTTPS if tls else HTTP, Request(host, path, "shop.test" if tls else "")).outcome:
        case Forwarded(cluster, forwarded):
            assert (reply.status, reply.json["path"]) == (200, forwarded)
            assert cluster == "outbound|80||web.shop.svc.cluster.local|ingress"
        case Answered(status, location, body):
            assert (reply.status, reply.headers.get("location", ""), reply.body.decode()) == (status, location, body)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(("host", "path"), TABLE)
def test_the_simulation_agrees(world: World, host: str, path: str, tls: bool) -> None:
    assert_the_simulation_agrees(world, host, path, tls)


hosts = st.builds(
    lambda labels, host, port: ".".join([*labels, host]) + port,
    st.lists(st.sampled_from(["a", "b", "A"]), max_size=2),
    st.sampled_from(["shop.test", "wild.test", "web.test", "Wild.TEST", "other"]),
    st.sampled_from(["", ":80", ":8443"]),
)
segments = st.sampled_from(
    ["a", "b", "tls", "rx", "any", "exact", "", ".", "..", "%2e", "%2F", "%61", "a;x", "..;y", "\\", "{", "to", "none"]
)
paths = st.builds(
    lambda parts, query: "/" + "/".join(parts) + query, st.lists(segments, max_size=4), st.sampled_from(["", "?", "?a=/", "?a//b/.."])
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(host=hosts, path=paths, tls=st.booleans())
def test_the_simulation_agrees_on_anything(world: World, host: str, path: str, tls: bool) -> None:
    assert_the_simulation_agrees(world, host, path, tls)


def test_envoy_had_nothing_to_complain_about(world: World) -> None:
    assert (world.folder / "envoy.log").read_text() == ""


def test_every_simulated_answer_cites_its_line(world: World) -> None:
    answer = simulate_request(world.plan, HTTP, Request("shop.test", "/a/b"))
    assert answer.origin == answer.route
    assert dict(answer.cited)["kind"] == "Ingress"
