"""Probes: thresholds as a table, attempts against real sockets, and the order of things over a pod's life."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from seaway.core.origin import Origin
from seaway.drivers.probes.attempt import attempt
from seaway.drivers.probes.reach import Reach
from seaway.drivers.probes.real import HELD_UNREADY, Hearers, Prober
from seaway.drivers.probes.verdict import Verdict
from seaway.drivers.process.namespaces import in_netns
from seaway.drivers.standin.answer import Identity
from seaway.drivers.standin.connection import Port
from seaway.drivers.standin.http1 import HttpConnection
from seaway.model.workload import Exec, GrpcHealth, HttpGet, PodName, Probe, ProbeKind, TcpConnect, Timing

WEB = PodName("default", "web-0")


@pytest.mark.parametrize(
    ("answers", "success", "failure", "verdicts"),
    [
        pytest.param("+", 1, 3, "+", id="first success"),
        pytest.param("---", 1, 3, "??-", id="failure needs three"),
        pytest.param("+--+---+", 1, 3, "++++++-+", id="a success in between starts the count again"),
        pytest.param("-+-++", 2, 1, "----+", id="success needs two"),
        pytest.param("+-+-", 1, 2, "++++", id="flapping below the threshold changes nothing"),
    ],
)
def test_thresholds(answers, success, failure, verdicts):
    verdict, seen = Verdict(), ""
    for answer in answers:
        verdict = verdict.after(answer == "+", Timing(0, 1, 1, success, failure))
        seen += {True: "+", False: "-", None: "?"}[verdict.passed]
    assert seen == verdicts


# --- attempts ---


@contextlib.asynccontextmanager
async def serving(factory: Callable[[], asyncio.BaseProtocol], tls=None):
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


class Says(asyncio.Protocol):
    """Answers anything with these bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(self.data)


def http(port, path="/", tls=False, headers=()):
    return HttpGet("127.0.0.1", port, path, tls, headers)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda port: http(port, "/healthz"), "", id="http 200"),
        pytest.param(lambda port: http(port, "/status/302"), "", id="http redirect"),
        pytest.param(lambda port: http(port, "/status/404"), "HTTP probe failed with statuscode: 404", id="http 404"),
        pytest.param(lambda port: http(port, "/?delay=5s"), "timed out after 0.3 s", id="http slow"),
        pytest.param(lambda port: TcpConnect("127.0.0.1", port), "", id="tcp"),
        pytest.param(lambda port: GrpcHealth(port, ""), "", id="grpc"),
        pytest.param(lambda port: GrpcHealth(port, "a.service" * 30), "", id="grpc, long name"),
        pytest.param(lambda port: Exec(("/no/such",)), "", id="exec in a stand-in"),
    ],
)
def test_attempts_at_a_standin(pod_orders, make, reason):
    port_of_pod = Port(Identity(pod_orders(), 80))

    async def run():
        async with serving(lambda: HttpConnection(port_of_pod)) as port:
            return await attempt(make(port), Reach("127.0.0.1"), 0.3, None)

    assert asyncio.run(run()) == reason


