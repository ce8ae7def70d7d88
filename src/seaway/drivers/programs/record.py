"""What is written down of each program, so that it is found again when the agent, or all of Seaway, was killed.

One file a program, NODE_FOLDER/programs/NAMESPACE_POD.json. A pid alone may have been given to another process since, so its start time
stands beside it. Leaves to others: starting and stopping (real).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from seaway.drivers.process.pidfile import Process, is_alive


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """`process` leads the program's process group. `netns` is device and inode of its namespace file.

    `exit_code` is None while it runs (or nobody saw its end); minus a signal's number if one ended it.
    """

    process: Process
    revision: str
    netns: tuple[int, int]
    restarts: int
    exit_code: int | None = None


def record_path(folder: Path, namespace: str, pod: str) -> Path:
    return folder / f"{namespace}_{pod}.json"


def read_record(path: Path) -> Record | None:
    """The record, or None where there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def write_record(path: Path, record: Record) -> None:
    """Atomically, so that a kill at any time leaves the old or the new one. Raises OSError."""
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(record))
    draft.rename(path)


def running_programs(folder: Path) -> Iterator[Record]:
    """The recorded programs that are alive. For `seaway down` where no agent is left to stop them."""
    for path in sorted(folder.glob("*.json")):
        record = read_record(path)
        if record is not None and is_alive(record.process):
            yield record


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signals the program's whole process group (each leads its own); one that is gone is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
