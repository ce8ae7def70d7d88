"""Networks that `seaway up` makes, each on a machine of its own, and clients that stand on that machine or in its pods.

A machine is a private network and mount namespace: what a test does to loopback, routes and mounts never touches the real one, and two
tests never meet.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.drivers.process.namespaces import in_netns

ROOT = Path(__file__).parents[2]
STOREFRONT = ROOT / "examples" / "storefront"
SEAWAY = (sys.executable, "-m", "seaway")
NSENTER = shutil.which("nsenter") or "nsenter"
PATIENCE_S = 15.0


def wait_until(true: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first value of `true()` that is not falsy."""
    deadline = time.monotonic() + patience_s
    while not (value := true()):
        assert time.monotonic() < deadline, f"waited {patience_s} s for {what}"
        time.sleep(0.01)
    return value


class Machine:
    """Stands for a user's machine. Ends with `close`, also when the test process is killed."""

    def __init__(self, before: str = "") -> None:
        script = f"set -e; ip link set lo up; {before}\necho up; exec cat >/dev/null"
        argv = ["unshare", "--net", "--mount", "sh", "-c", script]
        self._holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "up\n"

    @property
    def netns(self) -> Path:
        return Path(f"/proc/{self._holder.pid}/ns/net")

    def argv(self, *words: str) -> list[str]:
        """The command line that runs these words on this machine."""
        return [NSENTER, "--target", str(self._holder.pid), "--net", "--mount", *words]

    def run(self, *words: str, timeout: float = 40.0, **options: Any) -> subprocess.CompletedProcess[str]:
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        return subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=timeout, **options)

    def out(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def picture(self) -> dict[str, str]:
        """All that a network could spoil here: byte for byte."""
        return {
            "addresses": self.out("ip", "-o", "address"),
            "routes": self.out("ip", "route", "show", "table", "all"),
            "rules": self.out("ip", "rule"),
            "firewall": self.out("nft", "list", "ruleset"),
            "forwarding": self.out("sysctl", "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv4.conf.default.rp_filter"),
            "mounts": self.out("cat", "/proc/self/mountinfo"),
            "resolver": Path("/etc/resolv.conf").read_text(),
        }

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `echo` is what a stand-in says of the request, empty for others."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def echo(self) -> dict[str, Any]:
        try:
            return json.loads(self.body)
        except ValueError:
            return {}


@dataclass(frozen=True, slots=True)
class Client:
    """Opens sockets in one network namespace, from the test's own process."""

    netns: Path

    def connect(self, address: str, port: int, timeout: float = 3.0) -> socket.socket:
        with in_netns(self.netns):
            made = socket.socket()
        made.settimeout(timeout)
        try:
            made.connect((address, port))
        except OSError:
            made.close()
            raise
        return made

    def udp(self, address: str, port: int, words: bytes, timeout: float = 2.0) -> bytes:
        with in_netns(self.netns):
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with made:
            made.settimeout(timeout)
            made.connect((address, port))
            made.send(words)
            return made.recv(4096)

    def tls(self, address: str, port: int, name: str | None, alpn: Sequence[str] = ()) -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols(list(alpn))
        plain = self.connect(address, port)
        try:
            return context.wrap_socket(plain, server_hostname=name)
        except OSError:
            plain.close()
            raise

    def get(
        self, address: str, port: int, path: str = "/", host: str = "", *, tls: bool = False, method: str = "GET", timeout: float = 5.0
    ) -> Answer:
        connection = self.tls(address, port, host) if tls else self.connect(address, port)
        with connection:
            connection.settimeout(timeout)
            return exchange(connection, path, host or address, method)


def exchange(connection: socket.socket, path: str = "/", host: str = "test", method: str = "GET", close: bool = True) -> Answer:
    """One HTTP/1.1 request and its answer over a connection."""
    ending = "Connection: close\r\n" if close else ""
    connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{ending}\r\n".encode())
    answer = http.client.HTTPResponse(connection, method=method)
    answer.begin()
    body = answer.read()
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)


