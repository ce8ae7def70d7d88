"""What VirtualServices ask for, for callers in the mesh, counted where it arrives: at the servers themselves."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
from meshed import PROGRAM, Object, account, caller_of, command, identity, namespace, pod, service, text_of
from network import Answer, Network, exchange, wait_until
from streams import Streams

SERVES = command(f"{PROGRAM} 8080")
CALLER, GUEST = "shop/caller-0", "shop/guest-0"


def virtual_service(name: str, *http: Object, hosts: tuple[str, ...] = (), namespace: str = "shop") -> Object:
    spec: Object = {"http": list(http)} | ({"hosts": list(hosts)} if hosts else {})
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, "spec": spec}


def to(host: str = "api", **more: Any) -> Object:
    return {"route": [{"destination": {"host": host}, **more}]}


def below(path: str, **more: Any) -> Object:
    """A route for paths that begin so, to api where nothing else is said."""
    answered = {"redirect", "directResponse", "delegate", "route"} & set(more)
    return {"match": [{"uri": {"prefix": path}}], **({} if answered else to()), **more}


def half(**what: Any) -> Object:
    return {"percentage": {"value": 50}, **what}


OPERATIONS = {"set": {"x-set": "ours", "x-method": "%REQ(:METHOD)%"}, "add": {"x-add": "more"}, "remove": ["x-gone"]}
REWRITE = {"uriRegexRewrite": {"match": "^/service/([^/]+)(/.*)$", "rewrite": "\\2/instance/\\1"}}

ROUTES = virtual_service(
    "api",
    below("/status/503/three", retries={"attempts": 3, "retryOn": "5xx", "backoff": "2ms"}),
    below("/status/503/none", retries={"attempts": 0}),
    below("/status/500/gateway-errors", retries={"attempts": 3, "retryOn": "gateway-error"}),
    {"match": [{"uri": {"exact": "/slow"}, "queryParams": {"retried": {"exact": "1"}}}], "timeout": "5s"} | to() | {"retries": {"attempts": 2, "perTryTimeout": "50ms", "retryOn": "gateway-error", "backoff": "2ms"}},
    below("/slow", timeout="100ms"),
    below("/abort", fault={"abort": half(httpStatus=418)}),
    below("/delay", fault={"delay": half(fixedDelay="2ms")}),
    below("/mirror/all", mirrors=[{"destination": {"host": "shadow"}}]),
    below("/mirror/half", mirrors=[half(destination={"host": "shadow"})]),
    below("/cors", corsPolicy={"allowOrigins": [{"exact": "https://a.test"}], "allowMethods": ["GET", "PUT"], "maxAge": "60s"}),
    below("/headers", route=[{"destination": {"host": "api"}, "headers": {"response": {"set": {"x-route": "one"}}}}], headers={"request": OPERATIONS, "response": OPERATIONS}),
    below("/old", redirect={"uri": "/new", "authority": "new.test", "redirectCode": 302}),
    below("/service", rewrite=REWRITE),
    below("/renamed", rewrite={"uri": "/other", "authority": "inner.test"}),
    below("/direct", directResponse={"status": 418, "body": {"string": "a teapot"}}),
    {"match": [{"uri": {"prefix": "/who"}, "sourceLabels": {"app": "guest"}}], "directResponse": {"status": 204}},
    to(),
    hosts=("api",),
)  # fmt: skip

MANIFESTS = text_of(
    namespace("shop"),
    namespace("press"),
    *(account(name) for name in ("caller", "guest", "api", "shadow", "rpc")),
    pod("caller", ("http", 8080)),
    pod("guest", ("http", 8080)),
    pod("api", annotations=SERVES),
    service("api", ("http", 80, 8080)),
    pod("shadow", annotations=SERVES),
    service("shadow", ("http", 80, 8080)),
    pod("rpc", ("grpc", 9000), ("grpc-web", 9001)),
    service("rpc", ("grpc", 9000, 9000), ("grpc-web", 9001, 9001)),
    service("echo", ("http", 80, 8080), app="guest"),
    service("books", ("http", 80, 8080), app="none"),
    ROUTES,
    virtual_service("books", below("/books", delegate={"name": "pages", "namespace": "press"}), to(), hosts=("books",)),
    virtual_service(
        "pages",
        below("/books/new", rewrite={"uri": "/fresh"}, **to("api.shop.svc.cluster.local")),
        below("/elsewhere", directResponse={"status": 500}),
        namespace="press",
    ),
    virtual_service(
        "rpc",
        {
            "match": [{"headers": {"x-fail": {"exact": "1"}}}],
            "fault": {"abort": {"grpcStatus": "UNAVAILABLE", "percentage": {"value": 100}}},
        }
        | to("rpc"),
        to("rpc"),
        hosts=("rpc",),
    ),
)


class Town:
    """The network, and requests to the shop's Services; each server counts what it is asked."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._addresses = {name: network.cluster_ip("shop", name) for name in ("api", "books", "echo", "rpc")}
        self._inside = {name: network.inside(name) for name in (CALLER, GUEST)}

    def connect(self, name: str, port: int, caller: str = CALLER) -> Any:
        return self._inside[caller].connect(self._addresses[name], port)

    def ask(self, path: str, *headers: str, name: str = "api", method: str = "GET", caller: str = CALLER) -> Answer:
        with self.connect(name, 80, caller) as connection:
            return exchange(connection, path, "\r\n".join((name, *headers)), method)

    def many(self, count: int, path: str) -> Counter[int]:
        with ThreadPoolExecutor(8) as threads:
            return Counter(threads.map(lambda _: self.ask(path).status, range(count)))

    def served(self, path: str, server: str = "api") -> int:
        """How often a server has answered, or would have, what it was asked at this path."""
        (log,) = (self.network.state / "logs" / "pods").glob(f"shop_{server}-0*")
        return sum(line.startswith(f"{path} for ") for line in log.read_text().splitlines())


