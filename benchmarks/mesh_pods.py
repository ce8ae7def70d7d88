"""200 pods of the mesh on one Envoy: how long until all are ready, and how much memory Envoy and everything together take."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from pathlib import Path

from measure import environment, memory_mb, seaway, state_folder

DEPLOYMENTS, REPLICAS = 20, 10

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: load, labels: {istio-injection: enabled}}\n---\n"
WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{n}, namespace: load}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: app-{n}}}}}
  template:
    metadata: {{labels: {{app: app-{n}}}}}
    spec: {{containers: [{{name: app, ports: [{{name: http, containerPort: 8080}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: app-{n}, namespace: load}}
spec: {{selector: {{app: app-{n}}}, ports: [{{name: http, port: 80, targetPort: http}}]}}
---
"""


def resident_mb(pid: int) -> float:
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


def main() -> int:
    print(environment())
    with tempfile.TemporaryDirectory() as folder, state_folder() as state:
        text = NAMESPACE + "".join(WORKLOAD.format(n=n, replicas=REPLICAS) for n in range(DEPLOYMENTS))
        Path(folder, "load.yaml").write_text(text)
        began = time.perf_counter()
        seaway(state, "up", folder, "--detach")  # returns when every pod is ready
        took = time.perf_counter() - began
        status = json.loads(seaway(state, "status", "-o", "json"))
        members = [pod for pod in status["pods"] if pod["namespace"] == "load" and pod["inMesh"] and pod["ready"]]
        envoy = json.loads((state / "node-1" / "envoy.pid.json").read_text())["pid"]
        memory = f"Envoy {resident_mb(envoy):.0f} MB, in all {memory_mb(state):.0f} MB"
        print(f"{len(members)} pods in the mesh and ready after {took:.1f} s; {memory}")
    return 0 if len(members) == DEPLOYMENTS * REPLICAS else 1


if __name__ == "__main__":
    sys.exit(main())
