"""A real Envoy at gateways, fed our plan over ADS: what it does is what was planned, and what the simulation tells."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator

import pytest
from envoy_world import ADDRESSES, GATEWAYS, HTTP, HTTPS, OUTSIDE, SORTS, World, ask, make_world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seaway.model.names import certificate_secret
from seaway.simulate.envoy import Answered, Forwarded, Request, simulate_request


@pytest.fixture(scope="module", params=SORTS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    yield from make_world(request.param)


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


@pytest.mark.parametrize(("sni", "status"), [("shop.test", 421), ("web.test", 200)], ids=["own-certificate", "default-certificate"])
def test_a_reused_connection_is_for_the_hosts_of_its_certificate(world: World, sni: str, status: int) -> None:
    with world.tls(sni) as sock:
        assert ask(sock, sni, keep=True).status != 421
        assert ask(sock, "web.test").status == status
    simulated = simulate_request(world.plan, HTTPS, Request("web.test", sni=sni)).outcome
    assert (simulated.status if isinstance(simulated, Answered) else 200) == status


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
        case Forwarded(cluster, forwarded, named):
            assert (reply.status, reply.json["path"], reply.json["headers"]["host"]) == (200, forwarded, named)
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
