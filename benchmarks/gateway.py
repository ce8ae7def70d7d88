"""The gateway against the same Envoy configured by hand, in pairs, and against nginx and haproxy.

By hand means two things: the least that forwards at all, and what one writes who wants what users of ingress-nginx have (forwarded headers,
clean paths, retries). The difference between them is the price of that job; what Seaway itself adds is the second ratio.
All of them run in the gateway's pod and forward one host to the same two nginx backends, keep connections alive, write no access log
and have the same number of workers; wrk asks from outside. Aim: at least 0.97 of the hand-written Envoy's requests a second.

Printed besides: what each proxy takes of CPU a request, which the load of others on the machine moves less than rates.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from measure import environment, seaway, state_folder, wait_for

PAIRS = 7
SECONDS = 4
CONNECTIONS = 32
WORKERS = min(4, os.cpu_count() or 1)
PORT = 18080

MANIFESTS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata:
      labels: {app: app}
      annotations: {seaway.dev/command: "nginx -p FOLDER -c FOLDER/backend.conf"}
    spec:
      containers:
        - name: app
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: app, namespace: default}
spec:
  selector: {app: app}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: app, namespace: default}
spec:
  ingressClassName: seaway
  rules:
    - host: app.example.com
      http:
        paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {name: http}}}}]
"""

BACKEND = """\
worker_processes 1; daemon off; pid %(folder)s/backend.pid; error_log stderr crit;
events {}
http { access_log off; keepalive_requests 1000000000;
  server { listen 8080; location / { return 200 "hello from the other side of the proxy, a hundred bytes or so of text\\n"; } } }
"""

NGINX = """\
worker_processes %(workers)d; daemon off; pid %(folder)s/nginx.pid; error_log stderr crit;
events {}
http { access_log off; keepalive_requests 1000000000;
  client_body_temp_path %(folder)s/b; proxy_temp_path %(folder)s/p;
  fastcgi_temp_path %(folder)s/f; uwsgi_temp_path %(folder)s/u; scgi_temp_path %(folder)s/s;
  upstream app { %(servers)s keepalive 320; }
  server { listen %(port)d; server_name app.example.com;
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } } }
"""

HAPROXY = """\
global
  nbthread %(workers)d
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind *:%(port)d
  use_backend app if { hdr(host) -i app.example.com }
backend app
%(servers)s
"""


@dataclass(frozen=True)
class Figures:
    requests_s: float
    p99_ms: float
    cpu_us: float
    """CPU time of the proxy a request."""


