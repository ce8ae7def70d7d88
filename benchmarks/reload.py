"""From saving a file to its effect, with 1,000 objects running: one changed Deployment (new pod, endpoints, answer), one changed Ingress.

The files are split as a team would have them, one an application. Effect: the gateway's answer shows it, asked for from outside the nodes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

from measure import environment, http_status, seaway, spread, state_folder, wait_for
from startup import DEPLOYMENT, gateway_address

from seaway.app.pods import OUTSIDE, Place, run_in_place
from seaway.app.state import StateFolder

OBJECTS = (10, 100, 1000)
EDITS = 15
KINDS_EACH = 3


def answer(address: str, host: str, path: str = "/") -> str:
    """The body of one answer."""
    request = urllib.request.Request(f"http://{address}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=1) as response:
            return response.read().decode()
    except OSError:
        return ""


def measure(objects: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each edit: of a Deployment's template, and of an Ingress's path."""
    count = max(1, objects // KINDS_EACH)
    with tempfile.TemporaryDirectory() as folder, state_folder() as state:
        for n in range(count):
            Path(folder, f"app-{n}.yaml").write_text(DEPLOYMENT.format(n=n, replicas=1))
        seaway(state, "up", folder, "--detach")
        address = gateway_address(state)
        return run_in_place(StateFolder(state), Place(OUTSIDE, None), lambda: edits(Path(folder, "app-0.yaml"), address))


def edits(path: Path, address: str) -> tuple[list[float], list[float]]:
    """The edits of one file, and how long each took to show at the gateway."""
    wait_for(lambda: http_status((address, 80), "app-0.example.com") == 200)
    text = DEPLOYMENT.format(n=0, replicas=1)
    deployments: list[float] = []
    for edit in range(EDITS):
        time.sleep(0.3)
        former = json.loads(answer(address, "app-0.example.com"))["pod"]
        began = time.perf_counter()
        path.write_text(text.replace("labels: {app: app-0}}", f'labels: {{app: app-0, version: "v{edit}"}}}}'))
        wait_for(lambda former=former: former not in answer(address, "app-0.example.com"))
        deployments.append(1000 * (time.perf_counter() - began))
    routes: list[float] = []
    path.write_text(text.replace("path: /,", "path: /first,"))
    wait_for(lambda: http_status((address, 80), "app-0.example.com", "/v0") == 404)
    for edit in range(EDITS):
        time.sleep(0.3)
        began = time.perf_counter()
        path.write_text(text.replace("path: /,", f"path: /v{edit},"))
        wait_for(lambda edit=edit: http_status((address, 80), "app-0.example.com", f"/v{edit}") == 200)
        routes.append(1000 * (time.perf_counter() - began))
    return deployments, routes


def main() -> int:
    print(environment())
    p50 = 0.0
    for objects in OBJECTS:
        deployments, routes = measure(objects)
        p50 = median(deployments)
        print(f"{objects:>5} objects: Deployment {spread(deployments)} ms, Ingress path {spread(routes)} ms from save to effect")
    print(f"p50 of one changed Deployment among {OBJECTS[-1]} objects: {p50:.0f} ms (aim: 300 ms)")
    return 0 if p50 <= 300 else 1


if __name__ == "__main__":
    sys.exit(main())
