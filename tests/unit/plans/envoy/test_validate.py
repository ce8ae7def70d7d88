"""What we plan, Envoy accepts: each case goes through `envoy --mode validate`, all routes, endpoints and certificates in place."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seaway.core.errors import DriverError
from seaway.drivers.envoy.binary import find_envoy
from seaway.model.route import (
    Abort,
    Action,
    Certificate,
    ClaimMatch,
    Conditions,
    Cors,
    Delay,
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
    Retries,
    Rewrite,
    RewritePrefix,
    RoutePolicy,
    Text,
    TextPrefix,
    TlsHost,
)
from seaway.model.templates import BARE, OPTIONAL
from seaway.model.upstream import HashBy
from seaway.model.workload import GatewayProxy
from seaway.plans.envoy.bootstrap import Sockets, render_bootstrap
from seaway.plans.envoy.host_ports import HostPort
from seaway.plans.envoy.static import render_static

if TYPE_CHECKING:
    from tests.unit.plans.envoy.conftest import Draft


@pytest.fixture(scope="session")
def envoy() -> Path:
    try:
        return find_envoy()
    except DriverError as error:
        pytest.skip(error.message)


def validate(envoy: Path, configuration: Path) -> None:
    argv = [str(envoy), "--mode", "validate", "-c", str(configuration), "--disable-hot-restart", "-l", "warn"]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert (run.returncode, run.stderr) == (0, "")


HOSTILE_PATHS = [
    "/x{alias /var/run/secrets/;}",
    "/x\n}",
    '/x";',
    "/\0",
    "/" + "a" * 65536,
    "/%REQ(cookie)%",
    "/a?b#c",
    "/é",
    "/\udc80",
    "",
    "x",
    "//",
]
HOSTILE_MATCHES: list[PathMatch] = [kind(path) for path in HOSTILE_PATHS for kind in (Exact, Prefix)]
HOSTILE_PATTERNS = [
    "[",
    "(?=a)",
    r"(a)\1",
    "",
    "(?i)^/" + "(abc|def){500}.*",
    "(a{1000}){1000}",
    ")|(.*",
    r"\Q",
    "\n",
    "\udc80",
    "a" * 10000,
]
HOSTILE_ACTIONS: list[Action] = [
    Redirect(301, "https", "x", path="/\r\nset-cookie: a=b"),
    Redirect(301, "https", "x", path="/%ENVIRONMENT(PATH)%"),
    Redirect(308, path="/%"),
    Redirect(302, authority="é\0"),
    Redirect(304),
    Redirect(999, path="/"),
    Redirect(303, "https", "[::1]", 8443, "/a%?b={}"),
    Redirect(307, "https", "x;{}\"'`$:1", path="/\\;{}\"'"),
    Redirect(302, "ftp", "x"),
    Redirect(302, "http", "é", 70000, "/é"),
    Redirect(302, "http", "é", path="é"),
    Redirect(302, "https", "x", rewrite=Rewrite("(?i)^/a(.*)", r"/%REQ(cookie)%\1\2{}")),
    Redirect(302, path="/a", rewrite=RewritePrefix("/b")),
    Redirect(302, rewrite=RewritePrefix("\n")),
    Respond(0, ""),
    Respond(503, "%" * 5000),
    Respond(404, "é" * 5000),
    Respond(404, "\0\udc80"),
    Respond(200, body=b"\0\xff" * 100_000),
    Respond(200, body=b"x" * 2_000_000),
]
TEMPLATES = [
    "%REQ(:authority?x-host):20%",
    "%RESP(a)%%TRAILER(b)%",
    "%START_TIME(%Y-%m-%dT%H:%M:%S%z)%",
    "%DOWNSTREAM_PEER_CERT_V_START(%Q)%",
    "%GRPC_STATUS(NUMBER)%",
    "%REQUESTED_SERVER_NAME(SNI_ONLY)%",
    "%DYNAMIC_METADATA(a:b c:d):3%",
    "%CLUSTER_METADATA(a:b)%",
    *(f"%METADATA({of}:a:b):5%" for of in ("DYNAMIC", "CLUSTER", "ROUTE", "UPSTREAM_HOST", "LISTENER", "VIRTUAL_HOST")),
    "%FILTER_STATE(a.b:PLAIN):5%",
    "%UPSTREAM_FILTER_STATE(a)%",
    "%ENVIRONMENT(HOME):3%",
    "%QUERY_PARAM(v):3%",
    "%PATH(NQ:ORIG_OR_PATH)%",
]
HOSTILE_HOSTS = [
    "*",
    "*.",
    "*.*",
    "*.example.com",
    "a.*.com",
    "x" * 300,
    "a b",
    "a:80",
    "[",
    "é.com",
    "*.[a].com",
    "A.b",
    "a.B",
    "a\n",
    "\udc80",
    "a\0",
]


def test_hostile_input_hurts_nobody(draft: Draft, envoy: Path, tmp_path: Path, certificates: tuple[Certificate, ...]) -> None:
    web = draft.service("shop/web", draft.pod("shop/web-1", "10.244.0.10"))
    routes = [draft.to(match, web, https=index % 2 == 0) for index, match in enumerate(HOSTILE_MATCHES)]
    routes += [draft.to(Regex(pattern, 1), web, Rewrite(pattern, r"/\1\2%")) for pattern in HOSTILE_PATTERNS]
    routes += [draft.to("/", web, Rewrite("^/", text)) for text in ("\n", "%", r"\9", "\\", "/\0", "/\udc80")]
    routes += [draft.route("/", action) for action in HOSTILE_ACTIONS]
    for host in HOSTILE_HOSTS:
        draft.host(host, *routes)
    draft.tls = [TlsHost(host, certificates[1], draft.origin()) for host in HOSTILE_HOSTS]
    configuration = tmp_path / "envoy.json"
    configuration.write_text(render_static(draft.plan()))
    validate(envoy, configuration)


def test_an_ordinary_plan(draft: Draft, envoy: Path, tmp_path: Path, certificates: tuple[Certificate, ...]) -> None:
    front = draft.pod("ingress/gateway-0", "10.244.0.2", GatewayProxy(draft.GATEWAY))
    draft.service("ingress/gateway", front, ports=(("http", 80, 80, ""), ("https", 443, 443, "")), ip="198.18.255.1")
    web = draft.service("shop/web", draft.pod("shop/web-1", "10.244.0.10"))
    api = draft.service("shop/api", draft.pod("shop/api-1", "10.244.0.11"), ports=(("grpc", 80, 8080, ""),))
    draft.host("shop.example.com", draft.to(Exact("/a"), web, https=True), draft.to("/", api, https=True))
    draft.host("*.example.com", draft.to(Regex("(?i)^/x(/|$)(.*).*", 10), web, Rewrite("(?i)^/x(/|$)(.*).*", r"/\2")))
    draft.host("*", draft.route("/", Respond(404, "nothing here")))
    hosts = [("shop.example.com", 1), ("*.example.com", 2), ("bare.example.com", None), ("SHOP.example.com", 2)]
    draft.tls = [TlsHost(host, None if which is None else certificates[which], draft.origin()) for host, which in hosts]
    ways = (HostPort(8080, False, draft.GATEWAY, "host", None), HostPort(8443, True, draft.GATEWAY, None, str(tmp_path / "https.sock")))
    configuration = tmp_path / "envoy.json"
    configuration.write_text(render_static(draft.plan(host_ports=ways), str(tmp_path / "admin.sock")))
    validate(envoy, configuration)


def test_every_feature_of_routes(draft: Draft, envoy: Path, tmp_path: Path) -> None:
    web = draft.service("shop/web", draft.pod("shop/web-1", "10.244.0.10"))
    api = draft.service("shop/api", draft.pod("shop/api-1", "10.244.0.11"))
    plain, other = draft.to("/", web), draft.to("/", api)
    assert isinstance(plain.action, Forward)
    assert isinstance(other.action, Forward)
    (one,), (two,) = plain.action.destinations, other.action.destinations
    commands = [*(f"%{name}%" for name in sorted((*BARE, *OPTIONAL))), *TEMPLATES]
    ops = HeaderOps(("x-a",), tuple((f"x-{index}", text) for index, text in enumerate(commands)), (("x-b", "100%%"),))
    policies = [
        RoutePolicy(3, True, Retries(2, ("5xx", "retriable-status-codes"), (503,), 1, 0.025, 0.25, True, 5, True)),
        RoutePolicy(
            fault=Fault(Delay(0.001, 0.0001), Abort(599, None, 100)), cors=Cors((Text("regex", ".*"), Text("prefix", "h")), max_age_s=5)
        ),
        RoutePolicy(fault=Fault(None, Abort(200, 16, 50)), mirrors=(Mirror(two.to, 0.5), Mirror(one.to)), stat_prefix="a b"),
        RoutePolicy(request=ops, response=ops),
        RoutePolicy(hash_by=(HashBy("header", "a"), HashBy("query", "b"), HashBy("source"), HashBy("cookie", "c", "/", 0, (("a", "b"),)))),
    ]
    texts = (Text("exact", ""), Text("prefix", "a"), Text("suffix", "a"), Text("contains", "a"), Text("regex", "a+"), Text("present"))
    conditions = Conditions(
        tuple(HeaderMatch(name, text, flag, flag) for text in texts for name in (":method", "x-a") for flag in (True, False)),
        tuple(QueryMatch("a", text) for text in texts),
        tuple(ClaimMatch(("a", "b"), text, True) for text in texts),
        ignore_path_case=True,
    )
    split = Forward((replace(one, weight=3, request=ops, response=ops, authority="a.example"), replace(two, weight=1)), RewritePrefix("/b"))
    routes = [replace(plain, policy=policy, conditions=conditions, name="a/b") for policy in policies]
    routes += [replace(plain, match=TextPrefix("/a"), action=split), replace(plain, action=Respond(200, body=b"x" * 100_000))]
    draft.host("*.example.com", *routes)
    configuration = tmp_path / "envoy.json"
    configuration.write_text(render_static(draft.plan()))
    assert "This route cannot be served" not in configuration.read_text()
    validate(envoy, configuration)


def test_a_gateway_with_nothing_to_serve(draft: Draft, envoy: Path, tmp_path: Path) -> None:
    configuration = tmp_path / "envoy.json"
    configuration.write_text(render_static(draft.plan()))
    validate(envoy, configuration)


def test_bootstrap(envoy: Path, tmp_path: Path) -> None:
    configuration = tmp_path / "bootstrap.json"
    configuration.write_text(
        render_bootstrap("node-1", Sockets(*(str(tmp_path / f"{name}.sock") for name in ("xds", "sds", "flows", "admin"))), 2)
    )
    validate(envoy, configuration)
