"""The agent: one contract for the real link and the fake one, and a process that is killed and comes back."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time

import msgspec
import pytest

from seaway.app.agent import AgentSettings
from seaway.app.agents import agent_argv
from seaway.core.errors import DriverError
from seaway.core.origin import Origin
from seaway.drivers.agent.fake import FakeLink
from seaway.drivers.agent.link import AgentLink
from seaway.drivers.agent.messages import AgentEvent, Applied, EventKind, PodError, ReadyChange, ReadySet
from seaway.drivers.agent.orders import write_orders
from seaway.drivers.process.namespaces import in_netns
from seaway.drivers.process.pidfile import is_alive
from seaway.drivers.programs.record import read_record
from seaway.model.workload import Exec, HttpGet, PodName, Probe, ProbeKind, TcpConnect, Timing
from seaway.plans.node.plan import NodeOrders
from seaway.protocols.dns_zone import DnsZone, RecordSet

WEB, DB = PodName("default", "web-0"), PodName("default", "db-0")
TIMING = Timing(0, 1, 1, 1, 1)


def readiness(action):
    return Probe(ProbeKind.READINESS, "app", action, TIMING, Origin("pod.yaml", 9))


def until(condition, what="it did not happen"):
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(what() if callable(what) else what)


# --- the link, fake and real ---


class Node:
    """A node's folder with an agent process (or a fake link to none) and what the link heard."""

    def __init__(self, namespaces, folder, beside, fake=False):
        self.namespaces, self.beside, self.heard = namespaces, beside, []
        self.folder = folder / "node-1"
        self.folder.mkdir()
        self.orders = self.folder / "orders.json"
        self.settings = AgentSettings("node-1", self.folder, namespaces.folder)
        self.agent = None
        self.link = FakeLink(self.orders, self.heard.append) if fake else AgentLink(self.folder / "agent.sock", self.heard.append)
        if not fake:
            namespaces.make("node_node-1")
            self.start()
        beside.run(self.link.open())
        until(lambda: self.of(ReadySet), self.log)

    def start(self):
        with open(self.folder.parent / "agent.log", "ab") as log:
            self.agent = subprocess.Popen(
                agent_argv(self.settings.node, self.settings.node_folder, self.settings.netns_folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def log(self):
        path = self.folder.parent / "agent.log"
        return path.read_text() if path.exists() else ""

    def follow(self, *pods, zone=b"null"):
        version = write_orders(self.orders, NodeOrders("node-1", pods), zone)
        applied = self.beside.run(self.link.follow(version))
        assert applied.version == version or applied.problem, applied
        return applied

    def ready(self):
        return self.beside.call(lambda: self.link.ready)

    def of(self, kind):
        return [one for one in tuple(self.heard) if isinstance(one, kind)]

    def events(self, kind):
        return [(event.pod, event.text) for event in self.of(AgentEvent) if event.kind is kind]

    def get(self, port, path="/", name="default_web-0"):
        with in_netns(self.namespaces.folder / name):
            client = socket.socket()
        with client:
            client.settimeout(10)
            client.connect(("127.0.0.1", port))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            data = b""
            while piece := client.recv(65536):
                data += piece
        return json.loads(data.partition(b"\r\n\r\n")[2])

    def close(self):
        if self.agent is not None and self.agent.poll() is None:
            self.beside.run(self.link.stop())
            assert self.agent.wait(20) == 0, self.log()
        self.beside.run(self.link.close())


@pytest.fixture(params=["fake", "real"])
def either(request, namespaces, short_path, beside):
    made = Node(namespaces, short_path, beside, fake=request.param == "fake")
    yield made
    made.close()


@pytest.fixture
def node(namespaces, short_path, beside):
    made = Node(namespaces, short_path, beside)
    yield made
    made.close()


def test_contract_orders_become_ready_pods(either, namespaces, pod_orders):
    namespaces.make("default_web-0")
    assert either.follow(pod_orders(http=(8080,))).errors == ()
    until(lambda: either.ready() == {WEB})
    assert isinstance(either.heard[0], ReadySet)
    assert ReadyChange("default/web-0", True, "") in either.heard
    either.follow()
    until(lambda: either.ready() == frozenset())
    assert either.of(ReadyChange)[-1] == ReadyChange("default/web-0", False, "deleted")


def test_contract_a_bad_file_keeps_the_last_good_orders(either, namespaces, pod_orders, beside):
    namespaces.make("default_web-0")
    good = either.follow(pod_orders(http=(8080,)))
    until(lambda: either.ready() == {WEB})
    either.orders.write_text("{")
    applied = beside.run(either.link.follow("other"))
    assert applied.version == good.version
    assert "orders.json" in applied.problem
    assert either.ready() == {WEB}


def test_contract_held_unready(either, namespaces, pod_orders, beside):
    namespaces.make("default_web-0")
    either.follow(pod_orders(http=(8080,)))
    beside.run(either.link.hold_unready(WEB, True))
    until(lambda: either.ready() == frozenset())
    assert either.of(ReadyChange)[-1] == ReadyChange("default/web-0", False, "held unready by hand")
    beside.run(either.link.hold_unready(WEB, False))
    until(lambda: either.ready() == {WEB})
    with pytest.raises(DriverError, match="no pod default/db-0"):
        beside.run(either.link.hold_unready(DB, True))


def test_contract_a_pod_that_cannot_be_served(either, namespaces, pod_orders, beside):
    namespaces.make("default_web-0")
    trouble = "network namespace default_db-0: No such file or directory"
    if isinstance(either.link, FakeLink):
        either.link.broken[DB] = trouble
    applied = either.follow(pod_orders(http=(8080,)), pod_orders("db-0", tcp=(5432,)))
    assert applied.errors == (PodError("default/db-0", trouble),)
    until(lambda: either.ready() == {WEB})
    namespaces.make("default_db-0")
    if isinstance(either.link, FakeLink):
        either.link.broken.clear()
        beside.call(either.link.refresh)
    until(lambda: either.ready() == {WEB, DB})


# --- the real process ---


def test_pods_of_every_kind(node, namespaces, pod_orders):
    for name in ("web-0", "db-0", "gateway-0"):
        namespaces.make(f"default_{name}")
    probes = (readiness(HttpGet("127.0.0.1", 8080, "/health", False, ())),)
    applied = node.follow(
        pod_orders(http=(8080,)),
        pod_orders("db-0", command=("sleep", "600"), probes=(readiness(Exec(("grep", "-q", "10.96.0.10", "/etc/resolv.conf"))),)),
        pod_orders("gateway-0"),
        pod_orders("host-0", netns="node_node-1", address="127.0.0.1", http=(8080,), probes=probes),
    )
    assert applied.errors == ()
    until(lambda: node.ready() == {PodName("default", name) for name in ("web-0", "db-0", "gateway-0", "host-0")}, node.log)
    assert node.get(8080)["pod"] == "web-0"
    assert node.get(8080, name="node_node-1")["pod"] == "host-0"
    assert [pod for pod, text in node.events(EventKind.PROGRAM) if text.startswith("started")] == ["default/db-0"]


def test_a_killed_agent_comes_back_and_programs_go_on(node, namespaces, pod_orders):
    """Without the control plane: nobody sends orders again, the file says it all."""
    for name in ("web-0", "db-0"):
        namespaces.make(f"default_{name}")
    node.follow(pod_orders(http=(8080,)), pod_orders("db-0", command=("sleep", "600")))
    until(lambda: node.ready() == {WEB, DB})
    record = read_record(node.folder / "programs" / "default_db-0.json")
    node.agent.kill()
    node.agent.wait()
    with pytest.raises(ConnectionRefusedError):
        node.get(8080)
    assert is_alive(record.process)
    assert node.ready() == {WEB, DB}, "kept while the agent is away"
    node.heard.clear()
    node.start()
    until(lambda: node.of(ReadySet), node.log)
    assert node.heard[0] == ReadySet(("default/db-0", "default/web-0")), "sockets are open before clients are told"
    assert node.get(8080)["pod"] == "web-0"
    assert read_record(node.folder / "programs" / "default_db-0.json") == record


def test_sigterm_leaves_programs_and_stop_ends_them(node, namespaces, pod_orders, beside):
    namespaces.make("default_db-0")
    node.follow(pod_orders("db-0", command=("sleep", "600")))
    process = read_record(node.folder / "programs" / "default_db-0.json").process
    node.agent.send_signal(signal.SIGTERM)
    assert node.agent.wait(20) == 0
    assert is_alive(process)
    node.start()
    beside.run(node.link.stop())
    assert node.agent.wait(20) == 0
    assert not is_alive(process)
    assert not (node.folder / "agent.sock").exists()


def test_edits_leave_other_programs_and_connections(node, namespaces, pod_orders):
    for name in ("web-0", "db-0"):
        namespaces.make(f"default_{name}")
    database = pod_orders("db-0", command=("sleep", "600"))
    node.follow(pod_orders(tcp=(5432,)), database)
    with in_netns(namespaces.folder / "default_web-0"):
        client = socket.socket()
    client.settimeout(10)
    client.connect(("127.0.0.1", 5432))
    process = read_record(node.folder / "programs" / "default_db-0.json").process
    node.follow(pod_orders(tcp=(5432,), http=(80,)), dataclasses.replace(database, labels={"new": "label"}))
    client.sendall(b"still here")
    assert client.recv(100) == b"still here"
    assert read_record(node.folder / "programs" / "default_db-0.json").process == process
    client.close()


def test_a_failed_liveness_probe_restarts(node, namespaces, pod_orders):
    for name in ("web-0", "db-0"):
        namespaces.make(f"default_{name}")
    broken = Probe(ProbeKind.LIVENESS, "app", Exec(("false",)), TIMING, Origin("pod.yaml", 9))
    also = dataclasses.replace(broken, action=TcpConnect("127.0.0.1", 9))
    node.follow(pod_orders(http=(8080,), probes=(also,)), pod_orders("db-0", command=("sleep", "600"), probes=(broken,)))
    until(lambda: len(dict(node.events(EventKind.RESTART))) == 2, node.log)
    assert dict(node.events(EventKind.RESTART)) == {
        "default/web-0": "Liveness probe failed: Connection refused",
        "default/db-0": "Liveness probe failed: command ended with exit code 1",
    }
    until(lambda: any("starts again" in text for _, text in node.events(EventKind.PROGRAM)), node.log)
    until(lambda: [text for _, text in node.events(EventKind.PROGRAM)][-1].startswith("started"), node.log)


def test_a_program_that_cannot_start_is_told_and_tried_again(node, namespaces, pod_orders, short_path):
    namespaces.make("default_db-0")
    program = short_path / "program"
    applied = node.follow(pod_orders("db-0", command=(str(program),)))
    assert applied.errors == (PodError("default/db-0", f"program cannot start: {program}: No such file or directory"),)
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    until(lambda: node.ready() == {DB}, node.log)
    until(lambda: node.of(Applied))
    assert node.of(Applied)[-1].errors == ()


def test_orders_before_there_is_an_agent(namespaces, short_path, beside, pod_orders):
    """As at `seaway up`: the control plane asks at once, and hears when the agent has started."""
    folder = short_path / "node-1"
    folder.mkdir()
    namespaces.make("default_web-0")
    link = AgentLink(folder / "agent.sock", lambda report: None)
    beside.run(link.open())
    version = write_orders(folder / "orders.json", NodeOrders("node-1", (pod_orders(http=(80,)),)))
    answer = asyncio.run_coroutine_threadsafe(link.follow(version), beside.loop)
    time.sleep(0.05)
    agent = subprocess.Popen(agent_argv("node-1", folder, namespaces.folder), stderr=subprocess.DEVNULL)
    assert answer.result(20).version == version
    assert beside.call(lambda: link.ready) == {WEB}
    beside.run(link.stop())
    assert agent.wait(20) == 0
    beside.run(link.close())


def test_the_same_orders_again_find_a_namespace_made_anew(node, namespaces, pod_orders):
    namespaces.make("default_web-0")
    node.follow(pod_orders(http=(8080,)))
    namespaces.make("default_web-0")
    with pytest.raises(ConnectionRefusedError):
        node.get(8080)
    node.follow(pod_orders(http=(8080,)))
    assert node.get(8080)["pod"] == "web-0"


def test_several_clients(node, namespaces, pod_orders, beside):
    namespaces.make("default_web-0")
    heard = []
    other = AgentLink(node.folder / "agent.sock", heard.append)
    node.follow(pod_orders(http=(8080,)))
    until(lambda: node.ready() == {WEB})
    beside.run(other.open())
    until(lambda: heard)
    assert heard[0] == ReadySet(("default/web-0",))
    node.follow()
    until(lambda: beside.call(lambda: other.ready) == frozenset())
    beside.run(other.close())


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"type":"orders"}\n', b'{"type":"eat","id":1}\n', b"\xff\n"])
def test_a_client_that_talks_nonsense_is_dropped(node, namespaces, pod_orders, line):
    until(lambda: (node.folder / "agent.sock").exists())
    assert stat.S_IMODE((node.folder / "agent.sock").stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(node.folder / "agent.sock"))
        client.sendall(line)
        data = b""
        while piece := client.recv(4096):
            data += piece
    assert data.splitlines()[0] == b'{"type":"ready","pods":[]}'
    assert node.follow().errors == ()


def test_only_one_agent_a_node(node):
    until(lambda: node.beside.call(lambda: node.link.connected))
    second = subprocess.run(
        agent_argv(node.settings.node, node.settings.node_folder, node.settings.netns_folder),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 2
    assert "an agent of node-1 runs already" in second.stderr


def test_nobody_answers(short_path, beside):
    link = AgentLink(short_path / "agent.sock", print)
    beside.run(link.open())
    with pytest.raises(DriverError, match="does not answer"):
        beside.run(link.follow("v", timeout_s=0.1))
    assert not beside.call(lambda: link.connected)
    beside.run(link.close())


def test_a_closed_stdout_and_stderr_are_no_matter(namespaces, short_path, beside):
    folder = short_path / "node-1"
    folder.mkdir()
    settings = AgentSettings("node-1", folder, namespaces.folder)
    command = f"exec {' '.join(agent_argv(settings.node, settings.node_folder, settings.netns_folder))} >&- 2>&-"
    agent = subprocess.Popen(["sh", "-c", command], stdin=subprocess.DEVNULL)
    link = AgentLink(folder / "agent.sock", lambda report: None)
    beside.run(link.open())
    version = write_orders(folder / "orders.json", NodeOrders("node-1", ()))
    assert beside.run(link.follow(version)).version == version
    os.kill(agent.pid, signal.SIGHUP)
    beside.run(link.stop())
    assert agent.wait(20) == 0
    beside.run(link.close())


def test_cluster_dns_in_its_pod(node, namespaces, pod_orders):
    namespaces.make("default_dns-0")
    records = (RecordSet("ns.dns", "A", 5, ("10.96.0.10",)), RecordSet("web.default.svc", "A", 5, ("10.96.0.20",)))
    zone = DnsZone("cluster.local", "ns.dns", 5, 1, (), (), records)
    dns = pod_orders("dns-0", serves_dns=True)
    assert node.follow(dns, zone=msgspec.json.encode(zone)).errors == ()
    until(lambda: node.ready() == {PodName("default", "dns-0")}, node.log)
    assert ask(namespaces, "web.default.svc.cluster.local") == bytes([10, 96, 0, 20])
    changed = dataclasses.replace(zone, serial=2, records=(records[0], RecordSet("web.default.svc", "A", 5, ("10.96.0.21",))))
    node.follow(dns, zone=msgspec.json.encode(changed))
    assert ask(namespaces, "web.default.svc.cluster.local") == bytes([10, 96, 0, 21])
    node.follow(dns, zone=b'{"domain":1}')
    until(lambda: node.events(EventKind.DNS), node.log)
    assert ask(namespaces, "web.default.svc.cluster.local") == bytes([10, 96, 0, 21]), "the former zone answers on"


def ask(namespaces, name):
    """The address in an answer to one A question."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    with in_netns(namespaces.folder / "default_dns-0"):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        client.settimeout(10)
        client.sendto(b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0" + labels + b"\0\0\x01\0\x01", ("127.0.0.1", 53))
        answer = client.recv(4096)
    assert answer[:2] == b"\x12\x34"
    assert answer[6:8] == b"\0\x01", f"one answer: {answer!r}"
    return answer[-4:]


IN_A_USER_NAMESPACE = """
import os, socket, subprocess, sys, time
from pathlib import Path
from seaway.app.agent import AgentSettings
from seaway.app.agents import agent_argv
from seaway.core.origin import Origin
from seaway.drivers.agent.orders import write_orders
from seaway.drivers.process.namespaces import CLONE_NEWNET, MS_NOSUID, in_netns, mount, pin_namespace, unshare
from seaway.model.workload import Command, Protocol
from seaway.plans.node.plan import NodeOrders, PodOrders, StandinPort

state = Path(sys.argv[1])
node, folder = state / "node-1", state / "ns"
node.mkdir(), folder.mkdir()
mount("tmpfs", folder, "tmpfs", MS_NOSUID, "size=1m")
for name in ("default_db-0", "default_web-0", "node_node-1"):
    unshare(CLONE_NEWNET)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    pin_namespace(folder / name)

def pod(name, listen, command):
    texts = ("nameserver 10.96.0.10\\n", "10.9.8.7\\talias.example\\n")
    rest = ("r1", name, {}, "default", "Pod/" + name, listen, command, False, False, (), *texts)
    return PodOrders("default", name, "default_" + name, "10.244.0.5", "0.0.0.0", "node-1", *rest)

script = "cat /etc/resolv.conf /etc/hosts; hostname; exec sleep 600"
program = Command(("sh", "-c", script), (), "", "Always", Origin("pod.yaml", 1))
web = (StandinPort(80, Protocol.TCP, True),)
write_orders(node / "orders.json", NodeOrders("node-1", (pod("db-0", (), program), pod("web-0", web, None))))
agent = subprocess.Popen(agent_argv("node-1", node, folder))
log = state / "logs" / "pods" / "default_db-0.log"
for _ in range(1000):
    if (node / "agent.sock").exists() and log.exists() and "db-0" in log.read_text():
        break
    time.sleep(0.01)
print(log.read_text(), end="")
with in_netns(folder / "default_web-0"):
    client = socket.create_connection(("127.0.0.1", 80), 10)
client.sendall(b"GET /health HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
print(client.recv(4096).split(b"\\r\\n")[0].decode())
control = socket.socket(socket.AF_UNIX)
control.connect(str(node / "agent.sock"))
lines = control.makefile()
print(*[lines.readline() for _ in range(3)], sep="", end="")
control.sendall(b'{"type":"stop","id":7}' + b"\\n")
while b'"done"' not in (heard := control.recv(4096)):
    pass
print(agent.wait(20))
"""


def test_as_an_ordinary_user_in_a_user_namespace(short_path):
    argv = ["unshare", "--user", "--map-root-user", "--mount", "--net", sys.executable, "-c", IN_A_USER_NAMESPACE, str(short_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode and "unshare:" in done.stderr:
        pytest.skip("this system does not allow user namespaces")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "nameserver 10.96.0.10",
        "10.9.8.7\talias.example",
        "db-0",
        "HTTP/1.1 200 OK",
        '{"type":"ready","pods":["default/db-0","default/web-0"]}',
        '{"type":"roots-held","version":""}',
        '{"type":"certificates","held":[]}',
        "0",
    ]


def test_it_starts_without_the_libraries_that_few_nodes_need():
    code = "import sys, seaway.app.agent; print(sorted({'h2', 'dns', 'aiohttp', 'wsproto', 'grpc', 'cryptography'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
