"""Keeps one process up that outlives us: adopts it if it lives, restarts it when it dies, ends it when it is told to.

A process is known by its pid file, so the next control plane finds it whoever started it. It is watched through a pidfd, which tells of the
death of children and of others alike. What the process is and does is the caller's matter.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.process.ending import end_process
from seaway.drivers.process.pidfile import Process, open_living, read_pid_file, send_signal
from seaway.drivers.process.spawn import DaemonSpec, last_lines, spawn


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before a restart: `first_s`, then doubling up to `most_s`. After `healthy_s` of life the next death counts as the first."""

    first_s: float = 0.1
    most_s: float = 10.0
    healthy_s: float = 30.0

    def delay_s(self, deaths: int) -> float:
        """Before the restart that follows this many deaths in a row (at least 1)."""
        return min(self.most_s, self.first_s * 2.0 ** min(deaths - 1, 32))


@dataclass(frozen=True, slots=True)
class Started:
    """A new process runs."""

    pid: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """A process that another control plane had started runs on."""

    pid: int


@dataclass(frozen=True, slots=True)
class Exited:
    """The process died, unasked. `reason` is its exit code or signal in words. A restart follows after `restart_in_s`."""

    pid: int
    reason: str
    log_tail: tuple[str, ...]
    restart_in_s: float


@dataclass(frozen=True, slots=True)
class StartFailed:
    """It could not be started again; another attempt follows after `restart_in_s`."""

    reason: str
    restart_in_s: float


Failure = Exited | StartFailed
DaemonEvent = Started | Adopted | Failure
OnEvent = Callable[[str, DaemonEvent], None]


def unheard(_name: str, _event: DaemonEvent) -> None:
    """For those who do not listen."""


@dataclass(slots=True)
class _Running:
    process: Process
    pidfd: int
    child: subprocess.Popen[bytes] | None
    since: float
    gone: asyncio.Event


