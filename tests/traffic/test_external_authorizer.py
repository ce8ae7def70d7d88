"""CUSTOM: an authorizer over HTTP and over gRPC, asked by a real Envoy; what it says holds, and what it cannot say is a refusal."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import grpc
import pytest
from envoy.service.auth.v3 import external_auth_pb2
from envoy.type.v3 import http_status_pb2
from policed import App, Client, PolicedEnvoy, cluster, echoing, http_listener, routes, said, tcp_listener
from test_authorization_filters import at, policy

from seaway.model.authorization import Action, AllOf, ExternalAuthorizer, WorkloadPolicy
from seaway.model.names import upstream_cluster
from seaway.model.route import Text
from seaway.model.upstream import UpstreamId
from seaway.plans.envoy.filters.chain import http_filters, network_filters, per_route, plan_filters

HTTP = ExternalAuthorizer(
    name="asker", to=UpstreamId("asker.shop.svc.cluster.local", 8000), grpc=False, timeout_s=1, fail_open=False, status_on_error=403,
    path_prefix="/check", sent_headers=(Text("exact", "x-user", True), Text("prefix", "x-sent-", True)), added_headers=(("x-added", "by-envoy"),),
    upstream_headers=(Text("exact", "x-who", True),), denied_headers=(Text("exact", "x-why", True),), allowed_headers=(Text("exact", "x-seen", True),),
    body_bytes=0, body_partial=False, body_raw=False, clear_route_cache=False,
)  # fmt: skip
GRPC = replace(
    HTTP, grpc=True, path_prefix="", sent_headers=(), added_headers=(), upstream_headers=(), denied_headers=(), allowed_headers=()
)
ASK = replace(policy("ask", Action.CUSTOM, at("/ask"), at("/ask/more")), provider="asker")


class Asker(App):
    """Says what the path asks for: `/ask` with `x-user: friend` is fine, others are not; or how it is set to behave."""

    behaviour = "judge"

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if self.behaviour == "slow":
            time.sleep(3)
        if self.behaviour == "500":
            return 500, {}, b"broken"
        if self.behaviour == "401":
            return 401, {"x-why": "who are you"}, b"log in"
        friend = self.seen[-1][2].get("x-user") == "friend"
        return (200, {"x-who": "friend", "x-seen": "yes"}, b"") if friend else (403, {"x-why": "no friend", "x-other": "y"}, b"go away")


@contextmanager
def grpc_asker(seen: list[external_auth_pb2.CheckRequest], delay_s: float = 0) -> Iterator[int]:
    """Allows `x-user: friend`; on TCP it allows who comes from 127.0.0.9."""

    def check(request: external_auth_pb2.CheckRequest, _: object) -> external_auth_pb2.CheckResponse:
        seen.append(request)
        time.sleep(delay_s)
        attributes = request.attributes
        friend = (
            attributes.request.http.headers.get("x-user") == "friend" or attributes.source.address.socket_address.address == "127.0.0.9"
        )
        answer = external_auth_pb2.CheckResponse()
        answer.status.code = 0 if friend else 7
        if friend:
            answer.ok_response.headers.add().header.key = "x-who"
            answer.ok_response.headers[0].header.value = "friend"
        else:
            answer.denied_response.status.code = http_status_pb2.HttpStatus(code=401).code
            answer.denied_response.body = "no friend"
        return answer

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(
                check, external_auth_pb2.CheckRequest.FromString, external_auth_pb2.CheckResponse.SerializeToString
            )

    server = grpc.server(ThreadPoolExecutor(4), handlers=(Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PolicedEnvoy]:
    with PolicedEnvoy(tmp_path_factory.mktemp("envoy")) as envoy:
        yield envoy


@pytest.fixture
def app() -> App:
    return App()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def client_of(envoy: PolicedEnvoy, app: App, authorizer: ExternalAuthorizer, port: int) -> Client:
    workload = WorkloadPolicy("w", (ASK,), (authorizer,))
    envoy.publish(
        cluster("app", app.server_port),
        cluster(upstream_cluster(authorizer.to), port, http2=authorizer.grpc),
        http_listener("in", http_filters("in"), {}),
        *plan_filters("in", workload, {}),
        routes("in", per_route("in", workload)),
    )
    return Client(envoy.port("in"))


def test_over_http(envoy: PolicedEnvoy, app: App) -> None:
    asker = Asker()
    client = client_of(envoy, app, HTTP, asker.server_port)
    assert client.ask(path="/other").status == 200
    assert asker.seen == []
    allowed = client.ask("POST", "/ask?x=1", (("X-User", "friend"), ("x-sent-a", "1"), ("x-kept", "2")), body=b"secret")
    assert (allowed.status, allowed.headers.get("x-seen")) == (200, "yes")
    (method, path, headers), (*_, reached) = asker.seen[0], app.seen[-1]
    assert (method, path) == ("POST", "/check/ask?x=1")
    assert {name: headers.get(name) for name in ("x-user", "x-sent-a", "x-kept", "x-added", "(body)")} == {
        "x-user": "friend", "x-sent-a": "1", "x-kept": None, "x-added": "by-envoy", "(body)": "",
    }  # fmt: skip
    assert (reached["x-who"], reached["(body)"]) == ("friend", "secret")
    before = len(app.seen)
    denied = client.ask(path="/ask/more")
    assert (denied.status, denied.body, denied.headers.get("x-why"), denied.headers.get("x-other")) == (403, b"go away", "no friend", None)
    assert len(app.seen) == before


def test_over_grpc(envoy: PolicedEnvoy, app: App) -> None:
    seen: list[external_auth_pb2.CheckRequest] = []
    with grpc_asker(seen) as port:
        client = client_of(envoy, app, replace(GRPC, body_bytes=4, body_partial=True), port)
        assert client.ask(path="/other").status == 200
        assert client.ask("POST", "/ask", (("x-user", "friend"),), body=b"secret").status == 200
        assert seen[0].attributes.request.http.body == "secr"
        assert app.seen[-1][2]["x-who"] == "friend"
        before = len(app.seen)
        denied = client.ask(path="/ask")
        assert (denied.status, denied.body, len(app.seen)) == (401, b"no friend", before)


@pytest.mark.parametrize("fail_open", [False, True], ids=["fail-closed", "fail-open"])
@pytest.mark.parametrize("trouble", ["down", "slow", "500", "grpc-down", "grpc-slow"])
def test_an_authorizer_that_cannot_say(envoy: PolicedEnvoy, app: App, trouble: str, fail_open: bool) -> None:
    """Never 200 from the backend, unless `failOpen` asks for it."""
    asker = Asker()
    asker.behaviour = trouble
    made = replace(GRPC if trouble.startswith("grpc") else HTTP, fail_open=fail_open, timeout_s=0.3, status_on_error=503)
    with grpc_asker([], 2) as grpc_port:
        ports = {"down": closed_port(), "grpc-down": closed_port(), "grpc-slow": grpc_port}
        client = client_of(envoy, app, made, ports.get(trouble, asker.server_port))
        reply = client.ask(path="/ask", headers=(("x-user", "friend"),))
    assert (reply.status, len(app.seen)) == ((200, 1) if fail_open else (503, 0))


def test_what_it_answers_is_no_trouble(envoy: PolicedEnvoy, app: App) -> None:
    """A 401 is a verdict, also where failures are to be let through."""
    asker = Asker()
    asker.behaviour = "401"
    reply = client_of(envoy, app, replace(HTTP, fail_open=True), asker.server_port).ask(path="/ask")
    assert (reply.status, reply.headers.get("x-why"), reply.body, app.seen) == (401, "who are you", b"log in", [])


@pytest.mark.parametrize(("partial", "status"), [(False, 413), (True, 200)], ids=["whole-body", "part-of-body"])
def test_a_body_that_is_too_long(envoy: PolicedEnvoy, app: App, partial: bool, status: int) -> None:
    asker = Asker()
    made = replace(HTTP, body_bytes=8, body_partial=partial)
    reply = client_of(envoy, app, made, asker.server_port).ask("POST", "/ask", (("x-user", "friend"),), body=b"0123456789")
    assert reply.status == status
    assert [one[2]["(body)"] for one in asker.seen] == (["01234567"] if partial else [])
    assert [one[2]["(body)"] for one in app.seen] == (["0123456789"] if partial else [])


def test_who_to_ask_changes_under_an_open_connection(envoy: PolicedEnvoy, app: App) -> None:
    first, second = Asker(), Asker()
    client = client_of(envoy, app, HTTP, first.server_port)
    assert client.ask(path="/ask", headers=(("x-user", "friend"),)).status == 200
    local = client.socket.getsockname()
    client_of(envoy, app, replace(HTTP, path_prefix="/second", to=UpstreamId("second.shop.svc.cluster.local", 8000)), second.server_port)
    assert client.ask(path="/ask", headers=(("x-user", "friend"),)).status == 200
    assert [one[1] for one in second.seen] == ["/second/ask"]
    assert client.socket.getsockname() == local


def test_connections_are_asked_about_over_grpc_only(envoy: PolicedEnvoy) -> None:
    whole = replace(ASK, rules=(replace(ASK.rules[0], tcp=AllOf(())),))
    workloads = {"asked": (GRPC,), "http-only": (HTTP,), "nobody": ()}
    with echoing() as port, grpc_asker([]) as asker:
        listeners = [tcp_listener(name, network_filters(WorkloadPolicy("w", (whole,), asked)), "echo") for name, asked in workloads.items()]
        envoy.publish(cluster("echo", port), cluster(upstream_cluster(GRPC.to), asker, http2=True), *listeners)
        answers = {
            (name, source): said(Client(envoy.port(name), source).connect(), b"x", until=b"x", limit_s=2)
            for name in workloads
            for source in ("127.0.0.1", "127.0.0.9")
        }
    assert answers == {
        ("asked", "127.0.0.1"): b"", ("asked", "127.0.0.9"): b"x", ("http-only", "127.0.0.1"): b"x", ("http-only", "127.0.0.9"): b"x",
        ("nobody", "127.0.0.1"): b"", ("nobody", "127.0.0.9"): b"",
    }  # fmt: skip
