"""One contract for the tables inside pods' namespaces, by the library, by the program and in memory; then what only the kernel shows."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seaway.core.errors import DriverError
from seaway.drivers.nft.captures import CaptureDriver, CaptureTables, FakeCaptures
from seaway.drivers.nft.command import NftProgram
from seaway.drivers.nft.library import NftLibrary
from seaway.drivers.process.namespaces import in_netns
from seaway.model.mesh import Capture
from seaway.plans.nft.capture import CAPTURE_TABLE, capture_table
from seaway.plans.nft.table import NftTable

ALL = capture_table(Capture())
LESS = capture_table(
    Capture(
        inbound=(8080, 9090),
        inbound_excluded=(9090,),
        outbound=(9000,),
        outbound_excluded=(3306, 5432),
        ranges=("10.96.0.0/12", "10.244.0.0/16"),
        ranges_excluded=("192.0.2.0/24", "198.51.100.7/32"),
    )
)
NOTHING = capture_table(Capture(inbound=(), ranges=()))
NFT = {"library": NftLibrary, "program": NftProgram}


@dataclass
class World:
    driver: CaptureTables
    captured: Callable[[str], bool]
    flush: Callable[[str], None]
    drop: Callable[[str], None]


@dataclass
class Kernel:
    """Real namespaces a, b and c; what they hold is asked of the `nft` program."""

    folder: Path

    def nft(self, name: str, *args: str) -> str:
        with in_netns(self.folder / name):
            return subprocess.run(["nft", *args], check=True, capture_output=True, text=True).stdout

    def captured(self, name: str) -> bool:
        return f"table inet {CAPTURE_TABLE}" in self.nft(name, "list", "tables")

    def flush(self, name: str) -> None:
        self.nft(name, "flush", "ruleset")


@pytest.fixture
def kernel(namespaces: Any) -> Kernel:
    for name in "abc":
        namespaces.make(name)
    return Kernel(namespaces.folder)


@pytest.fixture(params=["library", "program", "fake"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        fake = FakeCaptures({"a", "b", "c"})
        yield World(fake, lambda name: name in fake.held, lambda name: fake.held.pop(name, None) and None, fake.namespaces.discard)
        return
    kernel: Kernel = request.getfixturevalue("kernel")
    held = request.getfixturevalue("namespaces")
    yield World(CaptureDriver(kernel.folder, NFT[request.param]()), kernel.captured, kernel.flush, held.drop)


def test_members_are_captured_and_others_are_not(world: World) -> None:
    world.driver.apply([("a", ALL), ("b", LESS), ("c", None)])
    assert [world.captured(name) for name in "abc"] == [True, True, False]
    world.driver.apply([("a", LESS), ("b", None), ("c", NOTHING)])
    assert [world.captured(name) for name in "abc"] == [True, False, True]
    assert world.driver.repair() == ()


def test_what_is_not_named_is_not_touched(world: World) -> None:
    world.driver.apply([("a", ALL)])
    world.driver.apply([("b", ALL)])
    assert world.captured("a")


def test_a_namespace_that_is_not_there_hurts_only_itself(world: World) -> None:
    world.drop("a")
    with pytest.raises(DriverError, match="no rules in a") as caught:
        world.driver.apply([("a", ALL), ("b", ALL)])
    assert caught.value.help
    assert world.captured("b")


def test_what_others_flush_is_put_back(world: World) -> None:
    world.driver.apply([("a", ALL), ("b", ALL), ("c", None)])
    world.flush("a")
    assert world.driver.repair() == ("a",)
    assert world.captured("a")
    assert world.driver.repair() == ()


def test_a_pod_that_is_gone_is_not_mended(world: World) -> None:
    world.driver.apply([("a", ALL), ("b", ALL)])
    world.drop("a")
    assert world.driver.repair() == ()


@pytest.mark.parametrize("nft", NFT.values(), ids=NFT)
def test_a_namespace_made_anew_under_its_name_is_captured_anew(kernel: Kernel, namespaces: Any, nft: Callable[[], NftProgram]) -> None:
    driver = CaptureDriver(kernel.folder, nft())
    driver.apply([("a", ALL)])
    namespaces.make("a")
    driver.apply([("a", ALL)])
    assert kernel.captured("a")


def test_the_next_control_plane_takes_over(kernel: Kernel) -> None:
    CaptureDriver(kernel.folder).apply([("a", ALL), ("b", ALL)])
    CaptureDriver(kernel.folder).apply([("a", None), ("b", LESS), ("c", None)])
    assert [kernel.captured(name) for name in "abc"] == [False, True, False]


def test_a_change_by_others_is_told_from_a_change_beside_it(kernel: Kernel) -> None:
    driver = CaptureDriver(kernel.folder)
    driver.apply([("a", ALL)])
    kernel.nft("a", "add", "table", "inet", "theirs")
    assert driver.repair() == ()
    kernel.nft("a", "insert", "rule", "inet", CAPTURE_TABLE, "output", "return")
    assert driver.repair() == ("a",)
    assert "theirs" in kernel.nft("a", "list", "tables")


@pytest.mark.parametrize("table", [ALL, LESS, NOTHING], ids=["all", "less", "nothing"])
def test_the_kernel_takes_each_kind(kernel: Kernel, table: NftTable) -> None:
    CaptureDriver(kernel.folder).apply([("a", table)])
    listed = kernel.nft("a", "list", "table", "inet", CAPTURE_TABLE)
    for chain in table.chains:
        assert listed.count("\n\t\t") >= len(chain.rules)


@pytest.mark.parametrize("nft", NFT.values(), ids=NFT)
def test_refusals_are_in_nfts_own_words(kernel: Kernel, nft: Callable[[], NftProgram]) -> None:
    with in_netns(kernel.folder / "a"), pytest.raises(DriverError, match=r"nft refused: .*No such file or directory") as caught:
        nft().listing("nothing")
    assert caught.value.help
