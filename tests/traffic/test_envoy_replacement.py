"""Another Envoy takes the place of the one that runs: nobody who is connected, or connects, notices more than being asked to come again."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from network import Load, Network, exchange, processes_with, wait_until
from streams import Streams

from seaway.drivers.envoy.binary import find_envoy

SHOP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
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
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: web.test
      http:
        paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]
"""
DRAIN_S = 10


@pytest.fixture(scope="module")
def shop(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write("shop.yaml", SHOP)
    network.up()
    return network


def envoys(network: Network) -> list[int]:
    return sorted(pid for pid, _ in processes_with(f"{network.state}/node-1/envoy.json"))


def through(network: Network) -> Load:
    address, host = network.gateway, network.host
    return Load(lambda: host.get(address, 80, "/", "web.test"))


def answers(network: Network) -> bool:
    try:
        return network.host.get(network.gateway, 80, "/", "web.test").status == 200
    except OSError:
        return False


def another_binary(network: Network, name: str) -> str:
    path = network.home / name
    path.symlink_to(find_envoy())
    return str(path)


@pytest.mark.slow
def test_another_binary_takes_over_under_a_hundred_streams(shop: Network) -> None:
    address, host, path = shop.gateway, shop.host, another_binary(shop, "envoy-b")
    first, agent = shop.process("node-1/envoy"), shop.process("node-1/agent")
    with (
        Streams(lambda: host.connect(address, 80), lambda: host.connect(address, 443), "web.test", 40, 30, 30) as streams,
        Load(lambda: host.get(address, 80, "/", "web.test"), 0.0) as fresh,
        Load(lambda: host.get(address, 443, "/", "web.test", tls=True)) as tls,
    ):
        wait_until(lambda: streams.websockets.answers > 60 and streams.http2.answers > 60, "all streams")
        shop.kill("control")
        began = time.monotonic()
        shop.up(str(shop.manifests), "--envoy-path", path)
        second = wait_until(lambda: (pid := shop.process("node-1/envoy")) != first and pid, "the new one to serve")
        while envoys(shop) == sorted([first, second]):
            drained = (streams.http1.opened, streams.http2.opened)
        wait_until(lambda: streams.websockets.opened == 60, "WebSockets to come again")
    assert (fresh.failed, tls.failed) == ({}, {})
    assert (streams.http1.lost, streams.http2.lost, streams.websockets.lost) == ({}, {}, {})
    assert drained == (80, 60), "all others were asked to go before the old one ended"
    assert min(streams.websockets.ended) > began + DRAIN_S
    assert envoys(shop) == [second]
    assert shop.process("node-1/agent") == agent
    assert "web" in shop.text("proxy", "clusters")


@pytest.mark.slow
def test_a_binary_that_does_not_work_changes_nothing(shop: Network) -> None:
    before, address = shop.process("node-1/envoy"), shop.gateway
    broken = shop.home / "broken"
    broken.write_text("#!/bin/sh\necho this is no Envoy\nexit 3\n")
    broken.chmod(0o755)
    with through(shop) as load:
        shop.kill("control")
        shop.up(str(shop.manifests), "--envoy-path", str(broken))
        wait_until(lambda: shop.status()["trouble"], "the finding")
        shop.write("shop.yaml", SHOP.replace("replicas: 2", "replicas: 3"))
        wait_until(lambda: len(load.pods) >= 3, "edits to be followed")
    assert load.failed == {}
    assert envoys(shop) == [before]
    trouble = shop.status()["trouble"]
    assert [(one["code"], one["severity"]) for one in trouble] == [("NET0406", "error")]
    assert trouble[0]["message"].endswith("exited with code 3: this is no Envoy")
    assert "error[NET0406]: envoy-node-1 is still the one from before" in shop.text("status")
    assert shop.status()["nodes"][0]["envoy"] == "running"

    shop.kill("control")
    shop.up(str(shop.manifests), "--envoy-path", another_binary(shop, "envoy-c"))
    wait_until(lambda: envoys(shop) != [before] and len(envoys(shop)) == 1, "another one")
    assert shop.status()["trouble"] == []
    assert shop.host.get(address, 80, "/", "web.test").status == 200


@pytest.mark.slow
def test_killed_in_the_middle_of_a_replacement(shop: Network) -> None:
    """Nobody ends the older one; the next `up` finds both, and goes on where the other stopped."""
    first, host, address = shop.process("node-1/envoy"), shop.host, shop.gateway
    words = (str(shop.manifests), "--envoy-path", another_binary(shop, "envoy-d"))
    with (
        through(shop) as load,
        Streams(lambda: host.connect(address, 80), lambda: host.connect(address, 443), "web.test", 5, 5, 1) as streams,
    ):
        wait_until(lambda: streams.websockets.answers, "a stream that keeps the older one")
        shop.kill("control")
        shop.up(*words)
        second = wait_until(lambda: (pid := shop.process("node-1/envoy")) != first and pid, "the new one to serve")
        shop.kill("control")
        assert envoys(shop) == sorted([first, second])
        shop.up(*words)
        assert envoys(shop) == sorted([first, second])
    wait_until(lambda: envoys(shop) == [second], "the older one to end")
    assert load.failed == {}
    assert (streams.http1.lost, streams.http2.lost) == ({}, {})


@pytest.mark.slow
def test_down_in_the_middle_of_a_replacement(networks: Callable[..., Network]) -> None:
    network = networks()
    network.write("shop.yaml", SHOP)
    network.up()
    first, host, address = network.process("node-1/envoy"), network.host, network.gateway
    with host.connect(address, 80) as kept:
        exchange(kept, "/", "web.test", close=False)
        network.kill("control")
        network.up(str(network.manifests), "--envoy-path", another_binary(network, "envoy-b"))
        wait_until(lambda: network.process("node-1/envoy") != first, "the new one to serve")
        assert len(envoys(network)) == 2
        network.down()


def test_one_that_keeps_dying_is_named_with_its_reason(shop: Network) -> None:
    for _ in range(2):
        before = shop.kill("node-1/envoy")
        wait_until(lambda: answers(shop) and shop.process("node-1/envoy") != before, "the next one")  # noqa: B023
    trouble = shop.status()["trouble"]
    assert [one["code"] for one in trouble] == ["NET0403"]
    assert trouble[0]["message"] == "envoy-node-1 keeps dying: killed by SIGKILL"
    assert f"{shop.state}/logs/envoy-node-1.log" in trouble[0]["help"]
    assert "warning[NET0403]" in shop.text("status")
