"""The sandbox from its making to its end, and its link to the host. A thread in namespaces of its own stands for the host."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from seaway.core.errors import DriverError
from seaway.drivers.netns.fabric import HOST_ADDRESS, OUTSIDE_ADDRESS, UPLINK
from seaway.drivers.process.namespaces import CLONE_NEWNET, CLONE_NEWNS, MS_PRIVATE, MS_REC, mount, unshare
from seaway.drivers.process.pidfile import start_time
from seaway.drivers.sandbox.sandbox import Sandbox, create_sandbox, destroy_sandbox, enter_sandbox, find_sandbox
from seaway.drivers.sandbox.uplink import connect_host

RANGES = ("198.18.0.0/24", "198.18.255.0/24")
PATIENCE_S = 10.0
Result = TypeVar("Result")


def wait_until(true: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (value := true()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.005)
    return value


def cmdline(pid: int) -> bytes:
    """Nothing of a process that has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


class Host:
    """A machine with a state folder: its network and its mounts are its own, its processes are everybody's."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._thread = ThreadPoolExecutor(1)
        self._started: list[subprocess.Popen[str]] = []
        self.do(self._move)

    def _move(self) -> None:
        unshare(CLONE_NEWNS | CLONE_NEWNET)
        mount(None, "/", None, MS_PRIVATE | MS_REC)
        Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")  # link-local addresses come and ripen by themselves
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    def do(self, act: Callable[[], Result]) -> Result:
        return self._thread.submit(act).result(60)

    def create(self) -> Sandbox:
        return self.do(lambda: create_sandbox(self.state))

    def destroy(self) -> int:
        return self.do(lambda: destroy_sandbox(self.state))

    def connect(self, sandbox: Sandbox, *ranges: str) -> bool:
        return self.do(lambda: connect_host(self.state, sandbox.anchor, ranges or RANGES))

    def run(self, *words: str) -> str:
        done = self.do(lambda: subprocess.run(words, capture_output=True, text=True, timeout=30, check=False))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A process on the host that says `up` when it is where it wants to be."""
        self._started.append(
            self.do(lambda: subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True))
        )
        assert self._started[-1].stdout is not None
        assert self._started[-1].stdout.readline() == "up\n"
        return self._started[-1]

    def start_inside(self, *before: str) -> subprocess.Popen[str]:
        """A process in the sandbox, that has entered it as all of ours do."""
        script = f"""
            import os, sys
            from pathlib import Path
            from seaway.drivers.sandbox.sandbox import enter_sandbox, find_sandbox
            enter_sandbox(find_sandbox(Path({str(self.state)!r})), prepare=True)
            os.execvp("env", ["env", *{before!r}, "sh", "-c", "echo up; exec sleep 1000"])
        """
        return self.start(sys.executable, "-c", textwrap.dedent(script))

    def inside(self, sandbox: Sandbox, act: Callable[[], Any], *, prepare: bool = True) -> Any:
        """What `act` returns in a child that has entered the sandbox; it must be something that JSON can say."""

        def fork() -> Any:
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    enter_sandbox(sandbox, prepare=prepare)
                    os.write(writer, json.dumps(act()).encode())
                finally:
                    os._exit(0)
            os.close(writer)
            with os.fdopen(reader) as answer:
                text = answer.read()
            os.waitpid(child, 0)
            return json.loads(text)

        return self.do(fork)

    def routes(self) -> dict[str, str]:
        return {one["dst"]: one.get("gateway", "") for one in json.loads(self.run("ip", "-j", "route", "show", "table", "all") or "[]")}

    def links(self) -> list[str]:
        return [one["ifname"] for one in json.loads(self.run("ip", "-j", "link"))]

    def picture(self) -> tuple[str, ...]:
        """All of the host's own that a network could spoil: addresses, routes, rules, firewall, resolver, all its network sysctls."""
        sysctl = "find /proc/sys/net/ipv4 /proc/sys/net/core -type f -readable | sort | xargs grep -s . | grep -v -e /random -e /conf/seaway -e /neigh/seaway"
        shown = [self.run("ip", "-o", *words) for words in (("address",), ("route", "show", "table", "all"), ("rule",))]
        own = [line for text in shown for line in text.splitlines() if "seaway" not in line]
        return (*own, self.run("nft", "list", "ruleset"), self.run("sh", "-c", sysctl), Path("/etc/resolv.conf").read_text())

    def close(self) -> None:
        self.destroy()
        for one in self._started:
            one.kill()
            one.communicate()
        self._thread.shutdown()


