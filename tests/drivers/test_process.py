"""Supervision with real processes: kill, crash loop, adoption, pid reuse, namespaces. Nothing waits for the clock but the processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.core.errors import DriverError
from seaway.drivers.process.daemon import Adopted, Backoff, Daemon, DaemonEvent, Exited, Started, StartFailed, exit_reason
from seaway.drivers.process.ending import end_process, wait_gone
from seaway.drivers.process.pidfile import Process, is_stopped, open_living, read_pid_file, start_time, write_pid_file
from seaway.drivers.process.spawn import ROTATE_ABOVE, DaemonSpec, last_lines, rotate, spawn

QUICK = Backoff(first_s=0.01, most_s=0.05, healthy_s=30)


def shell(folder: Path, script: str = "exec sleep 1000", **changes: object) -> DaemonSpec:
    spec = DaemonSpec("shell", ("/bin/sh", "-c", script), folder / "log", folder / "pid.json", env=(("PATH", os.environ["PATH"]),))
    return replace(spec, **changes)  # pyright: ignore[reportArgumentType]


def run(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 30))  # type: ignore[arg-type]


class Heard:
    """Collects events and lets a test wait for the next of a kind."""

    def __init__(self) -> None:
        self.events: list[DaemonEvent] = []
        self._queue: asyncio.Queue[DaemonEvent] = asyncio.Queue()

    def __call__(self, _name: str, event: DaemonEvent) -> None:
        self.events.append(event)
        self._queue.put_nowait(event)

    async def next(self, kind: type[DaemonEvent]) -> DaemonEvent:
        while not isinstance(event := await self._queue.get(), kind):
            pass
        return event


@asynccontextmanager
async def kept_up(spec: DaemonSpec, heard: Heard | None = None, backoff: Backoff = QUICK) -> AsyncIterator[Daemon]:
    daemon = Daemon(spec, heard or Heard(), backoff)
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.stop(grace_s=2)


def test_waiting_for_an_end(tmp_path: Path):
    async def body() -> None:
        async with kept_up(shell(tmp_path)) as daemon:
            process = read_pid_file(tmp_path / "pid.json")
            assert process is not None
            assert not await wait_gone(process, 0.01)
            assert not is_stopped(process)
            os.kill(process.pid, signal.SIGSTOP)
            while not is_stopped(process):
                await asyncio.sleep(0.001)
            os.kill(process.pid, signal.SIGCONT)
            waiting = asyncio.create_task(wait_gone(process))
            await end_process(process, grace_s=5)
            assert await waiting
            assert daemon.pid is None
        await end_process(process, grace_s=5)
        assert await wait_gone(process)

    run(body)


def is_gone(pid: int) -> bool:
    return start_time(pid) is None


def reaped(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_starts_in_a_session_of_its_own_and_stops(tmp_path: Path):
    async def body() -> None:
        async with kept_up(shell(tmp_path)) as daemon:
            pid = daemon.pid
            assert pid is not None
            assert os.getsid(pid) == pid
            assert read_pid_file(tmp_path / "pid.json") == Process(pid, start_time(pid) or 0)
        assert reaped(pid)
        assert not (tmp_path / "pid.json").exists()

    run(body)


def test_output_goes_to_the_log(tmp_path: Path):
    async def body() -> None:
        heard = Heard()
        async with kept_up(shell(tmp_path, "echo out; echo err >&2; cat; exit 3"), heard):
            died = await heard.next(Exited)
        assert isinstance(died, Exited)
        assert died.log_tail == ("out", "err")
        assert died.reason == "exited with code 3"

    run(body)


def test_killed_is_restarted_and_the_reason_is_told(tmp_path: Path):
    async def body() -> None:
        heard = Heard()
        async with kept_up(shell(tmp_path), heard) as daemon:
            first = daemon.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            died = await heard.next(Exited)
            assert isinstance(died, Exited)
            assert (died.pid, died.reason) == (first, "killed by SIGKILL")
            await heard.next(Started)
            assert daemon.pid not in (None, first)
            assert reaped(first), "no zombie is left"

    run(body)


def test_a_crash_loop_backs_off(tmp_path: Path):
    async def body() -> None:
        heard = Heard()
        async with kept_up(shell(tmp_path, "exit 1"), heard):
            delays: list[float] = []
            while len(delays) < 5:
                died = await heard.next(Exited)
                assert isinstance(died, Exited)
                delays.append(died.restart_in_s)
        assert delays == [0.01, 0.02, 0.04, 0.05, 0.05]

    run(body)


def test_one_that_keeps_dying_is_in_trouble_until_it_stays_up(tmp_path: Path):
    async def body() -> None:
        heard, dies = Heard(), tmp_path / "dies"
        dies.touch()
        script = f"if [ -e {dies} ]; then echo because; exit 4; fi; exec sleep 1000"
        async with kept_up(shell(tmp_path, script), heard, Backoff(0.01, 0.05, healthy_s=0.3)) as daemon:
            await heard.next(Exited)
            assert daemon.trouble is None, "anything may die once"
            died = await heard.next(Exited)
            assert daemon.trouble == died
            assert isinstance(died, Exited)
            assert (died.reason, died.log_tail[-1]) == ("exited with code 4", "because")
            dies.unlink()
            await heard.next(Started)
            while daemon.trouble is not None:
                await asyncio.sleep(0.01)
            assert daemon.pid is not None

    run(body)


def test_after_a_healthy_life_the_count_begins_anew(tmp_path: Path):
    async def body() -> None:
        heard = Heard()
        async with kept_up(shell(tmp_path, "exit 1"), heard, Backoff(0.01, 0.05, healthy_s=0.0)):
            died = [await heard.next(Exited) for _ in range(3)]
        assert [one.restart_in_s for one in died if isinstance(one, Exited)] == [0.01] * 3

    run(body)


@pytest.mark.parametrize(("deaths", "delay"), [(1, 0.1), (2, 0.2), (5, 1.6), (8, 10.0), (10_000, 10.0)])
def test_backing_off_as_documented(deaths: int, delay: float):
    assert Backoff().delay_s(deaths) == pytest.approx(delay)


def test_a_restart_that_cannot_start_is_tried_again(tmp_path: Path):
    async def body() -> None:
        program = tmp_path / "program"
        program.write_text("#!/bin/sh\nexec sleep 1000\n")
        program.chmod(0o755)
        heard = Heard()
        async with kept_up(shell(tmp_path, argv=(str(program),)), heard) as daemon:
            program.rename(tmp_path / "away")
            os.kill(daemon.pid or 0, signal.SIGKILL)
            failed = await heard.next(StartFailed)
            assert isinstance(failed, StartFailed)
            assert "there is no program" in failed.reason
            (tmp_path / "away").rename(program)
            await heard.next(Started)

    run(body)


def test_what_ignores_sigterm_is_killed(tmp_path: Path):
    async def body() -> None:
        daemon = Daemon(shell(tmp_path, "trap '' TERM; echo deaf; while :; do sleep 0.05; done"))
        await daemon.start()
        pid = daemon.pid or 0
        while last_lines(tmp_path / "log") != ("deaf",):
            await asyncio.sleep(0.01)
        await daemon.stop(grace_s=0.1)
        assert reaped(pid)

    run(body)


def test_stopping_during_a_pause_ends_it(tmp_path: Path):
    async def body() -> None:
        heard = Heard()
        daemon = Daemon(shell(tmp_path, "exit 1"), heard, Backoff(first_s=1000, most_s=1000))
        await daemon.start()
        await heard.next(Exited)
        await daemon.stop()
        assert daemon.pid is None
        assert len(heard.events) == 2

    run(body)


STARTER = """
import asyncio, sys, os
from pathlib import Path
from seaway.drivers.process.daemon import Daemon
from seaway.drivers.process.spawn import DaemonSpec
folder = Path(sys.argv[1])
async def main():
    daemon = Daemon(DaemonSpec("shell", ("/bin/sh", "-c", "exec sleep 1000"), folder / "log", folder / "pid.json", revision=sys.argv[2]))
    await daemon.start()
    print(daemon.pid, flush=True)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""


