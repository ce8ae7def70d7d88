"""How long `seaway up` takes: to the storefront's first proxied answer, and to all pods ready at 10 to 1,000 pods, with memory.

Aims: first answer within 2.0 s, Python start included; 100 pods within 5 s and 400 MB in all; close to linear to 1,000 pods.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NoReturn

from measure import ROOT, SEAWAY, environment, memory_mb, seaway, spread, state_folder, wait_for

from seaway.drivers.sandbox.sandbox import enter_sandbox, find_sandbox

RUNS = 5
HOST = "web.example.com"
SIZES = (10, 30, 100, 300, 1000)

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{n}, namespace: load}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: app-{n}}}}}
  template:
    metadata: {{labels: {{app: app-{n}}}}}
    spec:
      containers:
        - name: app
          ports: [{{name: http, containerPort: 8080}}]
---
apiVersion: v1
kind: Service
metadata: {{name: app-{n}, namespace: load}}
spec:
  selector: {{app: app-{n}}}
  ports: [{{name: http, port: 80, targetPort: http}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: app-{n}, namespace: load}}
spec:
  ingressClassName: seaway
  rules:
    - host: app-{n}.example.com
      http:
        paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: app-{n}, port: {{name: http}}}}}}}}]
---
"""


def gateway_address(state: Path) -> str:
    """The first gateway's address, as soon as the control plane has written it."""
    path = state / "status.json"

    def known() -> bool:
        return path.exists() and bool(json.loads(path.read_text())["gateways"])

    wait_for(known)
    return json.loads(path.read_text())["gateways"][0]["addresses"][0]


def first_answer() -> float:
    """Seconds from the command to the storefront's first answer, through TLS on the gateway, asked for from outside the nodes."""
    with state_folder() as state:
        reader, writer = os.pipe()
        began = time.monotonic()
        if os.fork() == 0:
            ask_until_answered(state, writer)
        command = [*SEAWAY, "up", "--state", str(state), str(ROOT / "examples/storefront")]
        network = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        answered = float(os.read(reader, 64))
        network.terminate()
        network.wait()
        os.wait()
        return answered - began


def ask_until_answered(state: Path, out: int) -> NoReturn:
    """In a child: waits for the sandbox, enters it, and asks until web.example.com answers 200; tells when that was."""
    wait_for(lambda: find_sandbox(state) is not None)
    sandbox = find_sandbox(state)
    assert sandbox is not None
    enter_sandbox(sandbox)
    address = gateway_address(state)
    context = ssl._create_unverified_context()  # the storefront's certificate is self-signed

    def answered() -> bool:
        try:
            with socket.create_connection((address, 443), timeout=1) as plain, context.wrap_socket(plain, server_hostname=HOST) as tls:
                tls.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                return tls.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    wait_for(answered)
    os.write(out, str(time.monotonic()).encode())
    os._exit(0)


def all_ready(pods: int) -> tuple[float, float]:
    """Seconds until all pods are ready and the gateway answers for the last Ingress; megabytes of the whole network then."""
    services = max(1, pods // 5)
    with tempfile.TemporaryDirectory() as folder, state_folder() as state:
        texts = [DEPLOYMENT.format(n=n, replicas=pods // services) for n in range(services)]
        Path(folder, "load.yaml").write_text("".join(texts))
        began = time.perf_counter()
        seaway(state, "up", folder, "--detach")
        took = time.perf_counter() - began
        answer = seaway(state, "request", "outside", f"http://app-{services - 1}.example.com/")
        if not answer.startswith("200"):
            raise SystemExit(f"the gateway does not answer for the last Ingress: {answer}")
        return took, memory_mb(state)


def main() -> int:
    print(environment())
    times = [first_answer() for _ in range(RUNS)]
    print(f"storefront, first proxied answer: {spread(times)} s over {RUNS} runs (aim: 2.0 s)")
    print(f"{'pods':>6} {'s to ready':>11} {'ms a pod':>9} {'MB in all':>10}")
    for size in SIZES:
        took, memory = all_ready(size)
        print(f"{size:>6} {took:>11.2f} {1000 * took / size:>9.1f} {memory:>10.0f}")
    return 0 if median(times) <= 2.0 else 1


if __name__ == "__main__":
    sys.exit(main())
