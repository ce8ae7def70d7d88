"""A control plane that is stopped, not dead: its sockets are open and nobody answers. Traffic, commands and the next `up` get past it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from network import Load, Network, wait_until
from test_envoy_replacement import SHOP

from seaway.drivers.process.pidfile import start_time

CHURN = (
    "listener_added",
    "listener_modified",
    "listener_removed",
    "cluster_added",
    "cluster_modified",
    "cluster_removed",
    ".config_reload",
)


@pytest.fixture(scope="module")
def shop(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write("shop.yaml", SHOP)
    network.up()
    return network


@pytest.fixture
def stopped(shop: Network) -> Iterator[tuple[Network, str]]:
    """The shop and its gateway's address, with the control plane stopped; it goes on afterwards, if it still can."""
    address = shop.gateway
    pid = shop.kill("control", signal.SIGSTOP)
    yield shop, address
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def load(network: Network, address: str) -> Load:
    host = network.host
    return Load(lambda: host.get(address, 80, "/", "web.test"))


def test_status_says_so_and_traffic_goes_on(shop: Network) -> None:
    quiet, before = shop.counters(*CHURN), shop.status()
    with load(shop, shop.gateway) as through:
        pid = shop.kill("control", signal.SIGSTOP)
        said, text = shop.json("status"), shop.text("status")
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: shop.json("status")["controlPlane"] == "running", "the control plane")
    assert said["controlPlane"] == "not answering"
    assert said["pods"] == before["pods"]
    assert text.startswith("control plane: not answering; traffic flows by the configuration of")
    assert f"its process {pid} is stopped" in text
    assert through.failed == {}
    assert shop.counters(*CHURN) == quiet
    assert shop.process("control") == pid


def test_a_command_that_needs_it_says_what_to_do(stopped: tuple[Network, str]) -> None:
    done = stopped[0].seaway("get", "pods")
    assert done.returncode == 2
    assert "is stopped" in done.stderr
    assert "kill -CONT" in done.stderr


@pytest.mark.slow
def test_envoy_notices_and_comes_back_without_churn(shop: Network) -> None:
    """The kernel takes Envoy's next connection in the stopped one's place, so that `connected_state` is 0 for a tenth of a second only."""
    connections = "cluster.control-plane.upstream_cx_total"
    quiet, before = shop.counters(*CHURN), shop.counters(connections)
    with load(shop, shop.gateway) as through:
        pid = shop.kill("control", signal.SIGSTOP)
        wait_until(lambda: shop.counters(connections) != before, "Envoy to notice", 15)
        os.kill(pid, signal.SIGCONT)
        shop.write("shop.yaml", SHOP.replace("replicas: 2", "replicas: 3"))
        wait_until(lambda: len(shop.pods("default/web-")) == 3, "edits to be followed")
    assert through.failed == {}
    assert shop.counters(*CHURN) == quiet


def test_up_takes_over_and_the_stopped_one_never_wakes(stopped: tuple[Network, str]) -> None:
    shop, address = stopped
    before, envoy, agent = shop.process("control"), shop.process("node-1/envoy"), shop.process("node-1/agent")
    with load(shop, address) as through:
        done = shop.up()
        wait_until(lambda: shop.json("status")["controlPlane"] == "running", "the next control plane")
    assert f"(process {before}) was stopped" in done.stderr
    assert start_time(before) is None  # gone, or a zombie that nobody has reaped yet
    assert shop.process("control") != before
    assert (shop.process("node-1/envoy"), shop.process("node-1/agent")) == (envoy, agent)
    assert through.failed == {}


def test_down_ends_a_stopped_one(networks: Callable[..., Network]) -> None:
    network = networks()
    network.write("shop.yaml", SHOP)
    network.up()
    network.kill("control", signal.SIGSTOP)
    network.down()