def started_by_another(folder: Path, revision: str = "") -> int:
    """A daemon whose control plane was killed."""
    done = subprocess.run([sys.executable, "-c", STARTER, str(folder), revision], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return int(done.stdout)


def test_outlives_its_starter_and_is_adopted(tmp_path: Path):
    async def body() -> None:
        pid = started_by_another(tmp_path)
        heard = Heard()
        async with kept_up(shell(tmp_path), heard) as daemon:
            assert heard.events == [Adopted(pid)]
            assert daemon.pid == pid
            os.kill(pid, signal.SIGKILL)
            died = await heard.next(Exited)
            assert isinstance(died, Exited)
            assert died.reason == exit_reason(None)
            await heard.next(Started)

    run(body)


def test_an_adopted_one_is_stopped(tmp_path: Path):
    async def body() -> None:
        pid = started_by_another(tmp_path)
        async with kept_up(shell(tmp_path)):
            pass
        assert is_gone(pid)

    run(body)


def test_stop_ends_one_that_was_never_adopted(tmp_path: Path):
    async def body() -> None:
        pid = started_by_another(tmp_path, "old")
        await Daemon(shell(tmp_path)).stop()
        assert is_gone(pid)
        await Daemon(shell(tmp_path)).stop()

    run(body)


def test_another_revision_is_replaced(tmp_path: Path):
    async def body() -> None:
        pid = started_by_another(tmp_path, "old")
        heard = Heard()
        async with kept_up(shell(tmp_path, revision="new"), heard) as daemon:
            assert is_gone(pid)
            assert heard.events == [Started(daemon.pid or 0)]

    run(body)


def test_left_behind_it_runs_on(tmp_path: Path):
    async def body() -> None:
        first = Daemon(shell(tmp_path))
        await first.start()
        pid = first.pid
        first.leave()
        async with kept_up(shell(tmp_path)) as second:
            assert second.pid == pid

    run(body)


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "1000"])