class Daemon:
    """One supervised process. All methods belong to one event loop; `on_event` is called on it with the daemon's name."""

    def __init__(self, spec: DaemonSpec, on_event: OnEvent = unheard, backoff: Backoff | None = None) -> None:
        self.spec = spec
        self._on_event = on_event
        self._backoff = backoff or Backoff()
        self._running: _Running | None = None
        self._deaths = 0
        self._failure: Failure | None = None
        self._restart: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def pid(self) -> int | None:
        """Of the living process, if there is one at the moment."""
        return self._running.process.pid if self._running else None

    @property
    def trouble(self) -> Failure | None:
        """The latest failure of a process that keeps dying; None while it has died but once, and after it has stayed up for long enough."""
        if self._deaths < 2 or (self._running is not None and self._lived_s(self._running) >= self._backoff.healthy_s):
            return None
        return self._failure

    def tell(self, on_event: OnEvent) -> None:
        """Has `on_event` hear what happens from now on, and at once how this process came to be ours."""
        self._on_event = on_event
        if self._running is not None:
            pid = self._running.process.pid
            on_event(self.spec.name, Started(pid) if self._running.child is not None else Adopted(pid))

    async def start(self) -> None:
        """Takes over the process that the pid file names, if it lives and has our revision; else ends that one, and starts a new one.

        From here on it is kept up. Raises DriverError if it cannot be started.
        """
        if self._running is None and not self.adopt():
            await self._end_former()
            self._deaths = 0
            self._spawn()

    def adopt(self) -> bool:
        """Takes over the living process of the pid file if its revision and its network are ours. Says whether it did."""
        process = read_pid_file(self.spec.pid_file)
        if process is None or process.revision != self.spec.revision or (pidfd := open_living(process)) is None:
            return False
        if self.spec.netns_path is not None and not same_file(self.spec.netns_path, Path(f"/proc/{process.pid}/ns/net")):
            os.close(pidfd)  # its namespace was made anew under the same name
            return False
        self._watch(process, pidfd, None)
        self._on_event(self.spec.name, Adopted(process.pid))
        return True

    async def stop(self, grace_s: float = 5.0) -> None:
        """SIGTERM, and SIGKILL after `grace_s`; ends supervision and removes the pid file. Also ends a process that was not adopted."""
        self._cancel_restart()
        if self._running is not None:
            running, self._running = self._running, None
            await self._end(running.pidfd, running.gone, grace_s)
            self._unwatch(running)
        else:
            await self._end_former(grace_s)
        self._deaths = 0
        self.spec.pid_file.unlink(missing_ok=True)

    def leave(self) -> None:
        """Ends supervision and lets the process run on, for the next control plane to adopt."""
        self._cancel_restart()
        if self._running is not None:
            self._unwatch(self._running, reap=False)
            self._running = None

    def _spawn(self) -> None:
        process, child = spawn(self.spec)
        self._watch(process, os.pidfd_open(process.pid), child)  # not yet reaped: the pid is still its own
        self._on_event(self.spec.name, Started(process.pid))

    def _watch(self, process: Process, pidfd: int, child: subprocess.Popen[bytes] | None) -> None:
        loop = asyncio.get_running_loop()
        running = _Running(process, pidfd, child, loop.time(), asyncio.Event())
        self._running = running
        loop.add_reader(pidfd, self._died, running)

    def _unwatch(self, running: _Running, *, reap: bool = True) -> None:
        asyncio.get_running_loop().remove_reader(running.pidfd)
        os.close(running.pidfd)
        if running.child is not None and reap:
            running.child.wait()
        elif running.child is not None:
            running.child.returncode = 0  # not ours any more: Popen is not to warn of it, nor to wait for it

    def _died(self, running: _Running) -> None:
        """The pidfd became readable."""
        asyncio.get_running_loop().remove_reader(running.pidfd)
        running.gone.set()
        if self._running is not running:
            return  # being stopped
        self._running = None
        self._unwatch(running)
        self._deaths = 1 if self._lived_s(running) >= self._backoff.healthy_s else self._deaths + 1
        delay_s = self._backoff.delay_s(self._deaths)
        self._plan_restart(delay_s)
        reason = exit_reason(running.child.returncode if running.child else None)
        self._fail(Exited(running.process.pid, reason, last_lines(self.spec.log_path), delay_s))

    def _lived_s(self, running: _Running) -> float:
        return asyncio.get_running_loop().time() - running.since

    def _fail(self, failure: Failure) -> None:
        self._failure = failure
        self._on_event(self.spec.name, failure)

    def _plan_restart(self, delay_s: float) -> None:
        self._restart = asyncio.get_running_loop().call_later(delay_s, self._try_again)

    def _cancel_restart(self) -> None:
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None

    def _try_again(self) -> None:
        self._restart = None
        try:
            self._spawn()
        except DriverError as failure:
            self._deaths += 1
            delay_s = self._backoff.delay_s(self._deaths)
            self._plan_restart(delay_s)
            self._fail(StartFailed(failure.message, delay_s))

    async def _end_former(self, grace_s: float = 5.0) -> None:
        """Ends the process of the pid file, if it lives, though it is not ours to keep (another revision, or never adopted)."""
        if (process := read_pid_file(self.spec.pid_file)) is not None:
            await end_process(process, grace_s)

    async def _end(self, pidfd: int, gone: asyncio.Event, grace_s: float) -> None:
        send_signal(pidfd, signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_s):
                await gone.wait()
        except TimeoutError:
            send_signal(pidfd, signal.SIGKILL)
            await gone.wait()


def same_file(one: Path, other: Path) -> bool:
    """Whether both paths lead to the same file; one that cannot be looked at leads nowhere."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def exit_reason(code: int | None) -> str:
    """`returncode` of subprocess in words; None is a process that was not our child, whose code only its parent learns."""
    if code is None:
        return "died (it was started by an earlier control plane, so its exit code is not known)"
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