@pytest.fixture
def host(short_path: Path) -> Iterator[Host]:
    if os.geteuid() != 0 or not all(shutil.which(one) for one in ("ip", "nft", "unshare")):
        pytest.skip("needs root, ip, nft and unshare")
    made = Host(short_path / "state of it")
    made.state.mkdir()
    yield made
    made.close()


class TestLife:
    def test_a_sandbox_is_found_again_until_it_is_destroyed(self, host: Host) -> None:
        made = host.create()
        assert find_sandbox(host.state) == made == Sandbox(host.state, made.anchor, False)
        assert host.destroy() == 1
        assert find_sandbox(host.state) is None
        assert start_time(made.anchor) is None
        assert not (host.state / "sandbox.json").exists()

    @pytest.mark.parametrize("state", ["state of it", "never made"])
    def test_destroy_finds_nothing_to_do(self, host: Host, state: str) -> None:
        assert host.do(lambda: destroy_sandbox(host.state.parent / state)) == 0

    def test_what_is_in_it_is_its_own(self, host: Host) -> None:
        sandbox = host.create()
        before = host.run("cat", "/proc/thread-self/mountinfo")
        home = host.do(lambda: os.stat("/proc/thread-self/ns/net").st_ino)
        folder, working = sandbox.netns_folder, os.getcwd()

        def look() -> dict[str, Any]:
            (folder / "mark").touch()
            return {
                "mounted": os.path.ismount(folder),
                "host": os.stat(folder / "host").st_ino,
                "net": os.stat("/proc/self/ns/net").st_ino,
                "folder": os.getcwd(),
            }

        first = host.inside(sandbox, look)
        assert first["mounted"]
        assert first["host"] == home != first["net"]
        assert first["folder"] == working
        again = host.inside(sandbox, lambda: sorted(path.name for path in folder.iterdir()))
        assert again == ["host", "mark"], "one tmpfs for all"
        assert host.run("cat", "/proc/thread-self/mountinfo") == before
        assert host.do(lambda: list(folder.iterdir())) == []

    def test_entering_a_sandbox_whose_anchor_has_gone_is_a_driver_error(self, host: Host) -> None:
        sandbox = host.create()
        host.destroy()
        with pytest.raises(DriverError) as refusal:
            enter_sandbox(sandbox)
        assert refusal.value.help