@pytest.fixture(scope="module")
def town(networks: Callable[..., Network]) -> Town:
    network = networks()
    network.write("town.yaml", MANIFESTS)
    network.up()
    made = Town(network)
    for name in ("api", "books"):
        wait_until(lambda name=name: made.ask("/books/new", name=name).status == 200, "the program to serve")
    return made


@pytest.mark.parametrize(
    ("path", "served"),
    [
        pytest.param("/status/503/three", 4, id="three-more"),
        pytest.param("/status/503/none", 1, id="switched-off"),
        pytest.param("/status/500/gateway-errors", 1, id="not-for-this-status"),
        pytest.param("/status/500", 1, id="usual"),
    ],
)
def test_retries_are_counted_at_the_server(town: Town, path: str, served: int) -> None:
    assert town.ask(path).status == int(path.split("/")[2])
    wait_until(lambda: town.served(path) >= served, "all tries")
    assert town.served(path) == served


def test_a_request_has_its_time(town: Town) -> None:
    assert town.ask("/slow").status == 504
    assert town.ask("/slow?retried=1").status == 504
    wait_until(lambda: town.served("/slow?retried=1") == 3, "each try, of which each has a time of its own")


def test_half_of_all_requests_are_aborted(town: Town) -> None:
    """Of 200, 100 with a standard deviation of 7: outside of five of them once in two million runs. So in the tests below."""
    seen = town.many(200, "/abort")
    assert set(seen) == {200, 418}
    assert 65 <= seen[418] <= 135
    wait_until(lambda: town.served("/abort") >= seen[200], "those that passed")
    assert town.served("/abort") == seen[200]


def test_half_of_all_requests_are_delayed(town: Town) -> None:
    def delayed() -> int:
        return sum(town.network.counters("fault.delays_injected").values())

    before = delayed()
    assert town.many(200, "/delay") == {200: 200}
    assert 65 <= delayed() - before <= 135


def test_requests_are_seen_at_the_mirror(town: Town) -> None:
    assert town.many(20, "/mirror/all") == {200: 20}
    assert town.many(200, "/mirror/half") == {200: 200}
    wait_until(lambda: town.served("/mirror/all", "shadow") == 20, "all of the first")
    wait_until(lambda: town.served("/mirror/half", "shadow") >= 65, "about half of the others")
    assert town.served("/mirror/half", "shadow") <= 135
    assert (town.served("/mirror/all"), town.served("/mirror/half")) == (20, 200)


def test_a_delegate_of_another_namespace(town: Town) -> None:
    answer = town.ask("/books/new?page=1", name="books")
    assert (answer.status, answer.echo["path"], caller_of(answer)) == (200, "/fresh?page=1", identity("caller"))
    assert town.ask("/books/old", name="books").echo["path"] == "/books/old", "no route of the delegate's fits, so the next one is tried"
    assert town.ask("/elsewhere", name="books").status == 200, "what the root does not hand over is none of the delegate's"