@pytest.mark.parametrize(
    ("says", "make", "reason"),
    [
        pytest.param(b"SSH-2.0-x\r\n", http, "malformed HTTP response", id="not http"),
        pytest.param(b"x" * 20000, http, "malformed HTTP response", id="endless line"),
        pytest.param(b"HTTP/1.0 200\r\n\r\n", http, "", id="no phrase"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", lambda port: GrpcHealth(port, ""), "timed out", id="grpc at http/1"),
        pytest.param(b"", lambda port: http(1), "Connection refused", id="refused"),
        pytest.param(b"hello", lambda port: http(port, tls=True), "TLS: ", id="no tls"),
        pytest.param(b"", lambda port: TcpConnect("127.0.0.1", 1), "Connection refused", id="tcp refused"),
    ],
)
def test_attempts_at_odd_servers(says, make, reason):
    async def run():
        async with serving(lambda: Says(says)) as port:
            return await attempt(make(port), Reach("127.0.0.1"), 0.5, None)

    got = asyncio.run(run())
    assert got.startswith(reason) if reason else got == ""


def test_headers_replace_the_defaults():
    heard = b""

    class Listens(Says):
        def data_received(self, data):
            nonlocal heard
            heard += data
            self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def run():
        async with serving(lambda: Listens(b"")) as port:
            return await attempt(
                http(port, "", headers=(("host", "shop.example"), ("Accept", ""), ("X-A", "1"))), Reach("127.0.0.1"), 2, None
            )

    assert asyncio.run(run()) == ""
    assert heard == b"GET / HTTP/1.1\r\nhost: shop.example\r\nUser-Agent: kube-probe/1.34\r\nX-A: 1\r\nConnection: close\r\n\r\n"


def test_certificates_are_not_verified(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))

    async def run():
        async with serving(lambda: Says(b"HTTP/1.1 200 OK\r\n\r\n"), context) as port:
            return await attempt(http(port, tls=True), Reach("127.0.0.1"), 5, None)

    assert asyncio.run(run()) == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda port: http(port),
        lambda port: http(port, tls=True),
        lambda port: TcpConnect("127.0.0.1", port),
        lambda port: GrpcHealth(port, ""),
    ],
    ids=["http", "https", "tcp", "grpc"],
)
def test_probes_of_a_member_start_inside_it(namespaces, tmp_path, pod_orders, make):
    """Nobody listens on this port where the test itself is."""
    netns, port_of_pod = namespaces.make("pod"), Port(Identity(pod_orders(), 80))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    tls = isinstance(make(1), HttpGet) and make(1).tls
    factory = (lambda: Says(b"HTTP/1.1 200 OK\r\n\r\n")) if tls else (lambda: HttpConnection(port_of_pod))

    async def run():
        with in_netns(netns):
            listener = socket.create_server(("127.0.0.1", 0))
        async with await asyncio.get_running_loop().create_server(factory, sock=listener, ssl=context if tls else None):
            action = make(listener.getsockname()[1])
            return await attempt(action, Reach("127.0.0.1", netns), 5, None), await attempt(action, Reach("127.0.0.1"), 5, None)

    assert asyncio.run(run()) == ("", "Connection refused")


