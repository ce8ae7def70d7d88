"""Certificates that change under real traffic: two Envoys, two agents, and a control plane that signs (`mtls_bench.py`)."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import LoopThread, Namespaces
from mtls_bench import Bench, UnderLoad, identity, until

from seaway.app.envoy_dump import read_pieces
from seaway.app.state import StateFolder
from seaway.model.names import ROOT_SECRET, client_secret, server_secret

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and ip")

Make = Callable[..., Bench]


@pytest.fixture
def bench(namespaces: Namespaces, short_path: Path, beside: LoopThread) -> Iterator[Make]:
    """`bench(leaf_s=…, patience_s=…)` is a network that answers."""
    made: list[Bench] = []

    def make(leaf_s: float = 86_400, patience_s: float = 30) -> Bench:
        made.append(Bench(namespaces, short_path, beside, leaf_s, patience_s))
        return made[-1].start()

    yield make
    for one in made:
        one.close()


def nothing_lost(under: UnderLoad) -> None:
    assert (under.load.lost, under.stream_lost) == ({}, "")
    assert under.load.answers > 20


def test_each_caller_is_seen_as_who_it_is(bench: Make) -> None:
    network = bench()
    for caller in "acaacc":
        assert network.request(caller) == {"peer": identity(caller), "own": identity("b")}
    assert network.keys_on_disk() == []
    secrets = {(one.node, one.name): one for one in read_pieces(StateFolder(network.folder), "secrets")}
    assert secrets.keys() >= {("node-1", client_secret(identity("a"))), ("node-2", server_secret(identity("b"))), ("node-2", ROOT_SECRET)}
    (shown,) = secrets["node-1", client_secret(identity("a"))].config["certificates"]
    assert (shown["identity"], shown["serial"]) == (identity("a"), network.control.serials()[identity("a")])
    assert "KEY" not in str(secrets)


@pytest.mark.slow
def test_leaves_are_renewed_under_load(bench: Make) -> None:
    network = bench(leaf_s=2)
    with UnderLoad(network) as under:
        seen = [network.control.serials()]
        for _ in range(3):
            until(lambda: network.renewed(seen[-1], "abc"), "renewal")
            seen.append(network.control.serials())
    nothing_lost(under)


@pytest.mark.slow
def test_a_root_is_rotated_under_load(bench: Make) -> None:
    network = bench(leaf_s=3)
    with UnderLoad(network) as under:
        first, second = network.control.signer(), network.control.rotate()
        until(lambda: network.control.signer() == second, "the new root to sign")
        assert network.control.roots() == [first, second]
        until(lambda: network.control.roots() == [second], "the old root to go")
        until(lambda: set(network.control.issuers()) == {second}, "all certificates to be the new root's")
    nothing_lost(under)


def test_the_control_plane_is_killed_and_comes_back(bench: Make) -> None:
    network = bench(leaf_s=4)
    first = network.control.signer()
    with UnderLoad(network) as under:
        network.control.end()
        answers = under.load.answers
        until(lambda: under.load.answers > answers + 20, "traffic without a control plane")
        control = network.start_control()
        until(lambda: control.signer() not in ("", first), "another root to sign")
        until(lambda: first not in control.roots(), "the old root to go")
    nothing_lost(under)
    assert network.keys_on_disk() == []


def test_an_agent_is_killed_and_comes_back(bench: Make) -> None:
    network = bench()
    before = network.control.serials()
    with UnderLoad(network) as under:
        network.kill_agent("node-1")
        answers = under.load.answers
        until(lambda: under.load.answers > answers + 20, "traffic without an agent")
        network.start_agent("node-1")
        until(lambda: network.renewed(before, "ac"), "new certificates")
        answers = under.load.answers
        until(lambda: under.load.answers > answers + 20, "traffic with them")
    nothing_lost(under)


@pytest.mark.slow
def test_a_root_is_rotated_while_an_agent_is_away(bench: Make) -> None:
    """Traffic within node-1 loses nothing. What node-2 missed it gets before its certificates, and then it takes part again."""
    network = bench(patience_s=1)
    network.kill_agent("node-2")
    with UnderLoad(network, to="c") as under:
        second = network.control.rotate()
        until(lambda: network.control.lacking() == ("node-2",), "node-1 to have the root")
        until(lambda: network.control.signer() == second, "patience to end")
        network.kill_agent("node-1")
        network.start_agent("node-1")
        until(lambda: network.control.issuers_on("node-1") == {second}, "certificates of the new root on node-1")
        answers = under.load.answers
        until(lambda: under.load.answers > answers + 20, "traffic with them")
        network.start_agent("node-2")
        until(lambda: network.control.issuers_on("node-2") == {second}, "certificates of the new root on node-2")
        assert network.control.lacking() == ()
        until(lambda: network.reaches("a"), "node-2 to believe node-1")
    nothing_lost(under)


@pytest.mark.slow
def test_leaves_are_renewed_for_a_minute_under_load(bench: Make) -> None:
    network = bench(leaf_s=10)
    with UnderLoad(network) as under:
        ends, serials = time.monotonic() + 60, {tuple(sorted(network.control.serials().items()))}
        while time.monotonic() < ends:
            serials.add(tuple(sorted(network.control.serials().items())))
            time.sleep(0.5)
    nothing_lost(under)
    assert len(serials) > 20
