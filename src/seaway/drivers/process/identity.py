"""Which process a pid file means: pid and start time together are unique, a pid alone is not.

The file is JSON: `{"pid": 4711, "start_time": 123456, "revision": "..."}`, written whole or not at all.
"""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from seaway.core.errors import DriverError


@dataclass(frozen=True, slots=True)
class Identity:
    """`start_time` is field 22 of /proc/PID/stat, in clock ticks since boot. `revision` is what the starter wants to find again."""

    pid: int
    start_time: int
    revision: str = ""


def start_time_of(pid: int) -> int | None:
    """The start time of a living process; None if there is none, or only a zombie of it."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = text.rpartition(")")[2].split()  # the command's name may hold spaces and parentheses: proc_pid_stat(5)
    return None if state in ("Z", "X") else int(fields[18])


def write_identity(path: Path, identity: Identity) -> None:
    """Replaces the pid file in one step."""
    write_atomically(path, json.dumps({"pid": identity.pid, "start_time": identity.start_time, "revision": identity.revision}) + "\n")


def read_identity(path: Path) -> Identity | None:
    """What the file says; None if there is none or it makes no sense (it is never written in part, but disks and people happen)."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Identity(int(found["pid"]), int(found["start_time"]), str(found.get("revision", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def open_living(identity: Identity) -> int | None:
    """A pidfd of exactly this process, for the caller to close; None if it is gone, whoever bears its pid now."""
    try:
        pidfd = os.pidfd_open(identity.pid)
    except (ProcessLookupError, ValueError):
        return None
    if start_time_of(identity.pid) == identity.start_time:  # looked up after the pidfd: the pid cannot be another's from here on
        return pidfd
    os.close(pidfd)
    return None


def send_signal(pidfd: int, number: signal.Signals) -> None:
    """Signals the process behind a pidfd; none of its successors can be hit. Gone already is fine."""
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return
    except PermissionError as refusal:
        raise DriverError(
            "a process of this network belongs to another user", help="Run the command as the user who started it."
        ) from refusal


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Writes beside the file and renames, so that a reader sees the old text or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
