"""Keeps the programs of a node's pods: start, log, restart with backoff, adopt, stop.

A program is the leader of its own session: it survives the agent. Its record (record) is written by the child itself before exec, so
there is no moment in which a running program is unknown. Leaves to others: readiness and liveness (drivers/probes).
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from seaway.drivers.process.pidfile import Process, is_alive, start_time
from seaway.drivers.programs.enter import PodEntrance, entrance_of, pod_environment
from seaway.drivers.programs.interface import ProgramEvent, Troubles
from seaway.drivers.programs.logs import open_log, rotate_logs
from seaway.drivers.programs.record import Record, read_record, record_path, signal_group, write_record
from seaway.drivers.programs.restarts import Backoff, starts_again
from seaway.drivers.programs.spawn import Launch, spawn, wait_end
from seaway.model.workload import Command, PodName
from seaway.plans.node.plan import PodOrders

GRACE_S = 5.0
"""From SIGTERM to SIGKILL. Kubernetes gives 30 s by default; `seaway down` is to be quick."""

ROTATE_S = 10.0
OUTPUT_BYTES = 1 << 20
REASON_BYTES = 400


class _Program:
    """One pod's program and the task that keeps it."""

    def __init__(self, orders: PodOrders, entrance: PodEntrance, record: Path, log: Path) -> None:
        assert orders.command is not None
        status = entrance.netns.stat()
        self.name = PodName(orders.namespace, orders.name)
        self.orders = orders
        self.command: Command = orders.command
        self.entrance = entrance
        self.netns = (status.st_dev, status.st_ino)
        self.record_path = record
        self.log = log
        self.child: subprocess.Popen[bytes] | None = None
        self.record: Record | None = None
        self.backoff = Backoff()
        self.forced = False  # a restart was asked for: the policy is not
        self.task: asyncio.Task[None] | None = None

    def same_pod(self, record: Record) -> bool:
        return record.revision == self.orders.revision and record.netns == self.netns

    def start(self, restarts: int) -> Record:
        """Starts the program. Raises OSError, also where its process ended before it was the program; nothing is left behind then."""
        revision, netns, path = self.orders.revision, self.netns, self.record_path

        def write_own_record() -> None:
            pid = os.getpid()
            write_record(path, Record(process=Process(pid, start_time(pid) or 0), revision=revision, netns=netns, restarts=restarts))

        env = pod_environment(self.command.env, self.orders.hostname)
        output = open_log(self.log)
        try:
            self.child = spawn(Launch(self.command.argv, env, self.command.working_dir, self.entrance, output, write_own_record))
        except OSError:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(output)
        self.record = read_record(path)
        if self.record is None:
            raise OSError(0, f"its process ended at once, with {self.child.wait()}")
        return self.record

    def reap(self) -> int | None:
        """The exit code, after the end; None for an adopted program, whose parent somebody else is. The rest of its group dies with it."""
        assert self.record is not None
        signal_group(self.record.process.pid, signal.SIGKILL)
        code = self.child.wait() if self.child is not None else None
        self.record = msgspec.structs.replace(self.record, exit_code=code)
        self.child = None
        return code


