"""Services of every type on two nodes, between pods that tell who asked: programs of their own, probes, environment, logs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from network import ROOT, Client, Network, wait_until

NODES = {1: "198.18.0.1", 2: "198.18.0.2"}
PROGRAM = f"{sys.executable} {ROOT}/tests/traffic/program.py 8080"

POD = """\
---
apiVersion: v1
kind: Pod
metadata:
  name: web-{number}
  labels: {{app: web}}
  annotations: {{seaway.dev/command: "{program} {folder}"}}
spec:
  nodeName: node-{number}
  containers:
    - name: web
      ports: [{{name: http, containerPort: 8080}}]
      env:
        - {{name: GREETING, valueFrom: {{configMapKeyRef: {{name: words, key: greeting}}}}}}
        - {{name: PASSWORD, valueFrom: {{secretKeyRef: {{name: vault, key: password}}}}}}
        - {{name: MY_IP, valueFrom: {{fieldRef: {{fieldPath: status.podIP}}}}}}
        - {{name: MY_NODE, valueFrom: {{fieldRef: {{fieldPath: spec.nodeName}}}}}}
        - {{name: BOTH, value: "$(GREETING) from $(MY_NODE)"}}
      readinessProbe: {{httpGet: {{path: /healthz, port: http}}, periodSeconds: 1, failureThreshold: 1}}
---
apiVersion: v1
kind: Pod
metadata:
  name: caller-{number}
  annotations: {{seaway.dev/command: sleep 86400}}
spec:
  nodeName: node-{number}
  containers: [{{name: caller}}]
"""

SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {app}}}
  ports: [{{name: http, port: 80, targetPort: http{port}}}]
{more}
"""

REST = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {greeting: good day}
---
apiVersion: v1
kind: Secret
metadata: {name: vault}
stringData: {password: opensesame}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere}
spec: {type: ExternalName, externalName: www.example.net}
---
apiVersion: v1
kind: Service
metadata: {name: by-hand}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: by-hand-1
  labels: {kubernetes.io/service-name: by-hand}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [198.18.0.77]}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: web.test
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: plain, port: {name: http}}}}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: patient
  annotations: {seaway.dev/command: 'sh -c "echo born; exec sleep 86400"'}
spec:
  containers:
    - name: patient
      livenessProbe: {exec: {command: [sh, -c, "! test -e FOLDER/patient.dead"]}, periodSeconds: 1, failureThreshold: 1}
      readinessProbe: {exec: {command: [test, -e, FOLDER/patient.well]}, periodSeconds: 1, failureThreshold: 1}
