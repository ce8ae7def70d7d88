"""What dies, and what goes on: control plane, agent and Envoy killed in every combination, at any moment."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from network import ROOT, Client, Load, Network, exchange, wait_until

SHOP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: web.test
      http:
        paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]
---
apiVersion: v1
kind: Pod
metadata:
  name: worker
  labels: {app: worker}
  annotations:
    seaway.dev/command: sh -c "echo begun; exec sleep 86400"
spec:
  containers: [{name: worker}]
"""

TILL = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: till}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: till}}}}
  template:
    metadata:
      labels: {{app: till}}
      annotations: {{seaway.dev/command: "{sys.executable} {ROOT}/tests/traffic/program.py 8080"}}
    spec:
      containers:
        - name: till
          ports: [{{name: http, containerPort: 8080}}]
          readinessProbe: {{httpGet: {{path: /healthz, port: http}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: till}}
spec:
  selector: {{app: till}}
  ports: [{{name: http, port: 80, targetPort: http}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: till}}
spec:
  rules:
    - host: till.test
      http:
        paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: till, port: {{name: http}}}}}}}}]
"""


def churn(network: Network) -> dict[str, int]:
    """How often Envoy has taken another version of listeners, routes or clusters, and how often it lost a listener."""
    found = network.counters(".update_success", "listener_removed", "listener_modified", "listener_added")
    return {name: value for name, value in found.items() if name.split(".")[0] in ("cluster_manager", "http", "listener_manager")}


@pytest.fixture(scope="module")
def shop(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write("shop.yaml", SHOP)
    network.up()
    return network


@pytest.fixture(scope="module")
def empty(networks: Callable[..., Network]) -> Network:
    """For tests that begin and end with nothing."""
    network = networks()
    network.write("shop.yaml", SHOP)
    return network


@pytest.fixture
def running(shop: Network) -> Iterator[Network]:
    """The shop with everything up; put right again where a test left it broken."""
    if shop.seaway("status").returncode != 0 or "not running" in shop.text("status"):
        shop.up()
    wait_until(lambda: all(pod["ready"] for pod in shop.status()["pods"]), "all pods ready")
    return (yield shop)


def through_the_gateway(network: Network) -> Load:
    address, host = network.gateway, network.host
    return Load(lambda: host.get(address, 80, "/", "web.test"))


def through_the_service(network: Network) -> Load:
    address, pod = network.cluster_ip("default", "web"), network.inside("default/worker")
    return Load(lambda: pod.get(address, 80))


def test_killed_control_plane_is_not_missed_and_the_next_one_takes_over(running: Network) -> None:
    envoy, agent, anchor = running.process("node-1/envoy"), running.process("node-1/agent"), running.anchor
    before, worker = running.status(), processes_of(running, "sleep 86400")
    with through_the_gateway(running) as edge, through_the_service(running) as inner:
        quiet = churn(running)
        with running.host.connect(running.gateway, 80) as kept:
            running.kill("control")
            time.sleep(0.7)
            said = running.json("status")
            running.up()
            assert exchange(kept, "/", "web.test").status == 200
        time.sleep(0.5)
    assert said["controlPlane"] == "not running"
    assert said["configAge_s"] > 0.5
    assert (edge.failed, inner.failed) == ({}, {})
    assert min(edge.sent, inner.sent) > 50
    after = running.status()
    assert (running.process("node-1/envoy"), running.process("node-1/agent"), running.anchor) == (envoy, agent, anchor)
    assert after["version"] == before["version"]
    assert [(pod["name"], pod["ip"]) for pod in after["pods"]] == [(pod["name"], pod["ip"]) for pod in before["pods"]]
    assert processes_of(running, "sleep 86400") == worker
    assert churn(running) == quiet


def processes_of(network: Network, words: str) -> list[str]:
    """Pids of processes inside the sandbox whose command line is this."""
    found = network.machine.run("pgrep", "-xf", words).stdout.split()
    inside = {pid for pid in found if str(network.state) in Path(f"/proc/{pid}/mountinfo").read_text()}
    return sorted(inside)


@pytest.mark.slow
def test_endpoints_that_die_while_nobody_watches(running: Network) -> None:
    """Envoy tries another endpoint, and leaves the dead one aside, until the control plane is back and takes it out."""
    running.write("till.yaml", TILL)
    wait_until(lambda: sum(pod["ready"] for pod in running.status()["pods"] if pod["name"].startswith("till-")) == 3, "programs")
    address, host = running.gateway, running.host
    wait_until(lambda: answers(host, address, "till.test"), "an answer of the programs")
    with Load(lambda: host.get(address, 80, "/", "till.test")) as load:
        time.sleep(0.3)
        running.kill("control")
        running.kill("node-1/agent")  # it would start the program again
        victim = host.get(address, 80, "/", "till.test").echo
        running.machine.out("kill", "-9", str(victim["pid"]))
        time.sleep(1.5)
        before_return = dict(load.pods)
        age = running.json("status")["configAge_s"]
        running.up()
        wait_until(lambda: load.pods[victim["pod"]] > before_return[victim["pod"]] + 3, "the program started again")
    assert age > 1
    # The one request that the program was answering when it died may have had an effect, so it is not sent again; no other is lost.
    assert sum(load.failed.values()) <= 1, (load.failed, load.sent)
    (running.manifests / "till.yaml").unlink()


def test_killed_envoy_is_back_within_a_second(running: Network) -> None:
    before = running.process("node-1/envoy")
    address = running.gateway
    with through_the_service(running) as inner:
        running.kill("node-1/envoy")
        began = time.monotonic()
        wait_until(lambda: answers(running.host, address), "an answer")
        assert time.monotonic() - began < 5
    assert inner.failed == {}  # what does not pass Envoy does not notice
    assert running.process("node-1/envoy") != before
    assert re.search(r"^envoy-node-1 (killed by SIGKILL|died)", running.text("logs", "control"), re.MULTILINE)
    wait_until(lambda: running.status()["nodes"][0]["envoy"] == "running", "status")


def answers(client: Client, address: str, host: str = "web.test") -> bool:
    try:
        return client.get(address, 80, "/", host).status == 200
    except OSError:
        return False


def test_killed_agent_is_back_with_stand_ins_and_dns(running: Network) -> None:
    before, worker = running.process("node-1/agent"), processes_of(running, "sleep 86400")
    running.kill("node-1/agent")
    address = running.gateway
    wait_until(lambda: running.process("node-1/agent") != before, "another agent")
    wait_until(lambda: answers(running.host, address), "stand-ins")
    said = running.text("exec", "default/worker", "--", "dig", "+short", "+search", "+tries=5", "+time=1", "web")
    assert said.strip() == running.cluster_ip("default", "web")
    assert processes_of(running, "sleep 86400") == worker
    wait_until(lambda: all(pod["ready"] for pod in running.status()["pods"]), "all pods ready")


def test_killed_control_plane_and_envoy(running: Network) -> None:
    """Nobody is left to start Envoy again; `up` does, and keeps the rest."""
    agent = running.process("node-1/agent")
    running.kill("control")
    running.kill("node-1/envoy")
    running.up()
    wait_until(lambda: answers(running.host, running.gateway), "an answer")
    assert running.process("node-1/agent") == agent


@pytest.mark.parametrize(
    "victims",
    [
        pytest.param(("control",), marks=pytest.mark.slow),
        pytest.param(("control", "node-1/envoy"), marks=pytest.mark.slow),
        pytest.param(("control", "node-1/agent"), marks=pytest.mark.slow),
        ("control", "node-1/envoy", "node-1/agent"),
        pytest.param(("anchor",), marks=pytest.mark.slow),
    ],
    ids="+".join,
)
def test_down_alone_after_a_crash_leaves_nothing(empty: Network, victims: tuple[str, ...]) -> None:
    network = empty
    before = network.machine.picture()
    network.up()
    for name in victims:
        if name == "anchor":
            network.machine.out("kill", "-9", str(network.anchor))
        else:
            network.kill(name)
    network.down()
    assert network.machine.picture() == before
    assert network.seaway("down").stderr == "nothing was running\n"


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 10))])
def test_killed_at_a_random_moment_of_the_start(empty: Network, seed: int) -> None:
    network = empty
    before = network.machine.picture()
    chance = random.Random(seed)
    up = subprocess.Popen(network.argv("up", str(network.manifests)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.15, 1.3))
    up.kill()
    up.wait()
    network.down()
    assert network.machine.picture() == before


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_cleanly_under_traffic(empty: Network, number: signal.Signals) -> None:
    network = empty
    before = network.machine.picture()
    up = subprocess.Popen(network.argv("up", str(network.manifests)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert up.stderr is not None
    for line in up.stderr:
        if line.startswith("up after"):
            break
    with through_the_gateway(network):
        network.kill("control", number)
        assert up.wait(15) == 0
    assert up.stderr.read().endswith("taken away; nothing is left\n")
    network.assert_gone()
    assert network.machine.picture() == before


@pytest.mark.slow
def test_loopback_is_free_again_after_down(empty: Network) -> None:
    network = empty
    network.up()
    network.down()
    with pytest.raises(ConnectionRefusedError):
        network.host.connect("127.0.0.1", 80, 1)
