"""One contract for the kernel's network and for the one in memory; then what only packets can show."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from seaway.core.errors import DriverError
from seaway.drivers.netns.fabric import OUTSIDE_ADDRESS
from seaway.drivers.netns.fake import FakeKernel, FakeNetwork
from seaway.drivers.netns.inside import new_netns
from seaway.drivers.netns.interface import Network
from seaway.drivers.netns.real import NetworkDriver
from seaway.drivers.process.namespaces import CLONE_NEWNET, CLONE_NEWNS, MS_PRIVATE, MS_REC, in_netns, mount, unshare
from seaway.model.workload import PodName
from seaway.plans.network.plan import NEXT_HOP, NetworkPlan, NodeNetwork, PodNetwork

ROOT = os.geteuid() == 0 and shutil.which("ip") is not None
NODES = (NodeNetwork("node-1", "198.18.0.1", "10.244.0.0/24"), NodeNetwork("node-2", "198.18.0.2", "10.244.1.0/24"))
Result = TypeVar("Result")


def pod(name: str, ip: str, node: str = "node-1") -> PodNetwork:
    return PodNetwork(PodName("default", name), f"default_{name}", node, ip)


A, B, FAR = pod("a", "10.244.0.1"), pod("b", "10.244.0.2"), pod("far", "10.244.1.1", "node-2")


def plan(*pods: PodNetwork, balancers: tuple[tuple[str, str], ...] = (), nodes: tuple[NodeNetwork, ...] = NODES) -> NetworkPlan:
    return NetworkPlan(nodes, pods, balancers)


class World(Protocol):
    """A kernel, and drivers that come and go before it."""

    def driver(self) -> Network: ...
    def wired(self) -> dict[str, tuple[str, str]]: ...
    def balancers(self) -> dict[str, str]: ...
    def half_make(self, name: str) -> None: ...


class Memory:
    def __init__(self) -> None:
        self.kernel = FakeKernel()

    def driver(self) -> Network:
        return FakeNetwork(self.kernel)

    def wired(self) -> dict[str, tuple[str, str]]:
        return {name: (one.node, one.ip) for name, one in self.kernel.pods.items()}

    def balancers(self) -> dict[str, str]:
        return dict(self.kernel.balancers)

    def half_make(self, name: str) -> None:
        self.kernel.pods.pop(name, None)
        self.kernel.half_made.add(name)


class OnThread:
    """A driver whose calls run on the machine's thread."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._driver = machine.do(lambda: NetworkDriver(machine.folder))

    def ensure(self, plan: NetworkPlan) -> None:
        self._machine.do(lambda: self._driver.ensure(plan))

    def prune(self, plan: NetworkPlan) -> None:
        self._machine.do(lambda: self._driver.prune(plan))

    def close(self) -> None:
        self._machine.do(self._driver.close)