"""


def service(name: str, *more: str, app: str = "web", node_port: int = 0) -> str:
    port = f", nodePort: {node_port}" if node_port else ""
    return SERVICE.format(name=name, app=app, port=port, more="\n".join(f"  {one}" for one in more))


@pytest.fixture(scope="module")
def town(networks: Callable[..., Network]) -> Network:
    network = networks()
    folder = network.home / "f"
    folder.mkdir()
    pods = "".join(POD.format(number=number, program=PROGRAM, folder=folder) for number in NODES)
    services = [
        service("plain"),
        service("headless", "clusterIP: None"),
        service("sticky", "sessionAffinity: ClientIP"),
        service("inner-local", "internalTrafficPolicy: Local"),
        service("node-wide", "type: NodePort", node_port=30081),
        service("node-local", "type: NodePort", "externalTrafficPolicy: Local", node_port=30082),
        service("balanced", "type: LoadBalancer"),
        service("nobody", app="nobody"),
        service("early", "publishNotReadyAddresses: true", "clusterIP: None"),
    ]
    network.write("town.yaml", (pods + "".join(services) + REST.replace("FOLDER", str(folder))).removeprefix("---\n"))
    (folder / "patient.well").touch()
    network.up(str(network.manifests), "--nodes", "2")
    return network


def spread(client: Client, address: str, port: int = 80, times: int = 20) -> set[str]:
    return {client.get(address, port).echo["pod"] for _ in range(times)}


@pytest.mark.parametrize("number", NODES)
def test_cluster_ip_reaches_pods_of_both_nodes(town: Network, number: int) -> None:
    client = town.inside(f"default/caller-{number}")
    assert spread(client, town.cluster_ip("default", "plain")) == {"web-1", "web-2"}


def test_a_pod_is_seen_by_its_own_address_everywhere(town: Network) -> None:
    for number in NODES:
        peers = {town.inside("default/caller-1").get(town.ip(f"default/web-{number}"), 8080).echo["peer"]}
        assert peers == {town.ip("default/caller-1")}
    through = {town.inside("default/caller-1").get(town.cluster_ip("default", "plain"), 80).echo["peer"] for _ in range(8)}
    assert through == {town.ip("default/caller-1")}


def test_a_pod_reaches_itself_through_its_service(town: Network) -> None:
    assert spread(town.inside("default/web-1"), town.cluster_ip("default", "plain")) == {"web-1", "web-2"}


def test_session_affinity(town: Network) -> None:
    address = town.cluster_ip("default", "sticky")
    for caller in ("caller-1", "caller-2"):
        assert len(spread(town.inside(f"default/{caller}"), address)) == 1


@pytest.mark.parametrize("number", NODES)
def test_local_policies(town: Network, number: int) -> None:
    inside = town.inside(f"default/caller-{number}")
    assert spread(inside, town.cluster_ip("default", "inner-local"), times=10) == {f"web-{number}"}
    assert spread(town.host, NODES[number], 30082, times=10) == {f"web-{number}"}
    assert spread(town.host, NODES[number], 30081) == {"web-1", "web-2"}


def test_who_asks_from_outside(town: Network) -> None:
    """externalTrafficPolicy Local keeps the client's address; Cluster shows the node's."""
    kept = {town.host.get(NODES[1], 30082).echo["peer"] for _ in range(4)}
    assert kept == {"198.18.254.1"}
    assert {town.host.get(NODES[1], 30081).echo["peer"] for _ in range(8)} == {NODES[1]}


def test_load_balancer_from_outside_and_from_a_pod(town: Network) -> None:
    address = town.service("default", "balanced")["status"]["loadBalancer"]["ingress"][0]["ip"]
    assert spread(town.host, address) == {"web-1", "web-2"}
    assert spread(town.inside("default/caller-2"), address) == {"web-1", "web-2"}


def test_no_ready_endpoint_is_refused_and_no_hang(town: Network) -> None:
    with pytest.raises(ConnectionRefusedError):
        town.inside("default/caller-1").connect(town.cluster_ip("default", "nobody"), 80)


def test_the_gateway_asks_as_the_pod_that_it_is(town: Network) -> None:
    gateway = {town.ip(pod) for pod in town.pods("seaway-system/")}
    seen = {town.host.get(town.gateway, 80, "/", "web.test").echo["peer"] for _ in range(6)}
    assert seen
    assert seen <= gateway


def test_names(town: Network) -> None:
    queries = ["headless A", "elsewhere CNAME", "by-hand A", "_http._tcp.headless SRV", "nobody A", "web-1 A"]
    script = "; echo; ".join(f"dig +short +search {one}" for one in queries)
    said = [one.split() for one in town.text("exec", "default/caller-2", "--", "sh", "-c", script).split("\n\n")]
    webs = sorted(town.ip(f"default/web-{number}") for number in NODES)
    assert sorted(said[0]) == webs
    assert said[1] == ["www.example.net."]
    assert said[2] == [town.cluster_ip("default", "by-hand")]
    assert [word for word in said[3] if word == "8080"] == ["8080", "8080"]
    assert said[4] == [town.cluster_ip("default", "nobody")]


def test_environment_and_logs_of_a_program(town: Network) -> None:
    env = town.inside("default/caller-1").get(town.ip("default/web-2"), 8080, "/env").echo["env"]
    wanted = {
        "GREETING": "good day",
        "PASSWORD": "opensesame",
        "MY_IP": town.ip("default/web-2"),
        "MY_NODE": "node-2",
        "BOTH": "good day from node-2",
    }
    assert {name: env.get(name) for name in wanted} == wanted
    assert env["HOSTNAME"] == "web-2"
    log = town.text("logs", "default/web-2")
    assert log.startswith("web-2 serves with good day\n")
    assert f"/env for {town.ip('default/caller-1')}\n" in log
    assert town.text("logs", "default/web-2", "--tail", "1").count("\n") == 1
    refused = town.seaway("logs", "kube-system/coredns")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_a_pod_that_fails_its_probe_leaves_and_comes_back(town: Network) -> None:
    client, address = town.inside("default/caller-1"), town.cluster_ip("default", "plain")
    sick = town.home / "f" / "web-1.sick"
    sick.touch()
    wait_until(lambda: spread(client, address, times=8) == {"web-2"}, "only the healthy pod")
    wait_until(lambda: {town.host.get(town.gateway, 80, "/", "web.test").echo["pod"] for _ in range(6)} == {"web-2"}, "the gateway too")
    with pytest.raises((ConnectionRefusedError, TimeoutError)):  # the only local endpoint has gone: no other node's may take its place
        town.host.connect(NODES[1], 30082, timeout=0.5)
    assert dig(town, "headless") == {town.ip("default/web-2")}
    assert dig(town, "early") == {town.ip("default/web-1"), town.ip("default/web-2")}
    status = {pod["name"]: pod["ready"] for pod in town.json("status")["pods"]}
    assert (status["web-1"], status["web-2"]) == (False, True)
    sick.unlink()
    wait_until(lambda: spread(client, address, times=8) == {"web-1", "web-2"}, "both pods")


def dig(network: Network, name: str) -> set[str]:
    return set(network.text("exec", "default/caller-1", "--", "dig", "+short", "+search", name).split())


def test_exec_probes(town: Network) -> None:
    folder = town.home / "f"

    def ready() -> bool:
        return next(pod["ready"] for pod in town.status()["pods"] if pod["name"] == "patient")

    wait_until(ready, "readiness")
    (folder / "patient.well").unlink()
    wait_until(lambda: not ready(), "unreadiness")
    (folder / "patient.well").touch()
    wait_until(ready, "readiness again")
    (folder / "patient.dead").touch()
    wait_until(lambda: born(town) >= 2, "a restart")
    (folder / "patient.dead").unlink()
    wait_until(ready, "readiness after the restart")


def born(network: Network) -> int:
    log: Path = network.state / "logs" / "pods" / "default_patient.log"
    return Counter(log.read_text().splitlines())["born"]