class TestDestroy:
    def test_ends_everything_inside_and_nothing_else(self, host: Host) -> None:
        host.create()
        inside = [host.start_inside(), host.start_inside("unshare", "--mount"), host.start_inside("unshare", "--net")]
        stranger = host.start("sh", "-c", "echo up; read -r _", f"{host.state}/ns")
        assert host.destroy() == 1 + len(inside)
        assert [one.wait(5) for one in inside] == [-signal.SIGTERM] * 3
        assert stranger.poll() is None

    def test_ends_also_what_does_not_want_to(self, host: Host) -> None:
        host.create()
        stubborn = host.start_inside("--ignore-signal=TERM")
        assert host.destroy() == 2
        assert stubborn.wait(5) == -signal.SIGKILL

    def test_ends_also_what_others_start_as_they_end(self, host: Host) -> None:
        host.create()
        script, heir = host.state / "ending", host.state / "ending.pid"
        script.write_text(
            """trap 'setsid sh "$0.heir" & while [ ! -s "$0.pid" ]; do sleep 0.01; done; exit 0' TERM\necho up\nread -r _\n"""
        )
        script.with_name("ending.heir").write_text('echo $$ >"${0%heir}pid"\nexec sleep 1000\n')
        ending = host.start_inside("sh", str(script))
        assert host.destroy() == 3
        assert ending.wait(5) == 0
        wait_until(lambda: not cmdline(int(heir.read_text())), "the heir's end")

    def test_ends_what_has_outlived_the_anchor(self, host: Host) -> None:
        sandbox = host.create()
        inside = [host.start_inside(), host.start_inside("unshare", "--mount")]
        os.kill(sandbox.anchor, signal.SIGKILL)
        wait_until(lambda: find_sandbox(host.state) is None, "the anchor's end")
        assert host.destroy() == len(inside)
        assert all(one.wait(5) for one in inside)
        assert host.destroy() == 0

    def test_a_new_sandbox_after_the_anchor_was_killed(self, host: Host) -> None:
        former = host.create()
        host.start_inside()
        os.kill(former.anchor, signal.SIGKILL)
        wait_until(lambda: find_sandbox(host.state) is None, "the anchor's end")
        host.destroy()
        sandbox = host.create()
        assert host.inside(sandbox, lambda: os.listdir(sandbox.netns_folder)) == ["host"]

    def test_a_reused_pid_is_left_alone(self, host: Host) -> None:
        stranger = host.start("sh", "-c", "echo up; exec sleep 1000")
        started = start_time(stranger.pid)
        assert started is not None
        (host.state / "sandbox.json").write_text(json.dumps({"pid": stranger.pid, "started": started - 1, "revision": ""}))
        assert find_sandbox(host.state) is None
        assert host.destroy() == 0
        assert stranger.poll() is None
        assert not (host.state / "sandbox.json").exists()

    def test_another_networks_sandbox_is_left_alone(self, host: Host) -> None:
        other = host.state.with_name("state of it too")
        other.mkdir()
        neighbour = host.do(lambda: create_sandbox(other))
        host.create()
        try:
            host.destroy()
            assert find_sandbox(other) == neighbour
        finally:
            assert host.do(lambda: destroy_sandbox(other)) == 1


