"""Requests through the mesh: on one node and across two, against direct calls and against the sidecar layout, in turn under the same load.

Three callers, fifteen servers (nginx) in each layout. The server lets the caller's identity in and nobody else's (not the direct calls).
Aims, in CPU a request of the proxies against the sidecars': across nodes at most 0.75, on one node at most 0.35, where p50 is at most 0.45.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measure import SEAWAY, environment, seaway, state_folder, wait_for
from sidecars import Issuer, sidecar_config, start_sidecar

from seaway.drivers.envoy.binary import find_envoy

CALLERS, SERVERS = 3, 15
ROUNDS = 5
SECONDS = 4
CONNECTIONS = 16
TICK_S = 1 / os.sysconf("SC_CLK_TCK")

HEADER = "layout     requests/s   p50 ms   p99 ms CPU us/rq proxies MB  CPU/side  p50/side"

LAYOUTS = {"direct": "direct", "sidecars": "side", "one node": "one", "two nodes": "two"}
"""What is printed, and the namespace that it runs in."""

WORKLOAD = """\
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: {namespace}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}, annotations: {{seaway.dev/command: "{command}"}}}}
    spec:
      serviceAccountName: {name}
      nodeName: {node}
      containers:
        - name: {name}
          ports: [{{name: http, containerPort: 8080}}]
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: http, port: 8080}}]
---
"""

MESH = """\
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}, labels: {{istio-injection: enabled}}}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: {namespace}}}
spec: {{mtls: {{mode: STRICT}}}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: server, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: server}}}}
  rules: [{{from: [{{source: {{principals: [cluster.local/ns/{namespace}/sa/caller]}}}}]}}]
---
"""

OUTSIDE = """\
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
"""

SERVER = """\
worker_processes 1; daemon off; pid server.pid; error_log stderr crit;
events {}
http { access_log off; keepalive_requests 1000000000;
  server { listen 8080; location / { return 200 "hello from the other side of the proxy, a hundred bytes or so of text\\n"; } } }
"""


@dataclass(frozen=True)
class Figures:
    """One run: all callers' requests a second, latencies in milliseconds, the proxies' CPU microseconds a request."""

    requests_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def manifests(folder: Path) -> str:
    (folder / "server.conf").write_text(SERVER)
    server = f"nginx -p {folder} -c {folder}/server.conf"
    text = ""
    for namespace in LAYOUTS.values():
        text += (
            MESH.format(namespace=namespace)
            if namespace in ("one", "two")
            else f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n---\n"
        )
        text += WORKLOAD.format(name="caller", namespace=namespace, replicas=CALLERS, node="node-1", command="sleep infinity")
        node = "node-2" if namespace == "two" else "node-1"
        text += WORKLOAD.format(name="server", namespace=namespace, replicas=SERVERS, node=node, command=server)
    return text


def cpu_ticks(pids: list[int]) -> int:
    """User and system time of these processes so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields)


def resident_mb(pids: list[int]) -> float:
    """Memory of these processes, each counted whole as its own node would hold it."""
    return sum(int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) for pid in pids) / 1024


def load(state: Path, namespace: str, callers: list[str], proxies: list[int]) -> Figures:
    """All callers at once, each a wrk of one thread in its pod."""
    began = cpu_ticks(proxies)
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", f"http://server.{namespace}:8080/"]
    runs = [
        subprocess.Popen([*SEAWAY, "exec", "--state", str(state), f"{namespace}/{caller}", "--", *words], stdout=subprocess.PIPE, text=True)
        for caller in callers
    ]
    texts = [run.communicate()[0] for run in runs]
    spent = (cpu_ticks(proxies) - began) * TICK_S
    if any("Non-2xx" in text or "Requests/sec" not in text for text in texts):
        raise SystemExit(f"{namespace}: wrk did not get good answers:\n{texts[0]}")
    rate = sum(float(re.findall(r"Requests/sec:\s+([\d.]+)", text)[0]) for text in texts)
    count = sum(int(re.findall(r"(\d+) requests in", text)[0]) for text in texts)
    return Figures(rate, _latency(texts, 50), _latency(texts, 99), 1e6 * spent / count)


