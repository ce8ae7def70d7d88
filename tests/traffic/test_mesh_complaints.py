"""What users of sidecars complain of most, held against real traffic: connections that the application has just closed, and routes that
change together with the subset that they lead to. (Jobs, and networks that are there before the application: test_mesh_traffic.py.)
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from meshed import Object, account, command, get, namespace, pod, service, text_of
from network import Load, Network, wait_until

IMPATIENT = (
    f"{sys.executable} -c \"import http.server as h; H = type('H', (h.BaseHTTPRequestHandler,), {{'timeout': 0.1, 'protocol_version': "
    "'HTTP/1.1', 'log_message': lambda *a: None, 'do_GET': lambda s: (s.send_response(200), s.send_header('Content-Length', '0'), "
    "s.end_headers())}); h.ThreadingHTTPServer(('', 8080), H).serve_forever()\""
)
"""Closes connections that were idle for 100 ms."""

ROUNDS, AT_ONCE = 30, 12
CHANGES = 8

NEAR, FAR = "near", "far"


def web(version: int) -> Object:
    made = pod("web", ("http", 8080))
    return {**made, "metadata": {**made["metadata"], "name": f"web-{version}", "labels": {"app": "web", "version": str(version)}}}


def istio(kind: str, spec: Object) -> Object:
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


MANIFESTS = text_of(
    namespace("shop"),
    *(account(name) for name in ("caller", NEAR, FAR, "web")),
    pod("caller", ("http", 8080), nodeName="node-1"),
    pod(NEAR, ("http", 8080), annotations=command(IMPATIENT), nodeName="node-1"),
    pod(FAR, ("http", 8080), annotations=command(IMPATIENT), nodeName="node-2"),
    *(web(version) for version in (0, 1)),
    *(service(name, ("http", 80, 8080)) for name in (NEAR, FAR, "web")),
)


def routed(number: int) -> str:
    """A route and the subset that it leads to, both under a name that was not there before."""
    subset = f"take-{number}"
    labels = {"version": str(number % 2)}
    return text_of(
        istio("VirtualService", {"hosts": ["web"], "http": [{"route": [{"destination": {"host": "web", "subset": subset}}]}]}),
        istio("DestinationRule", {"host": "web", "subsets": [{"name": subset, "labels": labels}]}),
    )


@pytest.fixture(scope="module")
def network(networks: Callable[..., Network]) -> Network:
    network: Network = networks()
    network.write("shop.yaml", MANIFESTS)
    network.write("routes.yaml", routed(0))
    (network.manifests / "seaway.toml").write_text("nodes = 2\n")
    network.up()
    return network


@pytest.mark.parametrize("host", [NEAR, pytest.param(FAR, marks=pytest.mark.slow)])
def test_a_connection_that_the_application_closes_costs_no_request(network: Network, host: str) -> None:
    """Requests come just as the connections have been idle for as long as the application bears it."""
    address = network.cluster_ip("shop", host)
    random.seed(7)
    seen: Counter[int] = Counter()
    with ThreadPoolExecutor(AT_ONCE) as callers:
        for _ in range(ROUNDS):
            answers = [callers.submit(get, network, "shop/caller-0", address, 80, host) for _ in range(AT_ONCE)]
            seen.update(one.result().status for one in answers)
            time.sleep(0.1 + random.uniform(-0.004, 0.004))
    assert seen == {200: ROUNDS * AT_ONCE}, network.text("flows", "--status", "503")
    made = network.counters(f"cluster.outbound|80||{host}.shop.svc.cluster.local.upstream_cx_total")
    assert host == FAR or sum(made.values()) > 2 * AT_ONCE, "the application did close connections"


def test_a_route_changes_with_its_subset_under_load(network: Network) -> None:
    address = network.cluster_ip("shop", "web")
    inside = network.inside("shop/caller-0")
    with Load(lambda: inside.get(address, 80, "/", "web")) as load:
        for number in range(1, CHANGES + 1):
            load.pods.clear()
            network.write("routes.yaml", routed(number))
            wait_until(lambda number=number: load.pods[f"web-{number % 2}"] > 5, "requests by the new subset")
    assert load.failed == {}
