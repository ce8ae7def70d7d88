"""The guide's mesh, unchanged, with workloads beside it: what Istio would do with it is done, and each of its traps is named."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from guide_workloads import WORKLOADS
from network import ROOT, Answer, Network, wait_until

GUIDE = Path(os.environ.get("SEAWAY_GUIDE", ROOT.parent / "shared" / "guide"))
FILES = ("traffic-management.yaml", "security-policies.yaml")

pytestmark = pytest.mark.skipif(not GUIDE.is_dir(), reason=f"the guide's manifests are not in {GUIDE} (SEAWAY_GUIDE names another folder)")

API, WEB, OUTSIDER = "production/api-gateway", "production/web", "legacy/outsider"


class Shop:
    """The network, and requests to product-service from any of its pods."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.address = network.cluster_ip("production", "product-service")
        self._pods = {one: network.inside(one) for one in (API, WEB, OUTSIDER)}

    def ask(self, caller: str, path: str, *headers: str, port: int = 8080, method: str = "GET") -> Answer:
        lines = "".join(f"\r\n{one}" for one in headers)
        return self._pods[caller].get(self.address, port, path, f"product-service{lines}", method=method, timeout=10.0)

    def versions(self, *headers: str, times: int) -> Counter[str]:
        with ThreadPoolExecutor(8) as many:
            answers = list(many.map(lambda _: self.ask(API, "/", *headers), range(times)))
        assert {one.status for one in answers} == {200}
        return Counter(one.echo["version"] for one in answers)

    def counter(self, subset: str, port: int, name: str) -> int:
        """Asked for by name alone: all statistics take longer than the requests that are to be counted."""
        pattern = rf"^cluster\.outbound.{port}.{subset}.product-service\..*\.{name}$"
        found = self.network.envoy(f"/stats?filter={pattern}").splitlines()
        return sum(int(line.rpartition(" ")[2]) for line in found)


@pytest.fixture(scope="module")
def shop(networks: Callable[..., Network]) -> Shop:
    network = networks()
    for name in FILES:
        network.write(name, (GUIDE / name).read_text())
    network.write("workloads.yaml", WORKLOADS)
    network.up()
    return Shop(network)


def test_the_canary_header_always_leads_to_v2(shop: Shop) -> None:
    assert shop.versions("canary: true", times=60) == {"v2": 60}


def test_nine_of_ten_without_it_go_to_v1(shop: Shop) -> None:
    """600 draws at 0.1: 60 expected, standard deviation 7.35; outside of five of them once in two million runs."""
    seen = shop.versions(times=600)
    assert set(seen) == {"v1", "v2"}
    assert 24 <= seen["v2"] <= 96, seen


def test_another_value_of_the_header_is_no_canary(shop: Shop) -> None:
    assert shop.versions("canary: yes", times=40)["v1"] > 0


@pytest.mark.parametrize(
    ("caller", "method", "path", "headers", "status"),
    [
        (WEB, "GET", "/api/products/7", (), 200),
        (WEB, "POST", "/api/products/7", (), 200),
        (WEB, "GET", "/api/products/", (), 200),
        (WEB, "GET", "/api/products/7?admin=1", (), 200),
        (WEB, "GET", "/api/products", (), 403),
        (WEB, "DELETE", "/api/products/7", (), 403),
        (WEB, "GET", "/", (), 403),
        (WEB, "GET", "/api/products/../orders", (), 403),
        (WEB, "GET", "/api/%70roducts/7", (), 200),
        (WEB, "GET", "/API/products/7", (), 403),
        (API, "GET", "/", (), 200),
        (API, "DELETE", "/anything", (), 200),
        (WEB, "DELETE", "/anything", ("user-role: admin",), 200),
        (WEB, "GET", "/", ("user-role: user",), 200),
        (WEB, "GET", "/", ("user-role: guest",), 403),
        (WEB, "GET", "/", ("user-role: Admin",), 403),
        (WEB, "GET", "/", ("user-role:",), 403),
    ],
)
def test_each_rule_allows_by_itself(shop: Shop, caller: str, method: str, path: str, headers: tuple[str, ...], status: int) -> None:
    assert shop.ask(caller, path, *headers, method=method).status == status


def claim(name: str) -> str:
    return f"X-Forwarded-Client-Cert: By=spiffe://cluster.local/ns/production/sa/default;URI=spiffe://cluster.local/ns/production/sa/{name}"


def test_a_claimed_identity_is_none(shop: Shop) -> None:
    assert shop.ask(WEB, "/", claim("api-gateway")).status == 403
    assert "sa/root" not in str(shop.ask(API, "/", claim("root")).echo["headers"]["X-Forwarded-Client-Cert"])


