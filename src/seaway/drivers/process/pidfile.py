"""Pid files that cannot lie: a pid with its start time, so that a process that got an old pid anew is not taken for ours."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec

from seaway.core.errors import DriverError


class Process(msgspec.Struct, frozen=True):
    """A process for good: `started` is its start time in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)).

    `revision` is what the starter wants to find again: what the process was started as.
    """

    pid: int
    started: int
    revision: str = ""


def start_time(pid: int) -> int | None:
    """When this process started, in clock ticks since boot; None if there is none, or only its zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def is_alive(process: Process) -> bool:
    return start_time(process.pid) == process.started


def is_stopped(process: Process) -> bool:
    """Whether it was stopped (SIGSTOP, Ctrl-Z, a debugger): alive, and doing nothing."""
    try:
        text = Path(f"/proc/{process.pid}/stat").read_text()
    except OSError:
        return False
    return text[text.rindex(")") + 2] in "Tt" and is_alive(process)


def write_pid_file(path: Path, pid: int, revision: str = "") -> Process | None:
    """Writes the file atomically; None, and no file, where the process has ended already. Raises OSError."""
    started = start_time(pid)
    if started is None:
        return None
    process = Process(pid, started, revision)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(msgspec.json.encode(process))
    draft.replace(path)
    return process


def read_pid_file(path: Path) -> Process | None:
    """What the file says, whether or not that process still lives; None where there is no file that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Process)
    except (OSError, msgspec.DecodeError):
        return None


def living(path: Path) -> Process | None:
    """The process of this pid file, if it is alive."""
    process = read_pid_file(path)
    return process if process is not None and is_alive(process) else None


def open_living(process: Process) -> int | None:
    """A pidfd of exactly this process, for the caller to close; None if it is gone, whoever bears its pid now."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except (OSError, OverflowError):
        return None
    if is_alive(process):  # looked up after the pidfd was opened: from here on the pid cannot be another's
        return pidfd
    os.close(pidfd)
    return None


def send_signal(pidfd: int, number: signal.Signals) -> None:
    """Signals the process behind a pidfd; no successor of its pid can be hit. Gone already is fine."""
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return
    except PermissionError as refusal:
        raise DriverError(
            "a process of this network belongs to another user", help="run the command as the user who started it"
        ) from refusal
