"""A real Envoy with listeners of a test's own on loopback, fed over ADS: what stands before a workload, without a network around it.

`app` is the workload: a stand-in for one, which records what reaches it. Clients connect from any address of 127.0.0.0/8.
"""

from __future__ import annotations

import asyncio
import datetime
import http.client
import json
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog

from seaway.drivers.envoy.admin import EnvoyAdmin
from seaway.drivers.envoy.binary import find_envoy
from seaway.drivers.xds.nodes import Refusals, Settled
from seaway.drivers.xds.real import XdsServer
from seaway.plans.envoy.bootstrap import Sockets, render_bootstrap
from seaway.plans.envoy.proto import (
    ADS,
    Cluster,
    DownstreamTlsContext,
    Fields,
    HttpConnectionManager,
    HttpProtocolOptions,
    Listener,
    RouteConfiguration,
    Router,
    TcpProxy,
    TlsInspector,
    extension,
    pack,
    wrapped,
)
from seaway.plans.envoy.resource import build_resource
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import CLUSTER, LISTENER, ROUTES, XdsResource

NODE = "node-1"


class App(ThreadingHTTPServer):
    """Answers 200 to everything and remembers what it was asked."""

    daemon_threads = True

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Handler)
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, f"app {path}".encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: App

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode("latin-1")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, self.path, {**headers, "(body)": body}))
        status, answered, content = self.server.answer(self.path)
        self.send_response(status)
        for name, value in {**answered, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # nobody waits for it any more
            self.wfile.write(content if self.command != "HEAD" else b"")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # any method
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@dataclass
class Authority:
    """Makes certificates whose URI is an identity."""

    folder: Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
        self._root = self._made(self._name, self._key, (x509.BasicConstraints(ca=True, path_length=None),))
        self.root = self._root.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, uri: str) -> tuple[str, str]:
        """Chain and key, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        made = self._made(x509.Name([]), key, (names,))
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        return made.public_bytes(serialization.Encoding.PEM).decode(), pem

    def client(self, uri: str) -> ssl.SSLContext:
        chain, key = self.issue(uri)
        pair = self.folder / f"{abs(hash(uri))}.pem"
        pair.write_text(key + chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(pair)
        return context

    def server(self, uri: str) -> Fields:
        """TransportSocket that wants a certificate of this authority."""
        chain, key = self.issue(uri)
        common = {
            "tls_certificates": [{"certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}}],
            "validation_context": {"trusted_ca": {"inline_string": self.root}},
        }
        context = DownstreamTlsContext(common_tls_context=common, require_client_certificate=wrapped(True))
        return extension("envoy.transport_sockets.tls", context)

    def _made(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extensions: tuple[x509.ExtensionType, ...]) -> x509.Certificate:
        start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
        end = start + datetime.timedelta(days=36500)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number(), start, end)
        for one in extensions:
            builder = builder.add_extension(one, critical=True)
        return builder.sign(self._key, hashes.SHA256())


@dataclass
class PolicedEnvoy:
    """One Envoy; `publish` replaces what it has, and returns when it has it."""

    folder: Path
    stack: ExitStack = field(default_factory=ExitStack)
    published: tuple[XdsResource, ...] = ()

    def __enter__(self) -> PolicedEnvoy:
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        self.stack.callback(thread.join)
        self.stack.callback(self._loop.call_soon_threadsafe, self._loop.stop)
        self._server = XdsServer()
        xds, self._admin = self.folder / "xds.sock", self.folder / "admin.sock"
        self._run(self._server.start(xds))
        self.stack.callback(lambda: self._run(self._server.stop()))
        sockets = Sockets(str(xds), str(self.folder / "sds.sock"), str(self.folder / "flows.sock"), str(self._admin))
        bootstrap = self.folder / "bootstrap.json"
        bootstrap.write_text(render_bootstrap(NODE, sockets, 1))
        quick = ["--drain-time-s", "1", "--file-flush-interval-msec", "20"]
        argv = [str(find_envoy()), "-c", str(bootstrap), "--disable-hot-restart", "--concurrency", "1", "-l", "warn", *quick]
        self.log = self.folder / "envoy.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)
        self.stack.callback(self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def publish(self, *resources: XdsResource) -> None:
        outcome = self.offer(*resources)
        assert isinstance(outcome, Settled), outcome

    def offer(self, *resources: XdsResource) -> Settled | Refusals:
        """What Envoy says to these resources."""
        self.published = resources
        self._run(self._publish())
        return self._run(self._server.wait_settled(NODE, 30))

    def port(self, listener: str) -> int:
        """The port that a listener got."""
        until = time.monotonic() + 20
        while True:
            listeners = json.loads(self._run(self.admin("/listeners?format=json")))["listener_statuses"]
            for one in listeners:
                if one["name"] == listener:
                    return int(one["local_address"]["socket_address"]["port_value"])
            assert time.monotonic() < until, listeners
            time.sleep(0.02)

    async def admin(self, path: str) -> str:
        return await EnvoyAdmin(self._admin).get(path)

    async def _publish(self) -> None:
        self._server.publish(NODE, Resources.of(self.published))

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _end(self) -> None:
        self.process.kill()
        self.process.wait()


def cluster(name: str, port: int, http2: bool = False, timeout_s: int = 1) -> XdsResource:
    protocol = "http2_protocol_options" if http2 else "http_protocol_options"
    options = HttpProtocolOptions(explicit_http_config={protocol: {}})
    endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
    message = Cluster(
        name=name,
        type="STATIC",
        connect_timeout={"seconds": timeout_s},
        load_assignment={"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(options)},
    )
    return build_resource(CLUSTER, name, message, ())


def routes(name: str, per_filter: Mapping[str, object], virtual_hosts: Iterable[Fields] = (), **fields: object) -> XdsResource:
    """Everything to `app`, unless other virtual hosts are given."""
    everything = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}]}
    hosts = [*virtual_hosts] or [everything]
    message = RouteConfiguration(name=name, virtual_hosts=hosts, typed_per_filter_config=dict(per_filter), **fields)
    return build_resource(ROUTES, name, message, ())


def http_listener(name: str, filters: list[Fields], manager: Fields, tls: Fields | None = None, log: Path | None = None) -> XdsResource:
    """On a port of its own choice; routes by the listener's name. `log` is a file that gets a line a request: its path, status, details."""
    fields: dict[str, object] = {"stat_prefix": name, "codec_type": "AUTO", "rds": {"config_source": ADS, "route_config_name": name}}
    if log is not None:
        line = {"text_format_source": {"inline_string": "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n"}}
        fields["access_log"] = [extension("envoy.access_loggers.file", FileAccessLog(path=str(log), log_format=line))]
    http = HttpConnectionManager(**{**fields, **manager}, http_filters=[*filters, extension("envoy.filters.http.router", Router())])
    return listener(name, [extension("envoy.filters.network.http_connection_manager", http)], tls)


