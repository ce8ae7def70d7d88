"""What the nodes' Envoys tell of real requests: how each ended, and the line that decided."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from network import Network, wait_until

MANIFESTS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{containerPort: 8080, name: http}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 8080, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: shop}
spec: {selector: {app: nobody}, ports: [{port: 8080, name: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
    - host: web.test
      http:
        paths:
          - {path: /shop, pathType: Prefix, backend: {service: {name: web, port: {number: 8080}}}}
          - {path: /empty, pathType: Prefix, backend: {service: {name: empty, port: {number: 8080}}}}
"""


@pytest.fixture(scope="module")
def shop(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write("shop.yaml", MANIFESTS)
    network.up()
    return network


def told(network: Network, path: str) -> list[dict[str, Any]]:
    """What is told of requests for this path, once anything is."""

    def found() -> list[dict[str, Any]]:
        return [one for one in network.json("flows")["flows"] if one["path"] == path]

    return wait_until(found, f"what is told of {path}")


def line_of(text: str) -> int:
    return MANIFESTS[: MANIFESTS.index(text)].count("\n") + 1


def cited(flow: dict[str, Any]) -> list[str]:
    return [f"{one['kind']} {one['namespace']}/{one['name']} {one['file'].rpartition('/')[2]}:{one['line']}" for one in flow["because"]]


def test_no_endpoint(shop: Network) -> None:
    assert shop.host.get(shop.gateway, 80, "/empty?key=secret", "web.test").status == 503
    (flow,) = told(shop, "/empty?key=…")
    assert (flow["verdict"], flow["status"], flow["flags"], flow["reporter"]) == ("unreachable", 503, ["UH"], "gateway")
    assert cited(flow) == [f"Service shop/empty shop.yaml:{line_of('{app: nobody}')}"]
    assert flow["via"]["workload"] == "Deployment/gateway"


def test_no_route(shop: Network) -> None:
    assert shop.host.get(shop.gateway, 80, "/elsewhere", "web.test").status == 404
    (flow,) = told(shop, "/elsewhere")
    assert (flow["status"], flow["text"]) == (404, "the route itself answers 404")
    assert cited(flow) == [f"Ingress shop/web shop.yaml:{line_of('- host: web.test')}"]


def test_what_goes_well_is_not_told_of(shop: Network) -> None:
    assert shop.host.get(shop.gateway, 80, "/shop", "web.test").status == 200
    assert shop.host.get(shop.gateway, 80, "/none-of-these", "web.test").status == 404
    told(shop, "/none-of-these")
    assert [one for one in shop.json("flows")["flows"] if one["path"] == "/shop"] == []


def test_who_follows_sees_what_comes(shop: Network) -> None:
    argv = shop.argv("flows", "-f", "-o", "json", "--status", "404")
    following = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert following.stdout is not None
    try:
        assert shop.host.get(shop.gateway, 80, "/seen", "web.test").status == 404
        assert any('"path": "/seen"' in line for line in iter(following.stdout.readline, ""))
    finally:
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=10)


def test_without_a_control_plane(shop: Network) -> None:
    address = shop.gateway
    shop.kill("control")
    assert shop.host.get(address, 80, "/alone", "web.test").status == 404
    assert [one["status"] for one in told(shop, "/alone")] == [404]