def self_signed(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "expired.example")])
    then = datetime(2020, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    certificate = builder.not_valid_before(then).not_valid_after(then + timedelta(days=1)).sign(key, hashes.SHA256())
    path = folder / "both.pem"
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(text + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_exec_runs_inside_the_pod():
    asked = []

    async def run_inside(argv, timeout_s):
        asked.append((argv, timeout_s))
        return (0, "") if argv == ("true",) else (3, "no database")

    assert asyncio.run(attempt(Exec(("true",)), Reach(""), 2, run_inside)) == ""
    assert asyncio.run(attempt(Exec(("check",)), Reach(""), 2, run_inside)) == "command ended with exit code 3: no database"
    assert asked == [(("true",), 2), (("check",), 2)]


# --- a pod's life ---


class Life:
    """A prober whose exec probes are answered from `answers` (command: exit codes in order, the last one stays)."""

    def __init__(self, **answers):
        self.answers = {name: list(codes) for name, codes in answers.items()}
        self.heard, self.asked = [], []
        self.prober = Prober(
            Hearers(
                ready=lambda pod, ready, reason: self.heard.append(("ready" if ready else "unready", reason)),
                failed=lambda pod, why: self.heard.append(("failed", why)),
                noted=lambda pod, why: self.heard.append(("noted", why)),
                run_inside=lambda pod: self._run,
            ),
            Path("/nowhere"),
        )

    async def _run(self, argv, timeout_s):
        self.asked.append(argv[0])
        codes = self.answers[argv[0]]
        return (codes.pop(0) if len(codes) > 1 else codes[0]), ""

    async def until(self, count):
        async with asyncio.timeout(20):
            while len(self.heard) < count:
                await asyncio.sleep(0.002)

    async def until_asked(self, name, times):
        async with asyncio.timeout(20):
            while self.asked.count(name) < times:
                await asyncio.sleep(0.002)


def probe(kind, command, delay=0, success=1, failure=1):
    return Probe(kind, "app", Exec((command,)), Timing(delay, 0.01, 1, success, failure), Origin("pod.yaml", 7))


READINESS, LIVENESS, STARTUP = ProbeKind.READINESS, ProbeKind.LIVENESS, ProbeKind.STARTUP
FAILED = "probe failed: command ended with exit code 1"


def live(scenario):
    asyncio.run(scenario())


def test_without_probes_ready_is_up(pod_orders):
    async def scenario():
        life = Life()
        life.prober.follow([pod_orders()])
        assert life.prober.ready == frozenset()
        life.prober.started(WEB)
        assert life.prober.ready == {WEB}, "at once, without waiting for the loop"
        life.prober.stopped(WEB, "ended with exit code 1")
        life.prober.started(PodName("default", "other"))
        life.prober.follow([])
        assert life.heard == [("ready", ""), ("unready", "ended with exit code 1")]

    live(scenario)


def test_readiness_comes_and_goes(pod_orders):
    async def scenario():
        life = Life(r=[1, 0, 0, 1, 1, 0])
        life.prober.follow([pod_orders(probes=(probe(READINESS, "r", failure=2),))])
        life.prober.started(WEB)
        await life.until(4)
        assert life.heard == [("ready", ""), ("noted", f"Readiness {FAILED}"), ("unready", f"Readiness {FAILED}"), ("ready", "")]
        life.prober.close()

    live(scenario)


def test_startup_gates_the_others(pod_orders):
    async def scenario():
        life = Life(s=[1, 1, 0], r=[0], l=[0])
        probes = (probe(READINESS, "r"), probe(LIVENESS, "l"), probe(STARTUP, "s", failure=5))
        life.prober.follow([pod_orders(probes=probes)])
        life.prober.started(WEB)
        await life.until(1)
        await life.until_asked("l", 2)
        assert life.heard == [("ready", "")]
        assert life.asked[:3] == ["s", "s", "s"]
        assert life.asked.count("s") == 3, "a startup probe that has passed is over"
        life.prober.close()

    live(scenario)


@pytest.mark.parametrize("kind", [LIVENESS, STARTUP])
def test_a_failed_probe_asks_for_one_restart(pod_orders, kind):
    async def scenario():
        life = Life(p=[1, 1, 1, 0])
        life.prober.follow([pod_orders(probes=(probe(kind, "p", failure=3),))])
        life.prober.started(WEB)
        why = f"{kind.value.capitalize()} {FAILED}"
        await life.until(2 if kind is STARTUP else 3)
        assert [one for one in life.heard if one[0] != "ready"] == [("noted", why), ("failed", why)]
        await asyncio.sleep(0.05)
        assert life.asked == ["p"] * 3, "on hold until the restart"
        life.prober.stopped(WEB, why)
        life.prober.started(WEB)
        await life.until_asked("p", 4)
        await life.until(4 if kind is LIVENESS else 3)
        assert life.heard[-1] == ("ready", "")
        life.prober.close()

    live(scenario)


def test_initial_delay_counts_from_the_start(pod_orders):
    async def scenario():
        life = Life(r=[0])
        life.prober.follow([pod_orders(probes=(probe(READINESS, "r", delay=0.1),))])
        began = asyncio.get_running_loop().time()
        life.prober.started(WEB)
        assert life.prober.ready == frozenset()
        await life.until(1)
        assert asyncio.get_running_loop().time() - began >= 0.1
        life.prober.close()

    live(scenario)


def test_held_unready_by_hand(pod_orders):
    async def scenario():
        life = Life(r=[0])
        life.prober.follow([pod_orders(probes=(probe(READINESS, "r"),))])
        life.prober.started(WEB)
        await life.until(1)
        assert life.prober.hold_unready(WEB, True)
        life.prober.started(WEB)
        await life.until_asked("r", 3)
        assert life.prober.hold_unready(WEB, False)
        assert life.heard == [("ready", ""), ("unready", HELD_UNREADY), ("ready", "")]
        assert not life.prober.hold_unready(PodName("default", "other"), True)
        life.prober.close()

    live(scenario)


def test_orders_that_change(pod_orders):
    async def scenario():
        life = Life(r=[0], other=[1])
        pod = pod_orders(probes=(probe(READINESS, "r"),))
        life.prober.follow([pod])
        life.prober.started(WEB)
        await life.until(1)
        life.prober.follow([pod_orders(probes=pod.probes, labels={"app": "other"})])
        assert life.prober.ready == {WEB}, "labels are no reason to probe anew"
        life.prober.follow([pod_orders(probes=(probe(READINESS, "other"),))])
        await life.until_asked("other", 1)
        assert life.prober.ready == frozenset()
        life.prober.follow([pod_orders(revision="r2")])
        assert not life.prober.is_up(WEB), "a new pod under the old name has yet to start"
        life.prober.close()

    live(scenario)


def test_many_pods_spread_over_the_period(pod_orders):
    """Attempts of 300 pods that start together: after the first, no pod's pauses line up with all others'."""

    async def scenario():
        life = Life(r=[0])
        pods = [pod_orders(f"web-{n}", probes=(probe(READINESS, "r"),)) for n in range(300)]
        life.prober.follow(pods)
        for pod in pods:
            life.prober.started(PodName("default", pod.name))
        await life.until(300)
        await life.until_asked("r", 900)
        assert len(life.prober.ready) == 300
        life.prober.close()
        assert all(one == ("ready", "") for one, _ in pairwise(life.heard))

    live(scenario)
