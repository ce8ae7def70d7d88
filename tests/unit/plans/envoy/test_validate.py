"""What we plan, Envoy accepts: each case goes through `envoy --mode validate`, all routes, endpoints and certificates in place."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seaway.core.errors import DriverError
from seaway.drivers.envoy.binary import find_envoy
from seaway.model.route import Action, Certificate, Exact, PathMatch, Prefix, Redirect, Regex, Respond, Rewrite, TlsHost
from seaway.model.workload import GatewayProxy
from seaway.plans.envoy.bootstrap import render_bootstrap
from seaway.plans.envoy.plan import HostPort
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
    Redirect("https://x/\r\nset-cookie: a=b", 301),
    Redirect("https://x/%ENVIRONMENT(PATH)%", 301),
    Redirect("/%", 308),
    Redirect("é\0", 302),
    Redirect("", 304),
    Redirect("/", 999),
    Redirect("https://[::1]:8443/a%?b={}", 303),
    Redirect("https://x;{}\"'`$:1/\\;{}\"'", 307),
    Redirect("http://é/é", 302),
    Redirect("https://x", 302, Rewrite("(?i)^/a(.*)", r"/%REQ(cookie)%\1\2{}")),
    Respond(0, ""),
    Respond(503, "%" * 5000),
    Respond(404, "é" * 5000),
    Respond(404, "\0\udc80"),
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


def test_a_gateway_with_nothing_to_serve(draft: Draft, envoy: Path, tmp_path: Path) -> None:
    configuration = tmp_path / "envoy.json"
    configuration.write_text(render_static(draft.plan()))
    validate(envoy, configuration)


def test_bootstrap(envoy: Path, tmp_path: Path) -> None:
    configuration = tmp_path / "bootstrap.json"
    configuration.write_text(
        render_bootstrap("node-1", str(tmp_path / "xds.sock"), str(tmp_path / "sds.sock"), str(tmp_path / "admin.sock"), 2)
    )
    validate(envoy, configuration)