def _latency(texts: list[str], percentile: int) -> float:
    found = [re.findall(rf"{percentile}%\s+([\d.]+)(us|ms|s)", text)[0] for text in texts]
    return median(float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit] for value, unit in found)


def start_sidecars(state: Path, folder: Path, pods: list[dict[str, str]]) -> list[subprocess.Popen[bytes]]:
    issuer, binary = Issuer.make(), find_envoy(None)
    for account in ("caller", "server"):
        issuer.issue(folder, account)
    servers = [pod["ip"] for pod in pods if pod["name"].startswith("server")]
    anchor = json.loads((state / "sandbox.json").read_text())["pid"]
    started = []
    for pod in pods:
        inside = ["nsenter", f"--mount=/proc/{anchor}/ns/mnt", "nsenter", f"--net={state}/ns/side_{pod['name']}"]
        account = pod["name"].partition("-")[0]
        config = sidecar_config(folder, account, servers, ("caller", "server"))
        started.append(start_sidecar(binary, folder, inside, pod["name"], config))
    return started


def report(name: str, runs: list[Figures], peers: list[Figures], memory: float) -> tuple[float, float]:
    """Prints a layout's medians, and returns its ratios of CPU and of p50 to the sidecars', pair by pair."""
    middle = [median(getattr(one, field) for one in runs) for field in ("requests_s", "p50_ms", "p99_ms", "cpu_us")]
    cpu = median(a.cpu_us / b.cpu_us for a, b in zip(runs, peers, strict=True))
    p50 = median(a.p50_ms / b.p50_ms for a, b in zip(runs, peers, strict=True))
    print(f"{name:<10} {middle[0]:>10.0f} {middle[1]:>8.2f} {middle[2]:>8.2f} {middle[3]:>9.0f} {memory:>10.0f} {cpu:>9.2f} {p50:>9.2f}")
    return cpu, p50


def measure(state: Path, callers: dict[str, list[str]], proxies: dict[str, list[int]]) -> dict[str, list[Figures]]:
    """The layouts in turn, round by round; the first round warms up."""
    for space in LAYOUTS.values():
        ask = [*SEAWAY, "exec", "--state", str(state), f"{space}/{callers[space][0]}", "--", "curl", "-sf", f"http://server.{space}:8080/"]
        wait_for(lambda ask=ask: subprocess.run(ask, capture_output=True, check=False).returncode == 0, pause_s=0.2)
    runs: dict[str, list[Figures]] = {space: [] for space in LAYOUTS.values()}
    for number in range(ROUNDS + 1):
        for space in LAYOUTS.values():
            figures = load(state, space, callers[space], proxies[space])
            if number:
                runs[space].append(figures)
    return runs


def main() -> int:
    print(f"{environment()}; {CALLERS} callers with {CONNECTIONS} connections, {SERVERS} servers, {ROUNDS} rounds of {SECONDS} s")
    with tempfile.TemporaryDirectory() as text, state_folder() as state:
        folder = Path(text)
        folder.chmod(0o755)
        (folder / "m").mkdir()
        (folder / "m/mesh.yaml").write_text(manifests(folder))
        seaway(state, "up", str(folder / "m"), "--detach", "--nodes", "2")
        pods = json.loads(seaway(state, "status", "-o", "json"))["pods"]
        of = {space: [pod for pod in pods if pod["namespace"] == space] for space in LAYOUTS.values()}
        callers = {space: [pod["name"] for pod in of[space] if pod["name"].startswith("caller")] for space in of}
        sidecars = start_sidecars(state, folder, of["side"])
        try:
            nodes = [json.loads((state / node / "envoy.pid.json").read_text())["pid"] for node in ("node-1", "node-2")]
            proxies = {"direct": [], "side": [one.pid for one in sidecars], "one": nodes[:1], "two": nodes}
            runs = measure(state, callers, proxies)
            print(HEADER)
            ratios = {name: report(name, runs[space], runs["side"], resident_mb(proxies[space])) for name, space in LAYOUTS.items()}
        finally:
            for one in sidecars:
                one.terminate()
                one.wait()
    good = ratios["two nodes"][0] <= 0.75 and ratios["one node"][0] <= 0.35 and ratios["one node"][1] <= 0.45
    print("aims: CPU across nodes 0.75, on one node 0.35 with p50 0.45:", "met" if good else "missed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