class Machine:
    """A thread in network and mount namespaces of its own: all that is made there goes with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._thread = ThreadPoolExecutor(1)
        self._drivers: list[OnThread] = []
        self.do(self._move)

    def _move(self) -> None:
        unshare(CLONE_NEWNS | CLONE_NEWNET)
        mount(None, "/", None, MS_PRIVATE | MS_REC)
        self.folder.mkdir()
        mount("test", self.folder, "tmpfs")

    def do(self, act: Callable[[], Result]) -> Result:
        return self._thread.submit(act).result(60)

    def driver(self) -> Network:
        self._drivers.append(OnThread(self))
        return self._drivers[-1]

    def path(self, name: str) -> Path:
        return self.folder / name

    def ip(self, netns: str | None, *words: str) -> Any:
        """What `ip -j` prints, inside of a namespace or (None) of the fabric."""
        enter = [] if netns is None else ["nsenter", f"--net={self.path(netns)}"]
        out = self.do(lambda: subprocess.run([*enter, "ip", "-j", *words], check=True, capture_output=True, text=True).stdout)
        return json.loads(out or "[]")

    def files(self, prefix: str) -> list[str]:
        return self.do(lambda: sorted(path.name for path in self.folder.iterdir() if path.name.startswith(prefix)))

    def wired(self) -> dict[str, tuple[str, str]]:
        homes = {route["dst"]: node for node in self.files("node_") for route in self.ip(node, "route") if route["dev"].startswith("p")}
        found: dict[str, tuple[str, str]] = {}
        for name in self.files("default_"):
            for link in self.ip(name, "address", "show", "dev", "eth0"):
                address = link["addr_info"][0]["local"]
                found[name] = (homes[address].removeprefix("node_"), address)
        return found

    def balancers(self) -> dict[str, str]:
        homes = {node.address: node.name for node in NODES}
        return {one["dst"]: homes[one["gateway"]] for one in self.ip(None, "route") if "gateway" in one and "/" not in one["dst"]}

    def half_make(self, name: str) -> None:
        """As a crash between the namespace and its wiring leaves it, or one after the wiring."""

        def act() -> None:
            if self.path(name).exists():
                self.path(f".{name}").unlink()
                return
            with new_netns(self.path(name)):
                pass

        self.do(act)

    def socket(self, netns: str | None, port: int = 0, address: str = "0.0.0.0") -> socket.socket:
        """A UDP socket inside."""

        def act() -> socket.socket:
            if netns is None:
                return bound(address, port)
            with in_netns(self.path(netns)):
                return bound(address, port)

        return self.do(act)

    def close(self) -> None:
        for driver in self._drivers:
            with suppress(DriverError):
                driver.close()
        self._thread.shutdown()


def bound(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(5)
    made.bind((address, port))
    return made


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if not ROOT:
        pytest.skip("needs root and ip")
    made = Machine(tmp_path / "ns")
    yield made
    made.close()


@pytest.fixture(params=["memory", "kernel"])
def world(request: pytest.FixtureRequest) -> World:
    return Memory() if request.param == "memory" else request.getfixturevalue("machine")


class TestContract:
    def test_ensure_makes_what_is_planned(self, world: World) -> None:
        world.driver().ensure(plan(A, B, FAR))
        assert world.wired() == {
            "default_a": ("node-1", "10.244.0.1"),
            "default_b": ("node-1", "10.244.0.2"),
            "default_far": ("node-2", "10.244.1.1"),
        }

    def test_ensure_only_adds_and_prune_only_removes(self, world: World) -> None:
        driver = world.driver()
        driver.ensure(plan(A))
        driver.ensure(plan(B))
        assert set(world.wired()) == {"default_a", "default_b"}
        driver.prune(plan(B, FAR))
        assert set(world.wired()) == {"default_b"}

    @pytest.mark.parametrize(
        "moved",
        [
            pytest.param(pod("a", "10.244.0.9"), id="another address"),
            pytest.param(pod("a", "10.244.1.9", "node-2"), id="another node"),
        ],
    )
    def test_a_moved_pod_is_wired_anew(self, world: World, moved: PodNetwork) -> None:
        driver = world.driver()
        driver.ensure(plan(A, B))
        driver.ensure(plan(moved, B))
        assert world.wired() == {"default_a": (moved.node, moved.ip), "default_b": ("node-1", "10.244.0.2")}

    def test_two_pods_swap_addresses(self, world: World) -> None:
        driver = world.driver()
        driver.ensure(plan(A, B))
        driver.ensure(plan(pod("a", B.ip), pod("b", A.ip)))
        assert world.wired() == {"default_a": ("node-1", B.ip), "default_b": ("node-1", A.ip)}

    def test_a_second_driver_finds_what_a_first_has_left(self, world: World) -> None:
        world.driver().ensure(plan(A, B))
        second = world.driver()
        second.ensure(plan(A, FAR))
        second.prune(plan(A, FAR))
        assert set(world.wired()) == {"default_a", "default_far"}

    def test_a_moved_pod_is_wired_anew_by_a_second_driver(self, world: World) -> None:
        world.driver().ensure(plan(A, B))
        second = world.driver()
        second.ensure(plan(pod("a", "10.244.1.9", "node-2"), B))
        second.prune(plan(pod("a", "10.244.1.9", "node-2"), B))
        assert world.wired() == {"default_a": ("node-2", "10.244.1.9"), "default_b": ("node-1", B.ip)}

    @pytest.mark.parametrize("wired", [True, False], ids=["after its wiring", "before its wiring"])
    def test_a_half_made_pod_is_made_anew(self, world: World, wired: bool) -> None:
        world.driver().ensure(plan(A, B) if wired else plan(B))
        world.half_make("default_a")
        second = world.driver()
        second.ensure(plan(A, B))
        assert set(world.wired()) == {"default_a", "default_b"}

    def test_a_half_made_pod_that_nobody_wants_goes(self, world: World) -> None:
        world.driver().ensure(plan(A, B))
        world.half_make("default_a")
        second = world.driver()
        second.ensure(plan(B))
        second.prune(plan(B))
        second.ensure(plan(pod("c", A.ip), B))
        assert set(world.wired()) == {"default_b", "default_c"}

    def test_load_balancer_addresses_are_routed(self, world: World) -> None:
        driver = world.driver()
        driver.ensure(plan(balancers=(("198.18.255.1", "node-1"), ("198.18.255.2", "node-2"))))
        assert world.balancers() == {"198.18.255.1": "node-1", "198.18.255.2": "node-2"}
        driver.ensure(plan(balancers=(("198.18.255.1", "node-2"),)))
        assert world.balancers() == {"198.18.255.1": "node-2", "198.18.255.2": "node-2"}
        driver.prune(plan(balancers=(("198.18.255.1", "node-2"),)))
        assert world.balancers() == {"198.18.255.1": "node-2"}
        world.driver().prune(plan())
        assert world.balancers() == {}

    def test_an_address_that_another_pod_has_is_refused(self, world: World) -> None:
        driver = world.driver()
        driver.ensure(plan(A))
        with pytest.raises(DriverError, match=r"10\.244\.0\.1") as refusal:
            driver.ensure(plan(A, pod("thief", A.ip)))
        assert refusal.value.help
        driver.ensure(plan(A, B))
        driver.prune(plan(A, B))
        assert world.wired() == {"default_a": ("node-1", A.ip), "default_b": ("node-1", B.ip)}

    def test_the_address_of_a_pruned_pod_is_free(self, world: World) -> None:
        driver = world.driver()
        driver.ensure(plan(A))
        driver.prune(plan())
        driver.ensure(plan(pod("heir", A.ip)))
        assert world.wired() == {"default_heir": ("node-1", A.ip)}

    def test_an_address_that_another_pod_is_to_have_is_taken_from_one_that_is_not_planned(self, world: World) -> None:
        driver = world.driver()
        driver.ensure(plan(A, B))
        driver.ensure(plan(pod("heir", A.ip)))
        assert world.wired() == {"default_heir": ("node-1", A.ip), "default_b": ("node-1", B.ip)}

    def test_a_changed_node_is_made_anew_with_its_pods(self, world: World) -> None:
        driver = world.driver()
        driver.ensure(plan(A, FAR))
        changed = (NodeNetwork("node-1", "198.18.0.7", "10.244.0.0/24"), NODES[1])
        driver.ensure(plan(A, FAR, nodes=changed))
        assert set(world.wired()) == {"default_a", "default_far"}
        driver.ensure(plan(A, FAR, nodes=changed))
        assert set(world.wired()) == {"default_a", "default_far"}


def exchange(machine: Machine, source: str | None, target: str | None, address: str, words: bytes = b"ahoy") -> str:
    """Sends one datagram at once, with no second try, and returns the source address that the target sees."""
    with closing(machine.socket(target, 4000, address)) as ear, closing(machine.socket(source)) as mouth:
        mouth.sendto(words, (address, 4000))
        heard, sender = ear.recvfrom(100)
        assert heard == words
        ear.sendto(heard, sender)
        assert mouth.recvfrom(100) == (words, (address, 4000))
        return sender[0]


class TestPackets:
    @pytest.mark.parametrize(
        ("source", "target", "address", "seen"),
        [
            pytest.param("default_a", "default_b", B.ip, A.ip, id="pod to pod on its node"),
            pytest.param("default_a", "default_far", FAR.ip, A.ip, id="pod to pod on another node"),
            pytest.param("default_a", "node_node-1", "198.18.0.1", A.ip, id="pod to its node"),
            pytest.param("default_a", "node_node-1", NEXT_HOP, A.ip, id="pod to its next hop"),
            pytest.param("default_a", "node_node-2", "198.18.0.2", A.ip, id="pod to another node"),
            pytest.param("default_a", None, OUTSIDE_ADDRESS, A.ip, id="pod to the fabric"),
            pytest.param("node_node-1", "default_a", A.ip, "198.18.0.1", id="node to its pod"),
            pytest.param("node_node-1", "default_far", FAR.ip, "198.18.0.1", id="node to a pod elsewhere"),
            pytest.param(None, "default_far", FAR.ip, OUTSIDE_ADDRESS, id="fabric to pod"),
            pytest.param("default_a", "default_a", A.ip, A.ip, id="pod to itself"),
        ],
    )
    def test_the_first_packet_arrives_with_the_right_source(
        self, machine: Machine, source: str | None, target: str | None, address: str, seen: str
    ) -> None:
        machine.driver().ensure(plan(A, B, FAR))
        assert exchange(machine, source, target, address) == seen

    def test_no_packet_waits_for_arp(self, machine: Machine) -> None:
        """Learned neighbours are limited to some 1,024 for all namespaces of a machine together."""
        machine.driver().ensure(plan(A, B))
        exchange(machine, "default_a", "default_b", B.ip)
        for name in ("default_a", "default_b"):
            assert [(one["dst"], one["state"]) for one in machine.ip(name, "neigh")] == [(NEXT_HOP, ["PERMANENT"])]
        on_node = [(one["dst"], one["state"]) for one in machine.ip("node_node-1", "neigh") if one["dev"].startswith("p")]
        assert sorted(on_node) == [(A.ip, ["PERMANENT"]), (B.ip, ["PERMANENT"])]

    def test_load_balancer_packets_reach_their_node(self, machine: Machine) -> None:
        machine.driver().ensure(plan(balancers=(("198.18.255.1", "node-2"),)))
        machine.ip("node_node-2", "address", "add", "198.18.255.1/32", "dev", "lo")
        assert exchange(machine, None, "node_node-2", "198.18.255.1") == OUTSIDE_ADDRESS

    def test_untouched_pods_keep_their_connections(self, machine: Machine) -> None:
        first = machine.driver()
        first.ensure(plan(A, B))
        with closing(machine.socket("default_b", 4000)) as ear, closing(machine.socket("default_a")) as mouth:
            for step, act in enumerate(
                (
                    lambda: first.ensure(plan(A, B, FAR)),
                    lambda: first.prune(plan(A, B)),
                    lambda: machine.driver().ensure(plan(A, B, FAR)),
                    lambda: machine.driver().prune(plan(A, B)),
                )
            ):
                act()
                mouth.sendto(b"%d" % step, (B.ip, 4000))
                assert ear.recv(10) == b"%d" % step

    def test_a_removed_pod_is_cut_off_at_once_though_processes_live_in_it(self, machine: Machine) -> None:
        driver = machine.driver()
        driver.ensure(plan(A, B))
        with closing(machine.socket("default_a")) as survivor:
            driver.prune(plan(B))
            with pytest.raises(OSError, match="unreachable"):
                survivor.sendto(b"hello?", (B.ip, 4000))
            driver.ensure(plan(A, B))
            assert exchange(machine, "default_b", "default_a", A.ip) == B.ip

    def test_a_pod_is_private_and_quiet(self, machine: Machine) -> None:
        machine.driver().ensure(plan(A))
        links = {link["ifname"]: link for link in machine.ip("default_a", "address")}
        assert set(links) >= {"lo", "eth0"}
        assert [one["local"] for one in links["eth0"]["addr_info"]] == [A.ip]
        assert "UP" in links["lo"]["flags"]
        port = machine.do(lambda: inside(machine.path("default_a"), "/proc/sys/net/ipv4/ip_unprivileged_port_start"))
        assert port == "0"

    def test_many_go_quickly_and_together(self, machine: Machine) -> None:
        """One by one each deletion waits for the whole kernel, some 30 ms: the test would take its 120 s."""
        driver = machine.driver()
        pods = tuple(pod(f"p{n}", f"10.244.0.{n + 1}") for n in range(150))
        driver.ensure(plan(*pods))
        driver.prune(plan())
        assert machine.files("default_") == machine.files(".default_") == []
        assert [one["ifname"] for one in machine.ip("node_node-1", "link") if one["ifname"].startswith("p")] == []

    @pytest.mark.slow
    def test_more_pods_than_the_kernel_learns_neighbours(self, machine: Machine) -> None:
        pods = tuple(pod(f"p{n}", f"10.244.{n // 250}.{n % 250 + 1}") for n in range(1200))
        machine.driver().ensure(plan(*pods, nodes=(NodeNetwork("node-1", "198.18.0.1", "10.244.0.0/16"),)))
        with closing(machine.socket("node_node-1")) as mouth:
            for one in pods:
                with closing(machine.socket(one.netns, 4000)) as ear:
                    mouth.sendto(b"ahoy", (one.ip, 4000))
                    ear.sendto(*ear.recvfrom(10))
                    mouth.recv(10)


def inside(netns: Path, file: str) -> str:
    with in_netns(netns):
        return Path(file.replace("/proc/sys", "/proc/thread-self/root/proc/sys")).read_text().strip()


class TestRefusals:
    @pytest.mark.parametrize(
        "bad",
        [
            pytest.param(plan(pod("a", "10.244.0.999")), id="no address"),
            pytest.param(plan(pod("a" * 300, A.ip)), id="no file name"),
            pytest.param(plan(nodes=(NodeNetwork("node-1", "198.18.0.1", "10.244.0.1/24"),)), id="no range"),
        ],
    )
    def test_a_refusal_is_a_driver_error_and_the_next_call_recovers(self, machine: Machine, bad: NetworkPlan) -> None:
        driver = machine.driver()
        with pytest.raises(DriverError) as refusal:
            driver.ensure(bad)
        assert refusal.value.help
        driver.ensure(plan(A, B, FAR))
        driver.prune(plan(A, B, FAR))
        assert exchange(machine, "default_a", "default_far", FAR.ip) == A.ip

    def test_without_capabilities(self, tmp_path: Path) -> None:
        (tmp_path / "ns").mkdir()
        script = """
            import sys
            from pathlib import Path
            from seaway.core.errors import DriverError
            from seaway.drivers.netns.real import NetworkDriver
            from seaway.plans.network.plan import NetworkPlan, NodeNetwork
            try:
                NetworkDriver(Path(sys.argv[1])).ensure(NetworkPlan((NodeNetwork("n", "198.18.0.1", "10.244.0.0/24"),), (), ()))
            except DriverError as error:
                print(error.help)
        """
        drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        (tmp_path / "ns").chmod(0o777)
        done = run(tmp_path, *drop, sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "ns"))
        assert "CAP_NET_ADMIN" in done, done


def test_everything_works_in_a_user_namespace(tmp_path: Path) -> None:
    script = """
        import socket, sys
        from pathlib import Path
        from seaway.drivers.netns.real import NetworkDriver
        from seaway.drivers.process.namespaces import in_netns, mount
        from seaway.model.workload import PodName
        from seaway.plans.network.plan import NetworkPlan, NodeNetwork, PodNetwork
        folder = Path(sys.argv[1])
        mount("test", folder, "tmpfs")
        nodes = (NodeNetwork("n1", "198.18.0.1", "10.244.0.0/24"), NodeNetwork("n2", "198.18.0.2", "10.244.1.0/24"))
        pods = tuple(PodNetwork(PodName("d", f"p{n}"), f"d_p{n}", f"n{n}", f"10.244.{n - 1}.1") for n in (1, 2))
        driver = NetworkDriver(folder)
        driver.ensure(NetworkPlan(nodes, pods, ()))
        with in_netns(folder / "d_p2"):
            ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ear.bind(("10.244.1.1", 53))
            ear.settimeout(5)
        with in_netns(folder / "d_p1"):
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"ahoy", ("10.244.1.1", 53))
        print(ear.recvfrom(10)[1][0])
        driver.prune(NetworkPlan(nodes, (), ()))
        print(sorted(path.name for path in folder.iterdir()))
    """
    (tmp_path / "ns").mkdir()
    try:
        out = run(
            tmp_path,
            *("unshare", "--user", "--map-root-user", "--mount", "--net"),
            *(sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "ns")),
        )
    except subprocess.CalledProcessError as error:
        if "unshare:" in error.stderr:
            pytest.skip("this system does not allow user namespaces")
        raise AssertionError(error.stderr) from error
    assert out == "10.244.0.1\n['.node_n1', '.node_n2', 'node_n1', 'node_n2']\n"


def run(folder: Path, *words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60, cwd=folder).stdout
