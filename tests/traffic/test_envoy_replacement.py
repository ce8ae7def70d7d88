"""Another Envoy takes the place of the one that runs: nobody who is connected, or connects, notices more than being asked to come again."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from network import Load, Network, processes_with, wait_until
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


def another_binary(network: Network, name: str) -> str:
    path = network.home / name
    path.symlink_to(find_envoy())
    return str(path)


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
    print(fresh.seen, tls.seen, [(t.answers, t.lost, t.opened) for t in (streams.http1, streams.http2, streams.websockets)], min(streams.websockets.ended) - began)
    assert (fresh.failed, tls.failed) == ({}, {})
    assert (streams.http1.lost, streams.http2.lost, streams.websockets.lost) == ({}, {}, {})
    assert drained == (80, 60), "all others were asked to go before the old one ended"
    assert min(streams.websockets.ended) > began + DRAIN_S
    assert envoys(shop) == [second]
    assert shop.process("node-1/agent") == agent
    assert "web" in shop.text("proxy", "clusters")
