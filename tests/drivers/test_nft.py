"""One contract for the kernel's table and for the one in memory; then what only the kernel can show."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest

from seaway.core.errors import DriverError
from seaway.drivers.nft.events import RulesetEvents
from seaway.drivers.nft.fake import FakeNft
from seaway.drivers.nft.real import NftDriver
from seaway.plans.nft.layout import Elements, Ranges, choice_chain, service_chains, service_maps
from seaway.plans.nft.table import Element, NftMap, NftRule, NftTable

ROOT = os.geteuid() == 0 and all(shutil.which(one) for one in ("nft", "unshare", "nsenter"))
needs_root = pytest.mark.skipif(not ROOT, reason="needs root, nft, unshare and nsenter")
RANGES = Ranges("10.244.0.0/24", "10.96.0.0/12", "192.168.7.1")


def table_of(services: int, endpoints: int = 2) -> NftTable:
    keys = [f"10.96.{n // 250}.{n % 250 + 1} . tcp . 80" for n in range(services)]
    chain = f"pick_{endpoints}"
    of = Elements(
        services=tuple(Element(key, f"goto {chain}", f"default/service-{n}:http") for n, key in enumerate(keys)),
        endpoints=tuple(Element(f"{key} . {n}", f"10.244.0.{n + 1} . 8080") for key in keys for n in range(endpoints)),
        source_ranges=(Element("198.18.255.1 . tcp . 80 . 10.0.0.0/8"), Element("198.18.255.1 . udp . 53 . 192.0.2.1")),
        guarded=(Element("198.18.255.1 . tcp . 80"),),
        hairpin=(Element("10.244.0.1 . 10.244.0.1"),),
        sticky_ids=(Element("10.96.9.9 . udp . 53 . 0", "184811521"),),
    )
    return NftTable(maps=service_maps(of), chains=service_chains(RANGES, (choice_chain(chain), choice_chain("sticky_1_60"))))


def broken(table: NftTable) -> NftTable:
    """A table whose last chain jumps into nothing: what a bug in a plan would look like."""
    first, *rest = table.chains
    return replace(table, chains=(*rest, replace(first, rules=(*first.rules, NftRule("jump nowhere")))))


class Driver(Protocol):
    def apply(self, table: NftTable) -> None: ...
    def drifted(self) -> bool: ...
    def repair(self) -> bool: ...
    def remove(self) -> None: ...


class World(Protocol):
    @property
    def driver(self) -> Driver: ...
    def held(self) -> dict[str, dict[str, str]]: ...
    def lose_table(self) -> None: ...
    def lose_elements(self, name: str) -> None: ...


@dataclass
class Kernel:
    netns: Path
    driver: NftDriver

    def nft(self, *args: str) -> str:
        return subprocess.run(["nsenter", f"--net={self.netns}", "nft", *args], check=True, capture_output=True, text=True).stdout

    def held(self) -> dict[str, dict[str, str]]:
        if "table inet seaway" not in self.nft("list", "tables"):
            return {}
        found: dict[str, dict[str, str]] = {}
        for entry in json.loads(self.nft("-j", "list", "table", "inet", "seaway"))["nftables"]:
            if "map" in entry and entry["map"]["map"] == "ipv4_addr . inet_service":
                pairs = entry["map"].get("elem", [])
                found[entry["map"]["name"]] = {self.words(key): self.words(value) for key, value in pairs}
        return {name: elements for name, elements in found.items() if elements}

    @staticmethod
    def words(value: dict[str, list[str | int]]) -> str:
        return " . ".join(str(one) for one in value["concat"])

    def lose_table(self) -> None:
        self.nft("flush", "ruleset")

    def lose_elements(self, name: str) -> None:
        self.nft("flush", "map", "inet", "seaway", name)


@dataclass
class Memory:
    driver: FakeNft

    def held(self) -> dict[str, dict[str, str]]:
        maps = self.driver.held.maps if self.driver.held else ()
        found = {one.name: {each.key: each.value for each in one.elements} for one in maps if one.value == "ipv4_addr . inet_service"}
        return {name: elements for name, elements in found.items() if elements}

    def lose_table(self) -> None:
        self.driver.lose_table()

    def lose_elements(self, name: str) -> None:
        self.driver.lose_elements(name)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """A network namespace of its own, which a sleeping process holds open."""
    if not ROOT:
        pytest.skip("needs root, nft, unshare and nsenter")
    holder = subprocess.Popen(["unshare", "--net", "sleep", "100"])
    try:
        netns = Path(f"/proc/{holder.pid}/ns/net")
        while netns.readlink() == Path("/proc/self/ns/net").readlink():
            time.sleep(0.002)
        yield Kernel(netns, NftDriver(netns))
    finally:
        holder.kill()
        holder.wait()


@pytest.fixture(params=["real", "fake"])
def world(request: pytest.FixtureRequest) -> World:
    return request.getfixturevalue("kernel") if request.param == "real" else Memory(FakeNft())


def want(table: NftTable) -> dict[str, dict[str, str]]:
    return {"endpoints": {one.key: one.value for one in table.elements("endpoints")}}


def test_first_load_change_and_removal(world: World) -> None:
    for table in (table_of(3), table_of(5, endpoints=3), table_of(1), table_of(1)):
        world.driver.apply(table)
        assert world.held() == want(table)
        assert not world.driver.drifted()
    world.driver.remove()
    assert world.held() == {}
    assert not world.driver.drifted()


def test_remove_without_a_table(world: World) -> None:
    world.driver.remove()
    assert world.held() == {}


def test_a_refused_change_leaves_everything_as_it_was(world: World) -> None:
    world.driver.apply(table_of(3))
    with pytest.raises(DriverError, match="nft refused") as caught:
        world.driver.apply(broken(table_of(5)))
    assert caught.value.help
    assert len(caught.value.message) < 500
    assert world.held() == want(table_of(3))
    assert not world.driver.drifted()
    world.driver.apply(table_of(5))
    assert world.held() == want(table_of(5))


def test_a_refused_first_load_leaves_nothing(world: World) -> None:
    with pytest.raises(DriverError):
        world.driver.apply(broken(table_of(1)))
    assert world.held() == {}


@pytest.mark.parametrize("harm", ["table", "elements"])
def test_what_others_take_away_is_noticed_and_put_back(world: World, harm: str) -> None:
    world.driver.apply(table_of(3))
    assert not world.driver.repair()
    if harm == "table":
        world.lose_table()
    else:
        world.lose_elements("endpoints")
    assert world.driver.drifted()
    assert world.driver.repair()
    assert not world.driver.drifted()
    assert world.held() == want(table_of(3))


def test_a_change_after_a_foreign_flush_ends_right(world: World) -> None:
    world.driver.apply(table_of(3))
    world.lose_table()
    world.driver.apply(table_of(4))
    assert world.held() == want(table_of(4))


@pytest.mark.parametrize(
    ("harm", "noticed"),
    [
        (["flush", "chain", "inet", "seaway", "translated"], True),
        (["insert", "rule", "inet", "seaway", "forward", "drop"], True),
        (["add", "chain", "inet", "seaway", "theirs"], True),
        (["add", "element", "inet", "seaway", "services", "{ 10.96.3.3 . udp . 9 : drop }"], True),
        (["add", "chain inet seaway theirs { type filter hook input priority 0; policy drop; }"], True),
        (["add", "table", "inet", "theirs"], False),
    ],
    ids=["flushed chain", "extra rule", "extra chain", "extra element", "extra base chain", "another table"],
)
def test_what_the_kernel_shows(kernel: Kernel, harm: list[str], noticed: bool) -> None:
    kernel.driver.apply(table_of(2))
    assert not kernel.driver.drifted()
    before = kernel.nft("list", "table", "inet", "seaway")
    kernel.nft(*harm)
    assert kernel.driver.repair() == noticed
    assert sorted(kernel.nft("list", "table", "inet", "seaway").split()) == sorted(before.split())
    assert not kernel.driver.drifted()


def test_the_kernel_tells_of_changes_whoever_makes_them(kernel: Kernel) -> None:
    events = RulesetEvents(kernel.netns)
    kernel.driver.apply(table_of(2000))
    assert events.drain(), "more than a socket holds"
    assert not kernel.driver.touched()
    assert not events.drain()
    kernel.nft("flush", "ruleset")
    assert events.drain()
    assert kernel.driver.touched()
    events.close()
    with pytest.raises(DriverError, match="not heard"):
        RulesetEvents(kernel.netns.with_name("nowhere"))


def test_elements_that_the_agent_puts_in_are_no_drift(kernel: Kernel) -> None:
    names = NftMap("named_x", "ipv4_addr . ipv4_addr", flags=("dynamic", "timeout"), versioned=True)
    tables = [replace(one, maps=(*one.maps, names)) for one in (table_of(2), table_of(3))]
    kernel.driver.apply(tables[0])
    for table in (tables[1], tables[0]):
        kernel.nft("add", "element", "inet", "seaway", "named_x", "{ 10.0.0.1 . 203.0.113.9 timeout 1h }")
        assert not kernel.driver.drifted()
        kernel.nft("add", "element", "inet", "seaway", "named_x", "{ 10.0.0.1 . 203.0.113.8 timeout 1h }")
        kernel.driver.apply(table)
        assert kernel.held() == want(table)
        assert "203.0.113.9" in kernel.nft("list", "set", "inet", "seaway", "named_x")
    kernel.nft("flush", "chain", "inet", "seaway", "translated")
    assert kernel.driver.repair()


def test_the_next_control_plane_takes_the_table_over(kernel: Kernel) -> None:
    kernel.driver.apply(table_of(3))
    kernel.nft("add", "element", "inet", "seaway", "affinity", "{ 10.0.0.1 . 10.96.9.9 . udp . 53 timeout 1h : 7 }")
    successor = NftDriver(kernel.netns)
    successor.apply(table_of(4))
    assert kernel.held() == want(table_of(4))
    assert "10.0.0.1" in kernel.nft("list", "map", "inet", "seaway", "affinity"), "what clients were given is remembered"
    assert not successor.drifted()


def test_a_table_of_another_layout_is_replaced(kernel: Kernel) -> None:
    kernel.nft("add table inet seaway; add map inet seaway services { type ipv4_addr : mark; }; add chain inet seaway old")
    kernel.driver.apply(table_of(3))
    assert kernel.held() == want(table_of(3))
    assert "old" not in kernel.nft("list", "chains").split()


@pytest.mark.parametrize(
    ("script", "words", "help"),
    [
        ("echo 'nftables v1.0.1 (x)'", "too old", "1.0.2"),
        (
            "[ $1 = --version ] && echo 'nftables v1.0.9 (x)' || { echo 'Error: No buffer space available' >&2; exit 1; }",
            "No buffer space",
            "memory",
        ),
        (
            "[ $1 = --version ] && echo 'nftables v1.1 (x)' || { echo 'Error: Operation not permitted' >&2; exit 1; }",
            "not permitted",
            "user namespace",
        ),
    ],
    ids=["old", "no memory", "no permission"],
)
def test_a_sick_program(kernel: Kernel, tmp_path: Path, script: str, words: str, help: str) -> None:
    kernel.driver.apply(table_of(2))
    sick = tmp_path / "nft"
    sick.write_text(f"#!/bin/sh\n{script}\n")
    sick.chmod(0o755)
    with pytest.raises(DriverError, match=words) as caught:
        NftDriver(kernel.netns, nft=str(sick)).apply(table_of(5))
    assert help in caught.value.help
    assert kernel.held() == want(table_of(2))


@needs_root
def test_a_missing_program_and_a_missing_namespace(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="not installed") as caught:
        NftDriver(None, nft="no-such-nft").remove()
    assert "nftables" in caught.value.help
    with pytest.raises(DriverError, match="namespace"):
        NftDriver(tmp_path / "gone").apply(table_of(1))


BIG = """
import sys
sys.path.insert(0, sys.argv[1])
from test_nft import table_of
from seaway.drivers.nft.real import NftDriver
driver = NftDriver()
for table in (table_of(1500, 3), table_of(1800, 4), table_of(10)):
    driver.apply(table)
    assert not driver.drifted()
    listed = NftDriver()
    assert {one.name: set(one.elements) for one in listed._listing(table).table.maps} == {one.name: set(one.elements) for one in table.maps}
print("fine")
"""


@needs_root
def test_large_tables_in_a_user_namespace(tmp_path: Path) -> None:
    """More than one transaction may hold there."""
    script = tmp_path / "big.py"
    script.write_text(BIG)
    done = subprocess.run(
        ["unshare", "-Urn", sys.executable, str(script), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("fine\n", "")