def tcp_listener(name: str, filters: list[Fields], to: str, tls: Fields | None = None) -> XdsResource:
    return listener(name, [*filters, extension("envoy.filters.network.tcp_proxy", TcpProxy(stat_prefix=name, cluster=to))], tls)


def listener(name: str, filters: list[Fields], tls: Fields | None) -> XdsResource:
    chain: dict[str, object] = {"filters": filters}
    fields: dict[str, object] = {}
    if tls is not None:
        chain["transport_socket"] = tls
        fields["listener_filters"] = [extension("envoy.filters.listener.tls_inspector", TlsInspector())]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    return build_resource(LISTENER, name, Listener(name=name, stat_prefix=name, address=address, filter_chains=[chain], **fields), ())


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Client:
    """Requests to one port, from one address, over one connection while that lasts."""

    port: int
    source: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    _connection: http.client.HTTPConnection | None = None

    def ask(
        self, method: str = "GET", path: str = "/", headers: Iterable[tuple[str, str]] = (), host: str = "app.test", body: bytes = b""
    ) -> Reply:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port)
            self._connection.sock = self.connect()
        connection = self._connection
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (("Host", host), *headers):
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        reply = Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        if response.will_close:
            self.close()
        return reply

    @property
    def socket(self) -> socket.socket:
        """Of the connection that is open."""
        assert self._connection is not None
        return self._connection.sock

    def connect(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=20, source_address=(self.source, 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.tls.wrap_socket(sock, server_hostname=self.server_name) if self.tls else sock

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def patiently(check: Callable[[], object], limit_s: float = 10) -> None:
    """Until it returns something true."""
    until = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < until
        time.sleep(0.02)


def said(sock: socket.socket, data: bytes, until: bytes = b"", limit_s: float = 5) -> bytes:
    """Everything that comes back to these bytes until the peer closes, falls silent, or has said `until`."""
    answer = b""
    sock.settimeout(limit_s)
    with suppress(OSError):
        sock.sendall(data)
        while chunk := sock.recv(65536):
            answer += chunk
            if until and until in answer:
                break
    return answer


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with suppress(OSError):
            if isinstance(self.server, _Greeting):
                self.request.sendall(b"hello\n")
            while data := self.request.recv(65536):
                self.request.sendall(data)


class _Echoing(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


class _Greeting(_Echoing):
    """Speaks first."""


@contextmanager
def echoing(greets: bool = False) -> Iterator[int]:
    """A server that says back what it is told, on this port of loopback."""
    with (_Greeting if greets else _Echoing)(("127.0.0.1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