class ProgramKeeper:
    """`node_folder` takes records and generated files, `logs` one file a pod. `report` hears of starts and ends as they happen."""

    def __init__(self, netns_folder: Path, node_folder: Path, logs: Path, report: Callable[[ProgramEvent], None]) -> None:
        self._netns_folder = netns_folder
        self._node_folder = node_folder
        self._records = node_folder / "programs"
        self._logs = logs
        self._report = report
        self._programs: dict[PodName, _Program] = {}
        self._running: set[PodName] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._rotation: asyncio.Task[None] | None = None

    async def follow(self, pods: Sequence[PodOrders]) -> Troubles:
        wanted = {PodName(pod.namespace, pod.name): pod for pod in pods if pod.command is not None}
        if wanted:
            self._records.mkdir(parents=True, exist_ok=True)
        await self._end_others(wanted)
        troubles: dict[PodName, str] = {}
        for name, pod in wanted.items():
            try:
                self._follow_pod(name, pod)
            except OSError as error:
                troubles[name] = f"program cannot start: {_why(error)}"
        if wanted and self._rotation is None:
            self._rotation = asyncio.get_running_loop().create_task(self._rotate(), name="program-logs")
        return troubles

    def running(self, pod: PodName) -> bool:
        return pod in self._running

    async def restart(self, pod: PodName, why: str) -> None:
        program = self._programs.get(pod)
        if program is None or pod not in self._running:
            return
        assert program.record is not None
        program.forced = True
        self._report(ProgramEvent(pod, True, f"restarting: {why}"))
        await _terminate(program.record)

    async def run_inside(self, pod: PodName, argv: Sequence[str], timeout_s: float) -> tuple[int | None, str]:
        program = self._programs.get(pod)
        if program is None:
            return None, "the program does not run"
        output = _bounded_output()
        try:
            env = pod_environment(program.command.env, program.orders.hostname)
            child = spawn(Launch(argv, env, program.command.working_dir, program.entrance, output))
        except OSError as error:
            os.close(output)
            return None, _why(error)
        try:
            await asyncio.wait_for(wait_end(child.pid), timeout_s)
            signal_group(child.pid, signal.SIGKILL)
            return child.wait(), os.pread(output, REASON_BYTES, 0).split(b"\0")[0].decode(errors="replace").strip()
        except TimeoutError:
            return None, f"timed out after {timeout_s:g} s"
        finally:
            if child.returncode is None:
                signal_group(child.pid, signal.SIGKILL)
                child.wait()
            os.close(output)

    async def stop(self) -> None:
        await self._end_others({})
        await asyncio.gather(*self._ending)
        await self.let_go()

    async def let_go(self) -> None:
        tasks = [program.task for program in self._programs.values() if program.task is not None]
        tasks += [self._rotation] if self._rotation is not None else []
        self._programs, self._rotation = {}, None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._running.clear()

    def _follow_pod(self, name: PodName, pod: PodOrders) -> None:
        """A pod that is ordered: kept as it is, or adopted, or started. Raises OSError."""
        entrance = entrance_of(pod, self._netns_folder, self._node_folder)
        known = self._programs.get(name)
        if known is not None:
            known.orders = pod  # labels and probes may have changed; a program is replaced by a new revision only
            return
        program = _Program(pod, entrance, record_path(self._records, *name), self._logs / f"{name.namespace}_{name.name}.log")
        record = read_record(program.record_path)
        if record is not None and not is_alive(record.process) and not starts_again(program.command.restart, record.exit_code):
            self._programs[name] = program  # it has done its work, perhaps for another agent
            return
        if record is not None and is_alive(record.process):
            program.record = record
            self._note(name, True, f"adopted, pid {record.process.pid}")
        else:
            started = program.start(0 if record is None else record.restarts + 1)
            self._note(name, True, f"started, pid {started.process.pid}")
        self._programs[name] = program
        program.task = asyncio.get_running_loop().create_task(self._keep(program), name=f"program {name}")

    async def _keep(self, program: _Program) -> None:
        """Waits for the end, and starts again as long as policy and orders want it."""
        while True:
            if program.record is not None and program.record.exit_code is None:
                began = time.monotonic()
                await wait_end(program.record.process.pid)
                code = program.reap()
                with suppress(OSError):  # a full disk: at worst the next agent starts again what has completed
                    write_record(program.record_path, program.record)
                program.backoff = program.backoff.after(time.monotonic() - began)
                forced, program.forced = program.forced, False
                again = forced or starts_again(program.command.restart, code)
                self._note(program.name, False, _end_text(code, program.backoff.wait_s if again else None))
                if not again:
                    return
            await asyncio.sleep(program.backoff.wait_s)
            try:
                restarts = program.record.restarts + 1 if program.record is not None else 0
                started = program.start(restarts)
                self._note(program.name, True, f"started, pid {started.process.pid}")
            except OSError as error:
                program.backoff = program.backoff.after(0)
                self._note(program.name, False, f"cannot start: {_why(error)}; next try in {program.backoff.wait_s:g} s")

    async def _end_others(self, wanted: dict[PodName, PodOrders]) -> None:
        """Ends programs that are not ordered any more, or are ordered as new pods; also those that an earlier agent has left."""
        ending: list[tuple[PodName, Record, subprocess.Popen[bytes] | None]] = []
        for name, program in tuple(self._programs.items()):
            if name not in wanted or not self._is_current(program, wanted[name]):
                self._programs.pop(name)
                if program.task is not None:
                    program.task.cancel()
                self._running.discard(name)
                program.record_path.unlink(missing_ok=True)
                if program.record is not None and program.record.exit_code is None:
                    ending.append((name, program.record, program.child))
        for path in self._records.glob("*.json"):
            record = read_record(path)
            namespace, _, pod = path.stem.partition("_")
            name = PodName(namespace, pod)
            if name in self._programs or (record is not None and name in wanted and self._is_record_of(record, wanted[name])):
                continue
            path.unlink(missing_ok=True)
            if record is not None and is_alive(record.process):
                ending.append((name, record, None))
        # A pod that comes again under its name starts when its predecessor has ended; the others take their time in the background.
        tasks = {asyncio.get_running_loop().create_task(_end(record, child)): name for name, record, child in ending}
        for task in tasks:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        await asyncio.gather(*(task for task, name in tasks.items() if name in wanted))

    def _is_current(self, program: _Program, pod: PodOrders) -> bool:
        return program.orders.revision == pod.revision and program.netns == self._netns_of(pod)

    def _is_record_of(self, record: Record, pod: PodOrders) -> bool:
        return record.revision == pod.revision and record.netns == self._netns_of(pod)

    def _netns_of(self, pod: PodOrders) -> tuple[int, int] | None:
        try:
            status = (self._netns_folder / pod.netns).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _note(self, name: PodName, running: bool, text: str) -> None:
        (self._running.add if running else self._running.discard)(name)
        self._report(ProgramEvent(name, running, text))

    async def _rotate(self) -> None:
        while True:
            await asyncio.sleep(ROTATE_S)
            rotate_logs(self._logs)


async def _terminate(record: Record) -> None:
    """SIGTERM to the group, SIGKILL after GRACE_S; returns when the program has ended, not reaped yet."""
    signal_group(record.process.pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(wait_end(record.process.pid), GRACE_S)
    except TimeoutError:
        signal_group(record.process.pid, signal.SIGKILL)
        await wait_end(record.process.pid)


async def _end(record: Record, child: subprocess.Popen[bytes] | None) -> None:
    """Ends a program that nobody keeps any more, with what of its group outlives it."""
    await _terminate(record)
    signal_group(record.process.pid, signal.SIGKILL)
    if child is not None:
        child.wait()


def _bounded_output() -> int:
    """A file in memory that cannot grow: a chatty probe gets an error instead of the agent's memory."""
    import fcntl

    fd = os.memfd_create("probe", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.truncate(fd, OUTPUT_BYTES)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return fd


def _end_text(code: int | None, wait_s: float | None) -> str:
    match code:
        case None:
            how = "ended"
        case 0:
            how = "completed"
        case _ if code < 0:
            how = f"ended by signal {-code}"
        case _:
            how = f"ended with exit code {code}"
    return how if wait_s is None else f"{how}; starts again in {wait_s:g} s"


def _why(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
