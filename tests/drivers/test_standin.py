"""Stand-ins: one contract for the fake and the real ones, then what only real sockets show."""

from __future__ import annotations

import json
import socket
import time

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.events import Request as WsRequest

from seaway.drivers.process.namespaces import in_netns
from seaway.drivers.standin import connection, http1, real
from seaway.drivers.standin.fake import FakeStandins
from seaway.drivers.standin.http1 import plain_request
from seaway.drivers.standin.real import StandinServer
from seaway.model.workload import PodName, Protocol
from seaway.plans.node.plan import StandinPort

WEB = PodName("default", "web-0")
DB = PodName("default", "db-0")


@pytest.fixture(params=["fake", "real"])
def standins(request, namespaces, beside):
    made = FakeStandins(namespaces.folder) if request.param == "fake" else StandinServer(namespaces.folder)
    yield made
    beside.run(made.close())


@pytest.fixture
def server(namespaces, beside):
    made = StandinServer(namespaces.folder)
    yield made
    beside.run(made.close())


def test_contract_opens_what_is_ordered(standins, namespaces, beside, pod_orders):
    namespaces.make("default_web-0")
    assert beside.run(standins.follow([pod_orders(http=(8080,)), pod_orders("idle-0")])) == {}
    assert standins.listening(WEB)
    assert not standins.listening(PodName("default", "idle-0")), "no port was ordered"
    assert not standins.listening(DB)
    assert beside.run(standins.follow([])) == {}
    assert not standins.listening(WEB)


def test_contract_one_bad_pod_hurts_only_itself(standins, namespaces, beside, pod_orders):
    namespaces.make("default_web-0")
    troubles = beside.run(standins.follow([pod_orders(http=(8080,)), pod_orders("db-0", tcp=(5432,))]))
    assert troubles == {DB: "network namespace default_db-0: No such file or directory"}
    assert standins.listening(WEB)
    assert not standins.listening(DB)
    namespaces.make("default_db-0")
    assert beside.run(standins.follow([pod_orders(http=(8080,)), pod_orders("db-0", tcp=(5432,))])) == {}
    assert standins.listening(DB)


def test_contract_reopens(standins, namespaces, beside, pod_orders):
    namespaces.make("default_web-0")
    beside.run(standins.follow([pod_orders(http=(8080,))]))
    beside.run(standins.reopen(WEB))
    beside.run(standins.reopen(DB))
    assert standins.listening(WEB)
    beside.run(standins.close())
    assert not standins.listening(WEB)


# --- real sockets ---


def connect(namespaces, port, name="default_web-0", kind=socket.SOCK_STREAM):
    with in_netns(namespaces.folder / name):
        client = socket.socket(socket.AF_INET, kind)
    client.settimeout(10)
    client.connect(("127.0.0.1", port))
    return client