HEADERS = (
    ("x-real-ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
    ("x-original-forwarded-for", "%REQ(x-forwarded-for)%"),
    ("x-forwarded-for", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
    ("x-forwarded-host", "%REQ(:authority)%"),
    ("x-forwarded-port", "80"),
    ("x-forwarded-scheme", "http"),
    ("x-scheme", "http"),
)
"""What ingress-nginx sets on every request, beside what Envoy does by itself."""


def same_job(config: dict[str, Any]) -> dict[str, Any]:
    """The minimal configuration with what a gateway's users rely on. https://kubernetes.github.io/ingress-nginx/user-guide/miscellaneous/"""
    listener = config["static_resources"]["listeners"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager |= {
        "use_remote_address": True,
        "skip_xff_append": True,
        "normalize_path": True,
        "merge_slashes": True,
        "stream_idle_timeout": "60s",
        "common_http_protocol_options": {"idle_timeout": "75s", "headers_with_underscores_action": "DROP_HEADER"},
    }
    host = manager["route_config"]["virtual_hosts"][0]
    host["request_headers_to_remove"] = ["proxy"]
    host["request_headers_to_add"] = [
        {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"} for key, value in HEADERS
    ]
    host["retry_policy"] = {"retry_on": "connect-failure,refused-stream,reset-before-request", "num_retries": 2}
    return config


def envoy_config(addresses: list[str]) -> dict[str, Any]:
    """The least that forwards: one listener, one route, one cluster with two endpoints."""
    endpoints = [{"endpoint": {"address": {"socket_address": {"address": one, "port_value": 8080}}}} for one in addresses]
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {
            "virtual_hosts": [
                {"name": "app", "domains": ["app.example.com"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}]}
            ]
        },
        "http_filters": [
            {"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
        ],
    }
    listener = {
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": PORT}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    cluster = {"name": "app", "type": "STATIC", "load_assignment": {"cluster_name": "app", "endpoints": [{"lb_endpoints": endpoints}]}}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def load(state: Path, url: str, session: int) -> Figures:
    """One run of wrk from outside the nodes, against the proxy whose processes are in that session."""
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-H", "Host: app.example.com", url]
    before = cpu_ns(session)
    text = seaway(state, "exec", "outside", "--", *words)
    took = cpu_ns(session) - before
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", text), re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    total = re.search(r"(\d+) requests in", text)
    if not rate or not p99 or not total or "Non-2xx" in text:
        raise SystemExit(f"wrk did not get good answers from {url}:\n{text}")
    return Figures(float(rate[1]), float(p99[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]], took / int(total[1]) / 1000)


def cpu_ns(session: int) -> int:
    """CPU time of all threads of a session's processes so far."""
    total = 0
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and os.getsid(int(process.name)) == session:
                total += sum(int((thread / "schedstat").read_text().split()[0]) for thread in (process / "task").iterdir())
        except OSError:  # has ended meanwhile
            continue
    return total


def main() -> int:
    print(f"{environment()}; {WORKERS} workers each, {CONNECTIONS} connections, {PAIRS} pairs of {SECONDS} s")
    with tempfile.TemporaryDirectory() as folder, state_folder() as state:
        Path(folder).chmod(0o755)
        Path(folder, "backend.conf").write_text(BACKEND % {"folder": folder})
        manifests = Path(folder, "manifests")
        manifests.mkdir()
        (manifests / "app.yaml").write_text(MANIFESTS.replace("FOLDER", folder))
        seaway(state, "up", str(manifests), "--detach")
        status = json.loads(seaway(state, "status", "-o", "json"))
        gateway = next(pod for pod in status["pods"] if pod["runs"] == "gateway")
        backends = [pod["ip"] for pod in status["pods"] if pod["runs"] == "nginx"]
        own = json.loads(next(state.glob("*/envoy.pid.json")).read_text())["pid"]  # its session, too
        load(state, f"http://{gateway['ip']}/", own)  # warms up
        peers = {"envoy, minimal": run_minimal, "envoy, same job": run_same_job, "nginx": run_nginx, "haproxy": run_haproxy}
        ratio = 0.0
        for name, start in peers.items():
            pairs = against(state, (gateway["ip"], own), start(state, netns_of(gateway), Path(folder), backends))
            ratio_here = median(a.requests_s / b.requests_s for a, b in pairs)
            ratio = ratio or ratio_here
            slower = median(a.p99_ms / b.p99_ms for a, b in pairs)
            dearer = median(a.cpu_us / b.cpu_us for a, b in pairs)
            print(f"{name:<15} {middle([b for _, b in pairs])}; seaway {middle([a for a, _ in pairs])}")
            print(f"{'':<15} ratio of rates {ratio_here:.3f}, of p99 {slower:.2f}, of CPU {dearer:.2f}")
        print(f"against the same Envoy, minimal: {ratio:.3f} (aim: at least 0.97)")
        return 0 if ratio >= 0.97 else 1


def middle(runs: list[Figures]) -> str:
    rate, p99, cpu = (median(values) for values in zip(*((one.requests_s, one.p99_ms, one.cpu_us) for one in runs), strict=True))
    return f"{rate:>6.0f} requests/s, p99 {p99:.2f} ms, {cpu:.1f} µs of CPU"


def against(state: Path, own: tuple[str, int], peer: subprocess.Popen[bytes]) -> list[tuple[Figures, Figures]]:
    """Pairs of runs, the two in turn: the gateway's own port, at an address and by a session, and the peer's in the same pod."""
    address, session = own
    gateway, url = f"http://{address}/", f"http://{address}:{PORT}/"
    try:
        wait_for(lambda: answers(state, url), pause_s=0.1)
        load(state, url, peer.pid)
        pairs: list[tuple[Figures, Figures]] = []
        for number in range(PAIRS):
            first = load(state, gateway, session) if number % 2 else None
            theirs = load(state, url, peer.pid)
            pairs.append((first or load(state, gateway, session), theirs))
        return pairs
    finally:
        peer.terminate()
        peer.wait()
        time.sleep(0.2)


def answers(state: Path, url: str) -> bool:
    words = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: app.example.com", url]
    return "200" in seaway(state, "exec", "outside", "--", *words)


def netns_of(pod: dict[str, str]) -> str:
    return f"{pod['namespace']}_{pod['name']}"


def in_pod(state: Path, netns: str, *words: str) -> subprocess.Popen[bytes]:
    """Starts a program in a pod's network namespace, through the sandbox's anchor.

    In a session of its own, as Seaway starts its Envoy: where the kernel shares CPU out by session (`sched_autogroup_enabled`), a peer in
    wrk's session would be scheduled otherwise than what it is compared with.
    """
    anchor = json.loads((state / "sandbox.json").read_text())["pid"]
    inside = ["nsenter", f"--mount=/proc/{anchor}/ns/mnt", "nsenter", f"--net={state}/ns/{netns}", *words]
    return subprocess.Popen(inside, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def run_minimal(state: Path, netns: str, folder: Path, backends: list[str]) -> subprocess.Popen[bytes]:
    return run_envoy(state, netns, folder, envoy_config(backends))


def run_same_job(state: Path, netns: str, folder: Path, backends: list[str]) -> subprocess.Popen[bytes]:
    return run_envoy(state, netns, folder, same_job(envoy_config(backends)))


def run_envoy(state: Path, netns: str, folder: Path, config: dict[str, Any]) -> subprocess.Popen[bytes]:
    from seaway.drivers.envoy.binary import find_envoy

    (folder / "envoy.json").write_text(json.dumps(config))
    words = [str(find_envoy(None)), "-c", str(folder / "envoy.json"), "--concurrency", str(WORKERS), "--disable-hot-restart", "-l", "error"]
    return in_pod(state, netns, *words)


def run_nginx(state: Path, netns: str, folder: Path, backends: list[str]) -> subprocess.Popen[bytes]:
    servers = " ".join(f"server {one}:8080;" for one in backends)
    (folder / "nginx.conf").write_text(NGINX % {"workers": WORKERS, "folder": folder, "servers": servers, "port": PORT})
    return in_pod(state, netns, "nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"))


def run_haproxy(state: Path, netns: str, folder: Path, backends: list[str]) -> subprocess.Popen[bytes]:
    servers = "\n".join(f"  server s{n} {one}:8080" for n, one in enumerate(backends))
    (folder / "haproxy.cfg").write_text(HAPROXY % {"workers": WORKERS, "servers": servers, "port": PORT})
    return in_pod(state, netns, "haproxy", "-f", str(folder / "haproxy.cfg"))


if __name__ == "__main__":
    sys.exit(main())