class TestUplink:
    def test_routes_lead_to_our_ranges_only(self, host: Host) -> None:
        before = host.routes()
        assert host.connect(host.create())
        own = {host_route(one): gateway for one, gateway in host.routes().items() if one not in before}
        own.pop(HOST_ADDRESS)  # the kernel's own entry for the link's address
        assert own == {**dict.fromkeys(RANGES, OUTSIDE_ADDRESS), OUTSIDE_ADDRESS: ""}

    def test_everything_of_the_hosts_own_stays_as_it_is(self, host: Host) -> None:
        host.run("ip", "link", "add", "lan", "type", "veth", "peer", "lan-peer")
        host.run("ip", "address", "add", "192.0.2.7/24", "dev", "lan")
        host.run("ip", "link", "set", "lan-peer", "up")
        host.run("ip", "link", "set", "lan", "up")
        host.run("ip", "route", "add", "default", "via", "192.0.2.1")
        wait_until(lambda: "linkdown" not in host.run("ip", "route"), "the lan")
        before = host.picture()
        assert host.connect(host.create())
        assert host.picture() == before
        host.destroy()
        wait_until(lambda: not [one for one in host.links() if one.startswith("seaway")], "the link's end")
        assert host.picture() == before

    @pytest.mark.parametrize(
        ("route", "linked"),
        [
            pytest.param("198.18.0.0/15", False, id="around ours"),
            pytest.param("198.18.255.128/25", False, id="inside of ours"),
            pytest.param("198.18.254.2/32", False, id="the link's own address"),
            pytest.param("10.0.0.0/8", True, id="elsewhere"),
            pytest.param("default", True, id="the default route"),
            pytest.param("128.0.0.0/1", True, id="half of the world, as VPNs have it"),
        ],
    )
    def test_a_route_of_the_hosts_own_is_respected(self, host: Host, route: str, linked: bool) -> None:
        host.run("ip", "link", "add", "lan", "type", "veth", "peer", "lan-peer")
        host.run("ip", "link", "set", "lan", "up")
        host.run("ip", "route", "add", route, "dev", "lan")
        before = host.picture()
        assert host.connect(host.create()) is linked
        assert host.picture() == before
        assert any(one.startswith("seaway") for one in host.links()) is linked

    def test_a_second_call_finds_the_link(self, host: Host) -> None:
        sandbox = host.create()
        assert host.connect(sandbox)
        before = host.links(), host.routes()
        assert host.connect(sandbox)
        assert (host.links(), host.routes()) == before

    def test_a_half_made_link_is_completed(self, host: Host) -> None:
        sandbox = host.create()
        assert host.connect(sandbox)
        routes = host.routes()
        for one in RANGES:
            host.run("ip", "route", "del", one)
        assert host.connect(sandbox)
        assert host.routes() == routes

    def test_the_link_of_a_former_sandbox_is_replaced(self, host: Host) -> None:
        """What the kernel has not cleared away yet must not be taken for the new sandbox's."""
        former = host.create()
        assert host.connect(former)
        straggler = host.start_inside()  # keeps the former network alive
        os.kill(former.anchor, signal.SIGKILL)
        wait_until(lambda: find_sandbox(host.state) is None, "the anchor's end")
        sandbox = host.create()
        assert host.connect(sandbox)
        assert straggler.poll() is None
        found = host.inside(sandbox, lambda: [name for _, name in __import__("socket").if_nameindex()])
        assert UPLINK in found

    def test_two_networks_do_not_both_get_the_host(self, host: Host) -> None:
        other = host.state.with_name("state of it too")
        other.mkdir()
        neighbour = host.do(lambda: create_sandbox(other))
        try:
            assert host.connect(host.create())
            assert not host.do(lambda: connect_host(other, neighbour.anchor, RANGES))
        finally:
            host.do(lambda: destroy_sandbox(other))

    def test_a_refusal_is_a_driver_error(self, host: Host) -> None:
        sandbox = host.create()
        host.inside(sandbox, lambda: subprocess.call(["ip", "link", "add", UPLINK, "type", "veth", "peer", "taken"]))
        with pytest.raises(DriverError) as refusal:
            host.connect(sandbox)
        assert refusal.value.help


def host_route(text: str) -> str:
    return text.removesuffix("/32")


def test_an_ordinary_users_sandbox(short_path: Path) -> None:
    """In a user namespace where the caller is uid 1000: what root can do outside does not count."""
    script = """
        import os, sys
        from pathlib import Path
        from seaway.drivers.sandbox.sandbox import create_sandbox, destroy_sandbox, enter_sandbox, find_sandbox
        state = Path(sys.argv[1])
        made = create_sandbox(state)
        assert find_sandbox(state) == made
        child = os.fork()
        if child == 0:
            enter_sandbox(made, prepare=True)
            ok = os.geteuid() == 0 and os.path.ismount(made.netns_folder) and not (made.netns_folder / "host").exists()
            os._exit(0 if ok else 1)
        print(made.rootless, os.geteuid(), os.waitpid(child, 0)[1], destroy_sandbox(state), find_sandbox(state))
    """
    user = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    done = subprocess.run(
        [*user, sys.executable, "-c", textwrap.dedent(script), str(short_path)], capture_output=True, text=True, timeout=60, check=False
    )
    with suppress(OSError):
        destroy_sandbox(short_path)
    if done.returncode and ("unshare:" in done.stderr or "no namespaces" in done.stderr):
        pytest.skip("this system does not allow user namespaces")
    assert done.stdout == "True 1000 0 1 None\n", done.stderr
