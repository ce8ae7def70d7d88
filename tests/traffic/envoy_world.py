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

from seaway.drivers.envoy.binary import find_envoy
from seaway.drivers.process.namespaces import in_netns
from seaway.drivers.xds.nodes import Settled
from seaway.drivers.xds.real import XdsServer
from seaway.frontends.ingress.policies import INGRESS_POLICY
from seaway.model.names import certificate_secret
from seaway.model.route import (
    ANY_REQUEST,
    Abort,
    Action,
    ClaimMatch,
    Conditions,
    Cors,
    Delay,
    Destination,
    Exact,
    Fault,
    Forward,
    HeaderMatch,
    HeaderOps,
    Mirror,
    PathMatch,
    Prefix,
    QueryMatch,
    Redirect,
    Regex,
    Respond,
    Rewrite,
    RewritePrefix,
    Route,
    RoutePolicy,
    Text,
    TextPrefix,
    TlsHost,
)
from seaway.model.service import Health
from seaway.model.upstream import NOWHERE, UpstreamId
from seaway.model.workload import GatewayProxy
from seaway.plans.envoy.bootstrap import Sockets, render_bootstrap
from seaway.plans.envoy.host_ports import HostPort
from seaway.protocols.xds_layers import Resources

SORTS = ("root", pytest.param("user-namespace", marks=pytest.mark.slow))
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
    plan: Resources
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


def ask(
    sock: socket.socket, host: str, path: str = "/", headers: tuple[tuple[str, str], ...] = (), keep: bool = False, method: str = "GET"
) -> Reply:
    """One request, the path as it is; the socket is closed unless it is to be kept."""
    connection = http.client.HTTPConnection(host)
    connection.sock = sock
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in (("Host", host), *headers):
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    reply = Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    if not keep:
        connection.close()
    return reply


def rich_routes(draft: Any, web: Any, api: Any) -> list[Route]:
    """What VirtualServices can ask for, each on a path of its own."""
    (to_web,), (to_api,) = (draft.to("/", one).action.destinations for one in (web, api))
    ops = HeaderOps(("x-gone",), (("x-set", "%REQ(:method)%"),), (("x-add", "100%%"),))

    def route(path: PathMatch, action: Action | None = None, conditions: Conditions = ANY_REQUEST, **policy: Any) -> Route:
        made = draft.route(path, action or Forward((to_web,), None))
        return replace(made, conditions=conditions, policy=RoutePolicy(**policy))

    def header(name: str, text: Text, invert: bool = False) -> Conditions:
        return Conditions(headers=(HeaderMatch(name, text, invert, invert),))

    texts = (Text("exact", "One"), Text("prefix", "t", True), Text("suffix", "x"), Text("contains", "_"), Text("regex", "[0-9]+"))
    here = TextPrefix("/match")
    return [
        *(route(here, Respond(210 + index), header("x-a", text)) for index, text in enumerate(texts)),
        route(here, Respond(220), header("x-b", Text("present"))),
        route(here, Respond(221), header("x-c", Text("exact", "c"), invert=True)),
        route(here, Respond(222), header(":method", Text("regex", "POST|PUT"))),
        route(here, Respond(223), Conditions(query=(QueryMatch("v", Text("exact", "2")), QueryMatch("debug", Text("present"))))),
        route(Exact("/Case"), Respond(224), Conditions(ignore_path_case=True)),
        route(TextPrefix("/claim"), Respond(225), Conditions(claims=(ClaimMatch(("a",), Text("present")),))),
        route(TextPrefix("/claim"), Respond(226), Conditions(claims=(ClaimMatch(("a",), Text("present"), invert=True),))),
        route(TextPrefix("/api"), Forward((to_web,), RewritePrefix("/"), "other.test")),
        route(Exact("/whole"), Forward((to_web,), RewritePrefix("/new/"))),
        route(Regex("/r[0-9]+", 8), Forward((to_web,), RewritePrefix("/number"))),
        route(TextPrefix("/old"), Redirect(301, rewrite=RewritePrefix("/new"))),
        route(TextPrefix("/bytes"), Respond(200, body=b"a\nb" * 2000)),
        route(TextPrefix("/abort"), fault=Fault(None, Abort(555, None, 100))),
        route(TextPrefix("/grpc"), fault=Fault(None, Abort(200, 14, 100))),
        route(TextPrefix("/never"), fault=Fault(Delay(30, 0), Abort(500, None, 0))),
        route(TextPrefix("/headers"), request=ops, response=ops),
        route(
            TextPrefix("/split"), Forward((replace(to_web, weight=3, request=ops), replace(to_api, weight=1, authority="api.test")), None)
        ),
        route(TextPrefix("/cors"), cors=Cors((Text("exact", "https://a.test"),), ("GET", "PUT"), ("x-a",), (), 60, True)),
        route(TextPrefix("/mirror"), mirrors=(Mirror(to_api.to),)),
        route(TextPrefix("/slow"), timeout_s=0.3),
        route(TextPrefix("/nowhere"), Forward((Destination(UpstreamId("gone.shop", 80, "", NOWHERE)),), None)),
    ]


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
        draft.route(Prefix("/to"), Redirect(301, "https", "elsewhere.test", path="/100%?a=b")),
        draft.route(Prefix("/app"), Redirect(302, path="/there")),
        draft.route(Prefix("/self"), Redirect(307)),
        draft.route(Prefix("/move"), Redirect(303, "http", "moved.test", 8080, "/%REQ(host)%")),
        draft.route(
            Regex(r"(?i)^/re(/|$)(.*).*", 12), Redirect(302, "https", "moved.test", rewrite=Rewrite(r"(?i)^/re(/|$)(.*).*", r"/to/\2"))
        ),
        draft.route(Prefix("/up"), Redirect(308, "https", "moved.test", 443)),
        draft.route(Prefix("/a?b"), Respond(404, "never")),
        draft.route(Prefix("/a/b"), Respond(403, "deep")),
        draft.to("/a", web),
    )
    draft.host("rich.test", *rich_routes(draft, web, api))
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


def make_world(sort: str) -> Iterator[World]:
    """One of `SORTS`, for a module's tests."""
    if not Path("/proc/self/ns/net").exists() or Path("/proc/self").stat().st_uid != 0:
        pytest.skip("joins namespaces from the test process, which takes root")
    folder = Path(tempfile.mkdtemp(prefix="seaway-"))
    draft, trust = draft_of_the_shop()
    model = draft.model()
    ways = (HostPort(8080, False, draft.GATEWAY, "host", None), HostPort(8081, False, draft.GATEWAY, None, str(folder / "way.sock")))
    ready = Health(frozenset(pod.id for pod in model.pods))
    plan = draft.planned(model, ready, netns_folder=str(folder / "ns"), host_ports=ways)
    made = World(folder, sort == "user-namespace", plan, trust)
    try:
        made.start()
        yield made
    except BaseException:
        print((folder / "envoy.log").read_text() if (folder / "envoy.log").exists() else "no log")
        raise
    finally:
        made.stack.close()
        shutil.rmtree(folder, ignore_errors=True)