def test_a_reused_pid_is_neither_adopted_nor_hurt(tmp_path: Path):
    async def body() -> None:
        stranger = sleeper()
        try:
            started = start_time(stranger.pid)
            assert started is not None
            (tmp_path / "pid.json").write_text(json.dumps({"pid": stranger.pid, "started": started - 1}))
            async with kept_up(shell(tmp_path)) as daemon:
                assert daemon.pid != stranger.pid
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()

    run(body)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"pid": 1}',
        '{"pid": "x", "started": 2}',
        '{"pid": -5, "started": 2}',
        '{"pid": 99999999999999999999, "started": 2}',
    ],
)
def test_senseless_pid_files_are_like_none(tmp_path: Path, text: str):
    (tmp_path / "pid.json").write_text(text)
    process = read_pid_file(tmp_path / "pid.json")
    assert process is None or open_living(process) is None


def test_a_zombie_is_not_living(tmp_path: Path):
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert start_time(child.pid) is None
    assert write_pid_file(tmp_path / "pid.json", child.pid) is None
    child.wait()


def test_nothing_runs_without_a_pid_file(tmp_path: Path):
    """The program begins only when its pid file is there: a control plane that dies before leaves nothing behind."""
    spec = shell(tmp_path, "touch ran; exec sleep 1000", cwd=tmp_path, pid_file=tmp_path / "missing" / "pid.json")
    with pytest.raises(DriverError, match="cannot write"):
        spawn(spec)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"argv": ("no-such-program",)}, "there is no program no-such-program", id="program"),
        pytest.param({"netns_path": Path("/nonexistent/ns")}, "No such file", id="namespace"),
        pytest.param({"cwd": Path("/nonexistent")}, "No such file", id="folder"),
        pytest.param({"log_path": Path("/nonexistent/log")}, "No such file", id="log"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, changes: dict[str, object], message: str):
    with pytest.raises(DriverError, match=message) as failure:
        spawn(shell(tmp_path, **changes))
    assert failure.value.help


def test_a_large_log_is_rotated_at_the_start(tmp_path: Path):
    log = tmp_path / "log"
    log.write_bytes(b"old\n")
    rotate(log)
    assert log.read_bytes() == b"old\n"
    with log.open("r+b") as file:
        file.truncate(ROTATE_ABOVE + 1)
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "log.1").stat().st_size == ROTATE_ABOVE + 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with code 0"),
        (127, "exited with code 127"),
        (-9, "killed by SIGKILL"),
        (-64, "killed by SIGRTMAX"),
        (-99, "killed by signal 99"),
    ],
)
def test_exit_reasons(code: int, words: str):
    assert exit_reason(code) == words


NETNS = """
import asyncio, json, os, subprocess, sys
from pathlib import Path
from seaway.drivers.process.daemon import Daemon
from seaway.drivers.process.namespaces import CLONE_NEWNET, MS_NOSUID, mount, pin_namespace, umount, unshare
from seaway.drivers.process.spawn import DaemonSpec
folder = Path(sys.argv[1])
mount("tmpfs", folder, "tmpfs", MS_NOSUID, "size=1m")
home = os.readlink("/proc/thread-self/ns/net")
def pin():
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    pin_namespace(folder / "ns", f"/proc/{holder.pid}/ns/net")
    holder.communicate()
async def main():
    pin()
    spec = DaemonSpec("s", ("/bin/sleep", "1000"), folder / "log", folder / "pid.json", netns_path=folder / "ns")
    daemon = Daemon(spec)
    await daemon.start()
    inside = os.readlink(f"/proc/{daemon.pid}/ns/net")
    daemon.leave()
    again = Daemon(spec)
    adopted = again.adopt()
    again.leave()
    umount(folder / "ns")
    pin()
    renewed = Daemon(spec)
    readopted = renewed.adopt()
    await renewed.stop()
    print(json.dumps([inside != home, os.readlink("/proc/thread-self/ns/net") == home, adopted, readopted]))
asyncio.run(main())
"""


def test_runs_in_its_network_namespace_and_is_adopted_only_there(tmp_path: Path):
    argv = ["unshare", "--user", "--map-root-user", "--mount", "--net", sys.executable, "-c", NETNS, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode and done.stderr.startswith("unshare:"):
        pytest.skip("this system does not allow user namespaces")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, True, True, False]


def test_no_descriptor_leaks(tmp_path: Path):
    async def body() -> None:
        before = len(os.listdir("/proc/self/fd"))
        heard = Heard()
        async with kept_up(shell(tmp_path, "exit 0"), heard):
            for _ in range(5):
                await heard.next(Exited)
        with suppress(FileNotFoundError):
            assert len(os.listdir("/proc/self/fd")) == before

    run(body)
