"""Spellings that two readers might read otherwise, sent to a real Envoy: what it judged is what it routed by, and what the backend gets.

One Envoy, two backends: `/admin` is routed to one, all else to the other. A DENY policy closes the admin's paths, host, method and role; an
ALLOW policy opens the public path only. The attempts are in `smuggling_attempts.py`.
"""

from __future__ import annotations

import posixpath
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote_to_bytes

import h11
import pytest
from hpack import Encoder
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame
from policed import Client, PolicedEnvoy, cluster, http_listener, patiently, routes
from smuggling_attempts import H2_HEADERS, H2_HOSTS, H2_METHODS, H2_PATHS, Attempt, attempts
from test_authorization_filters import policy

from seaway.analysis.authorization import Decision, decide
from seaway.analysis.terms import Call
from seaway.model.authorization import Action, AllOf, Header, Not, WorkloadPolicy
from seaway.model.authorization import Path as PathTerm
from seaway.model.mesh import NO_MESH, PathNormalization
from seaway.model.route import Text
from seaway.plans.envoy.filters.chain import http_filters, per_route
from seaway.plans.envoy.mesh.requests import path_rules
from seaway.plans.envoy.proto import seconds

DENY = WorkloadPolicy(
    "deny",
    (
        policy(
            "deny",
            Action.DENY,
            PathTerm(Text("exact", "/admin")),
            PathTerm(Text("prefix", "/admin/")),
            Header(":authority", Text("exact", "admin.test", ignore_case=True)),
            Header(":authority", Text("prefix", "admin.test:", ignore_case=True)),
            Header(":method", Text("exact", "DELETE")),
            Header("x-role", Text("exact", "admin")),
        ),
    ),
)
PUBLIC = AllOf(
    (
        PathTerm(Text("prefix", "/public")),
        Header(":method", Text("regex", "GET|POST")),
        Header(":authority", Text("exact", "app.test")),
        Not(Header("x-role", Text("present"))),
    )
)
ALLOW = WorkloadPolicy("allow", (policy("allow", Action.ALLOW, PUBLIC),))
BASE, STRICT = PathNormalization.BASE, PathNormalization.DECODE_AND_MERGE_SLASHES
AT_ONCE = {"delayed_close_timeout": seconds(0)}
"""Connections that are refused end at once: by default Envoy waits a second for the client to close."""
AS_A_SIDECAR = {
    "http_protocol_options": {"accept_http_10": True},
    "upgrade_configs": [{"upgrade_type": "websocket"}],
    "proxy_100_continue": True,
}
MANAGERS = {one: {**AT_ONCE, **AS_A_SIDECAR, **path_rules(replace(NO_MESH.settings, path_normalization=one))} for one in (BASE, STRICT)}
PLACES = {f"{workload.id}-{paths.value}": (workload, paths) for workload in (DENY, ALLOW) for paths in (BASE, STRICT)}


@dataclass(frozen=True)
class Seen:
    """A request as the backend reads it; `broken` where it is no HTTP."""

    backend: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    broken: str = ""

    @property
    def call(self) -> Call:
        host = "".join(value for name, value in self.headers if name == "host")
        headers = ((":method", self.method), (":authority", host), *self.headers)
        return Call("127.0.0.1", "127.0.0.1", 80, path=self.target.partition("?")[0], headers=headers)


@dataclass
class Backend:
    """Reads what comes by the letter (h11 refuses what is ambiguous), and answers 200."""

    name: str
    seen: list[Seen]
    completed: list[str]
    server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=64))

    def __post_init__(self) -> None:
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            with suppress(OSError):
                sock, _ = self.server.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        reader = h11.Connection(h11.SERVER, max_incomplete_event_size=200_000)
        with sock, suppress(OSError):
            while True:
                try:
                    event = reader.next_event()
                except h11.RemoteProtocolError as error:
                    if "incomplete" not in str(error):  # Envoy gave a request up in its middle
                        self.seen.append(Seen(self.name, "", "", (), str(error)))
                    return
                if event is h11.NEED_DATA:
                    reader.receive_data(sock.recv(65536))
                elif isinstance(event, h11.Request):
                    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
                    self.seen.append(Seen(self.name, event.method.decode(), event.target.decode("latin-1"), headers))
                elif isinstance(event, h11.EndOfMessage):
                    self.completed.append(self.seen[-1].target)
                    answer = h11.Response(status_code=200, headers=[("content-length", "3"), ("backend", self.name)])
                    parts = (answer, h11.Data(data=b"app"), h11.EndOfMessage())
                    sock.sendall(b"".join(reader.send(part) or b"" for part in parts))
                    if reader.our_state is h11.MUST_CLOSE:
                        return
                    reader.start_next_cycle()
                elif isinstance(event, h11.ConnectionClosed):
                    return