class Load:
    """Requests one after another from a thread, a new connection each, until `stop`; counts what came back."""

    def __init__(self, send: Callable[[], Answer], pause_s: float = 0.002) -> None:
        self._send = send
        self._pause_s = pause_s
        self._over = threading.Event()
        self.seen: Counter[str] = Counter()
        self.pods: Counter[str] = Counter()
        self.longest_gap_s = 0.0
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def sent(self) -> int:
        return sum(self.seen.values())

    @property
    def failed(self) -> dict[str, int]:
        return {word: count for word, count in self.seen.items() if word != "200"}

    def stop(self) -> Load:
        self._over.set()
        self._thread.join(30)
        return self

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _work(self) -> None:
        good = time.monotonic()
        while not self._over.is_set():
            try:
                answer = self._send()
                word = str(answer.status)
                self.pods[str(answer.echo.get("pod"))] += 1
            except (OSError, http.client.HTTPException) as error:
                word = type(error).__name__
            now = time.monotonic()
            if word == "200":
                self.longest_gap_s, good = max(self.longest_gap_s, now - good), now
            self.seen[word] += 1
            time.sleep(self._pause_s)


@dataclass
class Network:
    """One `seaway up`, on its machine. `home` holds the state folder `s` and manifests `m`, short enough for unix sockets."""

    machine: Machine
    home: Path
    prefix: tuple[str, ...] = SEAWAY
    env: dict[str, str] = field(default_factory=dict)
    others_links: tuple[str, ...] = ()

    @property
    def state(self) -> Path:
        return self.home / "s"

    @property
    def manifests(self) -> Path:
        folder = self.home / "m"
        folder.mkdir(exist_ok=True)
        return folder

    def write(self, name: str, text: str) -> Path:
        """Writes a manifest as an editor does that replaces the file."""
        path = self.manifests / name
        draft = path.with_name(f".{name}.new")
        draft.write_text(text)
        draft.replace(path)
        return path

    def argv(self, verb: str, *words: str) -> list[str]:
        return self.machine.argv(*self.prefix, verb, "--state", str(self.state), *words)

    def seaway(self, verb: str, *words: str, timeout: float = 60.0, **options: Any) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "NO_COLOR": "1", **self.env}
        return self.machine.run(*self.prefix, verb, "--state", str(self.state), *words, timeout=timeout, env=env, **options)

    def up(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.seaway("up", *(words or (str(self.manifests),)), "--detach")
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def text(self, verb: str, *words: str) -> str:
        done = self.seaway(verb, *words)
        assert done.returncode == 0, f"{verb} {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, verb: str, *words: str) -> Any:
        return json.loads(self.text(verb, *words, "-o", "json"))

    def ask(self, method: str, **params: object) -> Any:
        """A question to the control plane, without the cost of a command."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.state / "control.sock"))
            connection.sendall(json.dumps({"method": method, "params": params}).encode() + b"\n")
            answer = json.loads(connection.makefile("rb").readline())
        assert "result" in answer, answer
        return answer["result"]

    def status(self) -> dict[str, Any]:
        return self.ask("status")

    def findings(self) -> list[dict[str, Any]]:
        return self.ask("check")["findings"]

    def findings_of_errors(self) -> list[dict[str, Any]]:
        return [one for one in self.findings() if one["severity"] == "error"]

    def pods(self, start: str = "") -> list[str]:
        """`namespace/name` of all pods, or of those whose id starts so."""
        found = (f"{pod['namespace']}/{pod['name']}" for pod in self.status()["pods"])
        return sorted(one for one in found if one.startswith(start))

    def ip(self, pod: str) -> str:
        return next(one["ip"] for one in self.status()["pods"] if f"{one['namespace']}/{one['name']}" == pod)

    def service(self, namespace: str, name: str) -> dict[str, Any]:
        return self.ask("get", kind="service", name=name, namespace=namespace, selector="")["items"][0]["data"]

    def cluster_ip(self, namespace: str, name: str) -> str:
        return self.service(namespace, name)["spec"]["clusterIP"]

    @property
    def gateway(self) -> str:
        return self.status()["gateways"][0]["addresses"][0]

    def process(self, name: str) -> int:
        """The pid in a pid file: `control`, `node-1/envoy`, `node-1/agent`, `relay`."""
        return int(json.loads((self.state / f"{name}.pid.json").read_text())["pid"])

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        pid = self.process(name)
        os.kill(pid, number)
        return pid

    @property
    def anchor(self) -> int:
        return int(json.loads((self.state / "sandbox.json").read_text())["pid"])

    @property
    def host(self) -> Client:
        return Client(self.machine.netns)

    def inside(self, pod: str) -> Client:
        """A client in a pod, by `namespace/name`, or by the start of it."""
        name = self.pods(pod)[0]
        return Client(Path(f"/proc/{self.anchor}/root{self.state}/ns/{name.replace('/', '_')}"))

    def in_node(self, node: str = "node-1") -> Client:
        return Client(Path(f"/proc/{self.anchor}/root{self.state}/ns/node_{node}"))

    def envoy(self, path: str, node: str = "node-1") -> str:
        """What Envoy's admin interface answers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.state / node / "envoy-admin.sock"))
            answer = exchange(connection, path, "admin")
        return answer.body.decode()

    def counters(self, *names: str, node: str = "node-1") -> dict[str, int]:
        """Envoy's statistics whose name is one of these, or ends in it."""
        lines = (line.partition(": ") for line in self.envoy("/stats", node).splitlines())
        return {name: int(value) for name, _, value in lines if value.isdigit() and name.endswith(names)}

    def left_over(self) -> list[str]:
        """What is still there of the network: processes, interfaces, mounts, files."""
        found = [f"process {pid}: {words}" for pid, words in processes_with(str(self.state))]
        links = json.loads(self.machine.out("ip", "-j", "link"))
        found += [f"interface {link['ifname']}" for link in links if link["ifname"] not in ("lo", *self.others_links)]
        found += [f"mount {line}" for line in self.machine.out("cat", "/proc/self/mountinfo").splitlines() if str(self.state) in line]
        kept = {"logs", "default-certificate.pem"}
        found += [f"file {path.name}" for path in self.state.glob("*") if path.name not in kept]
        return found

    def down(self) -> None:
        """`seaway down`, and then nothing must be left."""
        done = self.seaway("down")
        assert done.returncode == 0, done.stdout + done.stderr
        self.assert_gone()

    def assert_gone(self) -> None:
        deadline = time.monotonic() + PATIENCE_S  # the kernel takes namespaces and their links away in its own time
        while (left := self.left_over()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left == [], left


def processes_with(words: str) -> list[tuple[int, str]]:
    """Living processes whose command line holds these words."""
    found: list[tuple[int, str]] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if words in line:
                found.append((int(entry.name), line))
    return found


def make_network(before: str = "", machine: Machine | None = None) -> Network:
    """A network that is not up yet, on a machine of its own unless one is given. `before` are shell commands that prepare the machine."""
    return Network(machine or Machine(before), Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp")))


GRPC_ENDS = re.compile(
    r"Traceback \(most recent call last\):\n(?:  File \"src/python/grpcio/[^\n]*\n)+asyncio\.exceptions\.CancelledError\n"
)
"""What gRPC itself prints of a call that comes while its server stops. Nothing of ours is in it."""


def end_network(network: Network) -> None:
    """Down, nothing left, machine away; and nobody has crashed. Kills what is left all the same, so that one failure stays one."""
    try:
        network.down()
        for path in network.home.rglob("*.log"):
            _, crash, rest = GRPC_ENDS.sub("", path.read_text(errors="replace")).partition("Traceback")
            assert not crash, f"{path.name}: {rest[:4000]}"
    finally:
        for pid, _ in processes_with(str(network.home)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not network.others_links:  # else it is the others' machine
            network.machine.close()
        shutil.rmtree(network.home, ignore_errors=True)