def test_callers_are_told_from_each_other_by_their_certificates(shop: Shop) -> None:
    for caller, path in ((API, "/"), (WEB, "/api/products/7")):
        seen = shop.ask(caller, path).echo["headers"]["X-Forwarded-Client-Cert"]
        assert [one.rpartition("URI=")[2] for one in seen] == [f"spiffe://cluster.local/ns/production/sa/{caller.partition('/')[2]}"]


def test_strict_refuses_plaintext(shop: Shop) -> None:
    """By the Service as by each pod's address, whatever the policy would say of the request."""
    pods = shop.network.pods("production/product-service-")
    outsider = shop.network.inside(OUTSIDER)
    for address in (shop.address, *(shop.network.ip(pod) for pod in pods)):
        with pytest.raises(OSError, match=r"reset|closed"):
            outsider.get(address, 8080, "/api/products/7", "product-service\r\nuser-role: admin")


def test_the_external_database_does_not_take_port_5432(shop: Shop) -> None:
    """The ServiceEntry has no address: a database of the mesh, and one that is no Service at all, keep theirs."""
    caller = shop.network.inside(WEB)
    for address in (shop.network.cluster_ip("production", "orders-db"), shop.network.ip("legacy/old-db")):
        with caller.connect(address, 5432) as connection:
            connection.sendall(b"select 1")
            assert connection.recv(100) == b"select 1"


class Burst:
    """Requests to the canary of one port, of which none is answered before all are sent."""

    def __init__(self, shop: Shop, port: int) -> None:
        self._shop, self._port, self._caller = shop, port, shop.network.inside(API)
        self._connections: list[socket.socket] = []

    def send(self, count: int, delay: str = "4s") -> None:
        for _ in range(count):
            connection = self._caller.connect(self._shop.address, self._port, timeout=20.0)
            connection.sendall(f"GET /?delay={delay} HTTP/1.1\r\nHost: product-service\r\ncanary: true\r\n\r\n".encode())
            self._connections.append(connection)

    def __len__(self) -> int:
        return len(self._connections)

    def connections(self) -> int:
        return self._shop.counter("canary", self._port, "upstream_cx_active")

    def answers(self) -> Counter[int]:
        statuses = Counter(int(one.recv(4096).split()[1]) for one in self._connections)
        for one in self._connections:
            one.close()
        return statuses


def test_the_pool_of_a_port_that_has_its_own_settings(shop: Shop) -> None:
    """25 connections, and as many may wait as like: what stands above it was replaced, not added to."""
    burst = Burst(shop, 8080)
    burst.send(50, "2s")
    wait_until(lambda: burst.connections() == 25, "25 connections")
    assert burst.answers() == {200: 50}
    assert burst.connections() <= 25


@pytest.mark.slow
def test_the_pool_of_a_port_that_has_none(shop: Shop) -> None:
    """100 connections, 50 that wait (as do those whose connection is being opened); the rest is told so at once.

    No test has another caller at this port: an idle connection of another one takes a place, since limits are a node's here.
    """
    burst = Burst(shop, 9090)
    for served in (40, 80, 100):
        burst.send(served - len(burst))
        wait_until(lambda served=served: shop.counter("canary", 9090, "upstream_rq_active") == served, f"{served} requests with the server")
    burst.send(70)
    assert burst.answers() == {200: 150, 503: 20}


def test_errors_do_not_eject_where_port_level_settings_stand(shop: Shop) -> None:
    for _ in range(20):
        assert shop.ask(API, "/status/500").status == 500
    assert shop.counter("stable", 8080, "outlier_detection.ejections_active") == 0


def test_three_errors_in_a_row_eject_a_pod(shop: Shop) -> None:
    """circuitBreaker is no field of the API, and means this."""

    def stable() -> set[str]:
        answers = [shop.ask(API, "/", port=9090).echo for _ in range(150)]
        return {one["pod"] for one in answers if one["version"] == "v1"}

    assert len(stable()) == 10
    failing = 0
    while not shop.counter("stable", 9090, "outlier_detection.ejections_active"):
        assert failing < 200, "no pod was ejected"
        shop.ask(API, "/status/500", port=9090)
        failing += 1
    assert failing >= 3
    assert len(stable()) == 9


def test_what_only_lacked_workloads_is_no_longer_said(shop: Shop) -> None:
    """The traps that stay are those of `test_guide`; these are two errors, and an address that only DNS gives."""
    assert sorted({one["code"] for one in shop.network.findings()}) == ["NET0576", "NET0577", "NET0597", "NET0641", "NET0642"]
