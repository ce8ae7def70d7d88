"""What Envoy refuses although no check of ours did: the object is found, named and set aside, and nothing else suffers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from network import ROOT, Network, wait_until

WEB = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: seaway, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: seaway.dev/gateway}
"""

EDGE = """\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}}}
spec:
  ingressClassName: seaway
  rules:
    - host: {name}.test
      http:
        paths: [{{path: {path}, pathType: Prefix, backend: {{service: {{name: web, port: {{name: http}}}}}}}}]
"""
COUNT = 50


def edge(name: str, path: str = "/") -> str:
    return EDGE.format(name=name, path=path).removeprefix("---\n")


def asked(network: Network, host: str, path: str = "/") -> int:
    return network.host.get(network.gateway, 80, path, f"{host}.test").status


def answers(network: Network, host: str) -> bool:
    try:
        return asked(network, host) == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def town(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write("web.yaml", WEB)
    network.write("many.yaml", "".join(EDGE.format(name=f"shop-{number}", path="/") for number in range(COUNT)))
    network.write("bad.yaml", edge("bad", "/poison"))
    argv = network.machine.argv(
        sys.executable, str(ROOT / "tests/traffic/poisoned.py"), "up", "--state", str(network.state), str(network.manifests)
    )
    log = (network.home / "up.log").open("w")
    subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    wait_until(lambda: "up after" in (network.home / "up.log").read_text(), "the network")
    return network


def refusals(network: Network) -> list[tuple[str, str, int]]:
    return [(one["code"], one["resource"]["name"], one["line"]) for one in network.findings() if one["code"] == "NET0401"]


def test_at_the_start_all_others_are_served_and_the_culprit_is_named(town: Network) -> None:
    wait_until(lambda: refusals(town), "the culprit")
    assert refusals(town) == [("NET0401", "bad", 1)]
    wait_until(lambda: answers(town, "shop-0"), "an answer")
    assert [asked(town, f"shop-{number}") for number in range(COUNT)] == [200] * COUNT
    assert asked(town, "bad") == 404
    done = town.seaway("check")
    assert done.returncode == 1
    assert "bad.yaml:1" in done.stdout
    assert "Envoy refuses what this" in done.stdout


def test_others_stay_updatable_meanwhile(town: Network) -> None:
    town.write("new.yaml", edge("late"))
    wait_until(lambda: asked(town, "late") == 200, "another Ingress")
    town.write("new.yaml", edge("late", "/elsewhere"))
    wait_until(lambda: asked(town, "late") == 404 and asked(town, "late", "/elsewhere") == 200, "its new path")
    assert refusals(town) == [("NET0401", "bad", 1)]


def test_a_good_object_turned_bad_keeps_its_last_good_version(town: Network) -> None:
    town.write("turned.yaml", edge("turned", "/good"))
    wait_until(lambda: asked(town, "turned", "/good") == 200, "the good version")
    town.write("turned.yaml", "# a line more\n" + edge("turned", "/poison"))
    wait_until(lambda: len(refusals(town)) == 2, "the second culprit")
    assert ("NET0401", "turned", 2) in refusals(town)
    assert asked(town, "turned", "/good") == 200
    assert asked(town, "shop-7") == 200
    (town.manifests / "turned.yaml").unlink()
    wait_until(lambda: asked(town, "turned", "/good") == 404, "its removal")
    assert refusals(town) == [("NET0401", "bad", 1)]


def test_mending_heals(town: Network) -> None:
    town.write("bad.yaml", edge("bad", "/mended"))
    wait_until(lambda: asked(town, "bad", "/mended") == 200, "the mended object")
    assert refusals(town) == []
    assert town.seaway("check").returncode == 0