def test_a_preflight_is_answered_for_the_server(town: Town) -> None:
    asks = ("Origin: https://a.test", "Access-Control-Request-Method: PUT")
    answer = town.ask("/cors", *asks, method="OPTIONS")
    told = {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}
    assert (answer.status, answer.body) == (200, b"")
    assert told == {
        "access-control-allow-origin": "https://a.test",
        "access-control-allow-methods": "GET,PUT",
        "access-control-max-age": "60",
    }
    assert town.served("/cors") == 0
    assert town.ask("/cors", asks[0]).headers["access-control-allow-origin"] == "https://a.test"
    assert "access-control-allow-origin" not in town.ask("/cors", "Origin: https://b.test").headers


def test_headers_are_changed_both_ways(town: Town) -> None:
    answer = town.ask("/headers", "x-gone: 1", "x-set: mine")
    got = answer.echo["headers"]
    assert ("x-gone" in got, got["x-set"], got["x-method"], got["x-add"]) == (False, "ours", "GET", "more")
    assert [answer.headers[name] for name in ("x-set", "x-add", "x-route")] == ["ours", "more", "one"]


def test_redirects_rewrites_and_direct_responses(town: Town) -> None:
    moved = town.ask("/old/page?x=1")
    assert (moved.status, moved.headers["location"]) == (302, "http://new.test/new?x=1")
    assert town.ask("/service/one/two?x=1").echo["path"] == "/two/instance/one?x=1"
    renamed = town.ask("/renamed/a").echo
    assert (renamed["path"], renamed["headers"]["host"]) == ("/other/a", "inner.test")
    direct = town.ask("/direct")
    assert (direct.status, direct.body) == (418, b"a teapot")


def test_routes_for_some_callers_alone(town: Town) -> None:
    assert town.ask("/who", caller=GUEST).status == 204
    assert town.ask("/who", caller=CALLER).status == 200


def message(body: bytes = b"") -> bytes:
    """A gRPC message on the wire, not compressed."""
    return struct.pack(">BI", 0, len(body)) + body


SERVING = message(b"\x08\x01")
HEALTH = "/grpc.health.v1.Health/Check"


def call_grpc(town: Town, *more: tuple[str, str]) -> tuple[bytes, dict[str, str]]:
    """A call over HTTP/2: what comes back, and its headers and trailers."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    connection.initiate_connection()
    head = [(":method", "POST"), (":scheme", "http"), (":authority", "rpc:9000"), (":path", HEALTH)]
    connection.send_headers(1, [*head, ("content-type", "application/grpc"), ("te", "trailers"), *more])
    connection.send_data(1, message(), end_stream=True)
    body, told = b"", dict[str, str]()
    with town.connect("rpc", 9000) as sock:
        while True:
            sock.sendall(connection.data_to_send())
            for event in connection.receive_data(sock.recv(65536)):
                match event:
                    case h2.events.ResponseReceived(headers=found) | h2.events.TrailersReceived(headers=found):
                        told |= {str(name): str(value) for name, value in found or ()}
                    case h2.events.DataReceived(data=data):
                        body += data or b""
                    case h2.events.StreamEnded():
                        return body, told
                    case _:
                        pass


def test_grpc(town: Town) -> None:
    body, told = call_grpc(town)
    assert (body, told["grpc-status"]) == (SERVING, "0")


def test_a_fault_of_grpc_is_a_status_of_grpc(town: Town) -> None:
    body, told = call_grpc(town, ("x-fail", "1"))
    assert (body, told[":status"], told["grpc-status"]) == (b"", "200", "14")


def test_grpc_web_reaches_a_server_of_grpc(town: Town) -> None:
    asked = message()
    with town.connect("rpc", 9001) as connection:
        lines = f"rpc\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: {len(asked)}"
        head = f"POST {HEALTH} HTTP/1.1\r\nHost: {lines}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + asked)
        answer = b""
        while data := connection.recv(65536):
            answer += data
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert SERVING in answer
    assert b"grpc-status:0\r\n" in answer


def test_websockets_and_both_versions_of_http(town: Town) -> None:
    with Streams(lambda: town.connect("echo", 80), None, "echo", http1=1, http2=1, websockets=1) as streams:
        kinds = (streams.http1, streams.http2, streams.websockets)
        wait_until(lambda: min(one.answers for one in kinds) > 2, "answers of each kind")
    assert [one.lost for one in kinds] == [{}, {}, {}]