class World:
    def __init__(self, envoy: PolicedEnvoy, folder: Path) -> None:
        self.envoy, self.folder, self.seen, self.completed = envoy, folder, list[Seen](), list[str]()
        backends = [Backend(name, self.seen, self.completed) for name in ("admin", "public")]
        match = [
            {"match": {"path": "/admin"}, "route": {"cluster": "admin"}},
            {"match": {"prefix": "/admin/"}, "route": {"cluster": "admin"}},
        ]
        host = {"name": "all", "domains": ["*"], "routes": [*match, {"match": {"prefix": "/"}, "route": {"cluster": "public"}}]}
        resources = [cluster(one.name, one.port) for one in backends]
        for name, (workload, paths) in PLACES.items():
            resources.append(http_listener(name, http_filters(name), MANAGERS[paths], log=folder / f"{name}.log"))
            resources.append(routes(name, per_route(name, workload), [host]))
        envoy.publish(*resources)
        self.ports = {name: envoy.port(name) for name in PLACES}

    def send(self, place: str, data: bytes, h2: bool = False) -> tuple[list[Seen], bytes]:
        """What reached a backend because of these bytes, and what came back."""
        before = len(self.seen)
        with Client(self.ports[place]).connect() as sock:
            answer = _h2_answer(sock, data) if h2 else _answer(sock, data + PROBE)
        return self.seen[before:], answer


PROBE = b"GET /public/probe HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"
"""Asked after each attempt, so that nobody waits for a connection to fall silent; it may be answered, or be taken for a part of the attempt."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("envoy")
    with PolicedEnvoy(folder) as envoy:
        yield World(envoy, folder)


def _answer(sock: socket.socket, data: bytes) -> bytes:
    """Everything up to an answer that says that it is the last one (Envoy itself would wait for us to close)."""
    sock.settimeout(0.5)
    answer = b""
    with suppress(OSError):
        sock.sendall(data)
        while chunk := sock.recv(65536):
            answer += chunk
            if b"\r\n\r\n" in answer.partition(b"connection: close")[2]:
                break
    return answer


def lenient(target: str) -> str:
    """A path as a careless backend reads it: escapes undone, backslashes turned, slashes merged, dots resolved."""
    path = unquote_to_bytes(target.partition("?")[0].encode("latin-1")).decode("latin-1").replace("\\", "/")
    return posixpath.normpath(f"/{path}")


def check(place: str, seen: list[Seen], name: str) -> None:
    workload, paths = PLACES[place]
    for one in seen:
        assert not one.broken, f"{name}: the backend could not read it: {one.broken}"
        verdict = decide(workload, one.call)
        assert verdict.decision is Decision.ALLOWED, f"{name}: {one} came through"
        routed = "admin" if one.call.path == "/admin" or one.call.path.startswith("/admin/") else "public"
        assert one.backend == routed, f"{name}: {one} was routed otherwise than it reads"
        if paths is STRICT:
            assert not (lenient(one.target) + "/").startswith("/admin/"), f"{name}: {one} is the admin's to a careless backend"


@pytest.mark.parametrize("place", PLACES)
def test_nothing_passes_one_and_not_the_other(world: World, place: str) -> None:
    every: list[Attempt] = list(attempts())
    assert len(every) >= 200
    for name, data in every:
        seen, answer = world.send(place, data)
        check(place, seen, name)
        assert answer.count(b"backend: ") <= len(seen), f"{name}: answers and requests differ"
    assert b"backend: public" in world.send(place, b"")[1]


@pytest.mark.parametrize("place", PLACES)
def test_nothing_passes_over_http2(world: World, place: str) -> None:
    for name, block in h2_attempts():
        seen, _ = world.send(place, block, h2=True)
        check(place, seen, name)
    seen, _ = world.send(place, h2_request(), h2=True)
    assert [one.target for one in seen] == ["/public"]


def test_every_request_at_a_backend_is_one_that_envoy_judged(world: World) -> None:
    """One line of the access logs for each, with the same path: nothing rode along in another's body."""
    seen = sorted(world.completed)

    def logged() -> list[str]:
        texts = ((world.folder / f"{place}.log").read_text("latin-1") for place in PLACES)
        return sorted(
            line.rpartition(" 200 via_upstream")[0] for text in texts for line in text.splitlines() if line.endswith(" 200 via_upstream")
        )

    patiently(lambda: len(logged()) == len(seen))
    assert logged() == seen


# HTTP/2, frame by frame: a library would not send most of it


def h2_request(
    path: bytes = b"/public", method: bytes = b"GET", host: bytes = b"app.test", more: tuple[tuple[bytes, bytes], ...] = ()
) -> bytes:
    headers = [(b":method", method), (b":scheme", b"http"), (b":authority", host), (b":path", path), *more]
    frame = HeadersFrame(1, Encoder().encode(headers, huffman=False), flags=["END_HEADERS", "END_STREAM"])
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize() + frame.serialize()


def h2_attempts() -> Iterator[Attempt]:
    for path in H2_PATHS:
        yield f"h2 path {path[:60]!r}", h2_request(path)
    for more in H2_HEADERS:
        yield f"h2 headers {more!r}", h2_request(more=more)
    for method in H2_METHODS:
        yield f"h2 method {method!r}", h2_request(method=method)
    for host in H2_HOSTS:
        yield f"h2 host {host!r}", h2_request(host=host)


def _h2_answer(sock: socket.socket, data: bytes) -> bytes:
    """Sends, and waits for the end of the stream or of the connection."""
    sock.settimeout(2)
    answer = b""
    with suppress(OSError):
        sock.sendall(data)
        while chunk := sock.recv(65536):
            answer += chunk
            if _ended(answer):
                break
    return answer


def _ended(data: bytes) -> bool:
    while len(data) >= 9:
        frame, length = Frame.parse_frame_header(memoryview(data[:9]))
        if isinstance(frame, (GoAwayFrame, RstStreamFrame)) or (frame.stream_id == 1 and "END_STREAM" in frame.flags):
            return len(data) >= 9 + length
        data = data[9 + length :]
    return False
