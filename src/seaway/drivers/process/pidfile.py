"""Pid files that cannot lie: a pid with its start time, so that a process that got an old pid anew is not taken for ours."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Process(msgspec.Struct, frozen=True):
    """A process for good: `started` is its start time in clock ticks since boot (field 22 of /proc/PID/stat, proc(5))."""

    pid: int
    started: int


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


def write_pid_file(path: Path, pid: int) -> Process | None:
    """Writes the file atomically; None, and no file, where the process has ended already. Raises OSError."""
    started = start_time(pid)
    if started is None:
        return None
    process = Process(pid, started)
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