def read_answer(client):
    """Status, headers (lower case) and body of one HTTP/1.1 answer that has a length."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    while len(body) < int(headers.get("content-length", 0)):
        body += client.recv(65536)
    return int(lines[0].split()[1]), headers, body


def exchange(client, request):
    client.sendall(request)
    return read_answer(client)


def is_closed(client):
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def until(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("did not happen")


@pytest.fixture
def web(server, namespaces, beside, pod_orders):
    namespaces.make("default_web-0")
    assert beside.run(server.follow([pod_orders(http=(8080,), tcp=(5432,), udp=(5353,))])) == {}
    return server


def test_answers_as_echo_basic(web, namespaces):
    status, headers, body = exchange(
        connect(namespaces, 8080), b"GET /a/b?x=1 HTTP/1.1\r\nhost: shop.example:80\r\nx-request-id: 1\r\nX-REQUEST-ID: 2\r\n\r\n"
    )
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"
    assert json.loads(body) == {
        "path": "/a/b?x=1",
        "host": "shop.example:80",
        "method": "GET",
        "proto": "HTTP/1.1",
        "headers": {"X-Request-Id": ["1", "2"]},
        "bodyBytes": 0,
        "namespace": "default",
        "ingress": "",
        "service": "",
        "pod": "web-0",
        "httpPort": "8080",
        "node": "node-1",
        "ip": "127.0.0.1",
        "workload": "Deployment/web",
        "serviceAccount": "default",
        "labels": {"app": "web", "version": "v1"},
        "version": "v1",
    }


GET = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status", "body"),
    [
        pytest.param(GET % b"/health", 200, b"OK", id="health"),
        pytest.param(GET % b"/status/418", 418, b"", id="status path"),
        pytest.param(GET % b"/status/99", 400, b"", id="status path, no status"),
        pytest.param(GET % b"/x?status=503", 503, b'"path":"/x?status=503"', id="status query"),
        pytest.param(GET % b"/x?status=999", 500, b"not a final HTTP status", id="status query, no status"),
        pytest.param(GET % b"/x?delay=20ms", 200, b'"path":"/x?delay=20ms"', id="delay"),
        pytest.param(GET % b"/x?delay=soon", 500, b"not a duration", id="delay, no duration"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 200, b'"bodyBytes":5', id="body"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
            200,
            b'"bodyBytes":6',
            id="chunked",
        ),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", 200, b'"proto":"HTTP/1.0"', id="http 1.0"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200, b'"path":"*"', id="options"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, b"", id="no host"),
        pytest.param(b"nonsense\r\n\r\n", 400, b"", id="not http"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", 400, b"", id="bad header line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n", 200, b'"host":"a X: folded"', id="folded, which h11 unfolds"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 70000, 431, b"", id="head too large"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            400,
            b"",
            id="two content lengths (smuggling)",
        ),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, b"", id="transfer coding that is not known"),
    ],
)
def test_http1(web, namespaces, request_bytes, status, body):
    answer = exchange(connect(namespaces, 8080), request_bytes)
    assert answer[0] == status
    assert body in answer[2]


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(GET % b"/", id="plain"),
        pytest.param(GET % b"/a%20b?x=%C3%A9&y", id="query"),
        pytest.param(b"GET / HTTP/1.1\r\nHOST:a:8080  \r\nx-a:\r\nX-B: 1\tand 2 \r\nx-b: \xe9\r\n\r\n", id="spaces, empty, latin-1"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nx-echo-set-header: a:b, c: d ,connection: close, bad name:1\r\n\r\n", id="set header"),
        pytest.param(GET % b"/x?status=404", id="status"),
        pytest.param(b"HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n", id="head"),
    ],
)
def test_both_readers_of_http1_agree(web, namespaces, request_bytes):
    """The same request whole (short path) and in two pieces (h11): same answer."""
    assert plain_request(request_bytes) is not None
    whole, pieces = connect(namespaces, 8080), connect(namespaces, 8080)
    whole.sendall(request_bytes)
    pieces.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    pieces.sendall(request_bytes[:-3])
    time.sleep(0.03)
    pieces.sendall(request_bytes[-3:])
    if request_bytes.startswith(b"HEAD"):
        assert whole.recv(4096) == pieces.recv(4096)
    else:
        assert read_answer(whole) == read_answer(pieces)


def test_keep_alive_and_pipelining(web, namespaces):
    client = connect(namespaces, 8080)
    for n in range(3):
        assert json.loads(exchange(client, GET % b"/%d" % n)[2])["path"] == f"/{n}"
    client.sendall(
        GET % b"/slow?delay=50ms" + GET % b"/b" + b"POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" + GET % b"/health"
    )
    data = b""
    while data.count(b"HTTP/1.1 200 OK") < 4 or not data.endswith(b"OK"):
        data += client.recv(65536)
    assert [data.index(part) for part in (b'"/slow', b'"/b"', b'"/c"', b"\r\n\r\nOK")] == sorted(
        data.index(part) for part in (b'"/slow', b'"/b"', b'"/c"', b"\r\n\r\nOK")
    )
    assert exchange(client, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")[0] == 200
    assert is_closed(client)


def test_expect_continue_and_a_large_body(web, namespaces):
    client = connect(namespaces, 8080)
    client.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 20000000\r\n\r\n")
    assert client.recv(4096).startswith(b"HTTP/1.1 100 ")
    for _ in range(200):
        client.sendall(b"x" * 100_000)
    assert json.loads(read_answer(client)[2])["bodyBytes"] == 20_000_000


def test_h2c_by_prior_knowledge(web, namespaces):
    client = connect(namespaces, 8080)
    h2c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    h2c.initiate_connection()
    for stream_id, path in ((1, "/one?delay=50ms"), (3, "/two"), (5, "/status/404")):
        h2c.send_headers(
            stream_id, [(":method", "POST"), (":path", path), (":scheme", "http"), (":authority", "shop.example"), ("x-a", "1")]
        )
        h2c.send_data(stream_id, b"hello", end_stream=True)
    answers, ended = collect_h2(client, h2c, 3)
    assert ended == [3, 5, 1]
    assert answers[5][0][":status"] == "404"
    echoed = json.loads(answers[3][1])
    assert (echoed["proto"], echoed["host"], echoed["path"], echoed["bodyBytes"]) == ("HTTP/2.0", "shop.example", "/two", 5)
    assert echoed["headers"] == {"X-A": ["1"]}
    assert json.loads(answers[1][1])["path"] == "/one?delay=50ms"


def test_h2c_keeps_to_a_small_window(web, namespaces):
    client = connect(namespaces, 8080)
    h2c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    h2c.initiate_connection()
    h2c.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 50})
    h2c.send_headers(1, [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "a")], end_stream=True)
    answers, _ = collect_h2(client, h2c, 1)
    assert json.loads(answers[1][1])["pod"] == "web-0"


def collect_h2(client, h2c, streams):
    answers, ended = {}, []
    while len(ended) < streams:
        client.sendall(h2c.data_to_send())
        data = client.recv(65536)
        assert data, "closed"
        for event in h2c.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    answers[event.stream_id] = (dict(event.headers), b"")
                case h2.events.DataReceived():
                    head, body = answers[event.stream_id]
                    answers[event.stream_id] = (head, body + event.data)
                    h2c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    ended.append(event.stream_id)
                case _:
                    pass
    return answers, ended


def test_h2c_by_upgrade(web, namespaces):
    client = connect(namespaces, 8080)
    h2c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    settings = h2c.initiate_upgrade_connection()
    client.sendall(
        b"GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: " + settings + b"\r\n\r\n"
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    assert head.startswith(b"HTTP/1.1 101 ")
    answers, _ = collect_h2(client, h2c, 1)
    assert json.loads(answers[1][1])["path"] == "/up"


def test_websocket_echo(web, namespaces):
    client = connect(namespaces, 8080)
    ws = WSConnection(ConnectionType.CLIENT)
    client.sendall(ws.send(WsRequest(host="a", target="/ws", subprotocols=["chat"])))
    heard = []

    def until_heard(kind):
        while not any(isinstance(event, kind) for event in heard):
            ws.receive_data(client.recv(65536))
            heard.extend(ws.events())
        return next(event for event in heard if isinstance(event, kind))

    assert until_heard(AcceptConnection).subprotocol == "chat"
    client.sendall(ws.send(TextMessage(data="grüezi")) + ws.send(Ping(payload=b"p")) + ws.send(BytesMessage(data=b"\0" * 300_000)))
    assert until_heard(TextMessage).data == "grüezi"
    assert until_heard(Pong).payload == b"p"
    while sum(len(event.data) for event in heard if isinstance(event, BytesMessage)) < 300_000:
        ws.receive_data(client.recv(65536))
        heard.extend(ws.events())
    client.sendall(ws.send(CloseConnection(code=1000)))
    assert until_heard(CloseConnection).code == 1000


def test_a_bad_websocket_handshake_is_refused(web, namespaces):
    client = connect(namespaces, 8080)
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n")
    assert client.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_tcp_and_udp_echo(web, namespaces):
    client = connect(namespaces, 5432)
    client.sendall(b"SELECT 1")
    client.shutdown(socket.SHUT_WR)
    assert client.recv(100) == b"SELECT 1"
    assert is_closed(client)
    datagrams = connect(namespaces, 5353, kind=socket.SOCK_DGRAM)
    for data in (b"a", b"", b"b" * 2000):
        datagrams.send(data)
        assert datagrams.recv(4096) == data


def test_edits_move_only_what_changed(web, namespaces, beside, pod_orders):
    http, tcp = connect(namespaces, 8080), connect(namespaces, 5432)
    assert exchange(http, GET % b"/")[0] == 200
    beside.run(web.follow([pod_orders(http=(8080, 9090), labels={"app": "web", "version": "v2"})]))
    assert json.loads(exchange(http, GET % b"/")[2])["version"] == "v2", "same connection, new labels"
    assert is_closed(tcp)
    assert exchange(connect(namespaces, 9090), GET % b"/")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        connect(namespaces, 5432)


def test_a_namespace_made_anew_is_another(web, namespaces, beside, pod_orders):
    old = connect(namespaces, 8080)
    namespaces.make("default_web-0")
    with pytest.raises(ConnectionRefusedError):
        connect(namespaces, 8080)
    beside.run(web.follow([pod_orders(http=(8080,))]))
    assert exchange(connect(namespaces, 8080), GET % b"/")[0] == 200
    assert is_closed(old)


def test_what_is_in_flight_is_answered_before_the_end(web, namespaces, beside):
    busy, idle = connect(namespaces, 8080), connect(namespaces, 8080)
    assert exchange(idle, GET % b"/")[0] == 200
    busy.sendall(GET % b"/?delay=300ms")
    until(
        lambda: beside.call(
            lambda: any(
                one._timer for opened in web._open.values() for one in opened.port.connections if isinstance(one, http1.HttpConnection)
            )
        )
    )
    beside.run(web.follow([]))
    assert is_closed(idle)
    status, headers, _ = read_answer(busy)
    assert (status, headers["connection"]) == (200, "close")
    assert is_closed(busy)


def test_slow_heads_are_dropped_and_idle_connections_stay(server, namespaces, monkeypatch, beside, pod_orders):
    monkeypatch.setattr(http1, "HEAD_TIMEOUT_S", 0.1)
    monkeypatch.setattr(real, "SWEEP_S", 0.05)
    namespaces.make("default_web-0")
    beside.run(server.follow([pod_orders(http=(8080,))]))
    idle = connect(namespaces, 8080)
    assert exchange(idle, GET % b"/")[0] == 200
    slow = connect(namespaces, 8080)
    slow.sendall(b"GET / HT")
    assert is_closed(slow)
    assert exchange(idle, GET % b"/")[0] == 200
    assert connection.IDLE_TIMEOUT_S > 3600, "Envoy closes first"


@pytest.mark.parametrize(
    ("other", "trouble"),
    [
        pytest.param({"http": (8080,)}, "port 8080/TCP: Address already in use", id="host network, same port"),
        pytest.param({"listen": (StandinPort(7, Protocol.SCTP, False),)}, "port 7/SCTP: stand-ins do not speak SCTP", id="sctp"),
    ],
)
def test_ports_that_cannot_be_opened(web, namespaces, beside, pod_orders, other, trouble):
    troubles = beside.run(web.follow([pod_orders(http=(8080,)), pod_orders("db-0", netns="default_web-0", **other)]))
    assert troubles == {DB: trouble}
    assert web.listening(WEB)
    assert not web.listening(DB)
