"""Starts one process that outlives us: session of its own, namespace, log file, pid file.

Whether it stays up is `daemon.py`'s matter.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.process.namespaces import in_netns
from seaway.drivers.process.pidfile import Process, write_pid_file

ROTATE_ABOVE = 10 << 20  # bytes
TAIL_BYTES = 4096

# The child waits for a line before it becomes the program. Should we die before its pid file is written, the pipe closes and it ends:
# no process is ever left that nobody can find.
GATE = ("/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "sh")


@dataclass(frozen=True, slots=True)
class DaemonSpec:
    """What to run. `env` is the whole environment. `netns_path` is a network namespace file, None for the starter's own.

    `revision` is any text that tells this specification from another: a running process with another one is not taken over.
    """

    name: str
    argv: tuple[str, ...]
    log_path: Path
    pid_file: Path
    env: tuple[tuple[str, str], ...] = ()
    netns_path: Path | None = None
    cwd: Path | None = None
    revision: str = ""


def spawn(spec: DaemonSpec) -> tuple[Process, subprocess.Popen[bytes]]:
    """Starts the process. Blocks for some milliseconds and never yields: the calling thread is inside `netns_path` meanwhile.

    Raises DriverError if the program, the namespace or a folder is missing.
    """
    program = shutil.which(spec.argv[0], path=dict(spec.env).get("PATH", os.defpath))
    if program is None:
        raise DriverError(f"cannot start {spec.name}: there is no program {spec.argv[0]}", help="Install it, or check the path.")
    try:
        rotate(spec.log_path)
        with ExitStack() as stack:
            log = stack.enter_context(spec.log_path.open("ab"))
            if spec.netns_path is not None:
                stack.enter_context(in_netns(spec.netns_path))
            child = subprocess.Popen(
                (*GATE, program, *spec.argv[1:]),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(spec.env),
                cwd=spec.cwd,
                start_new_session=True,
            )
    except OSError as failure:
        raise DriverError(
            f"cannot start {spec.name}: {failure}", help="Check that the state folder is writable and the network is still up."
        ) from failure
    return _let_go(spec, child), child


def _let_go(spec: DaemonSpec, child: subprocess.Popen[bytes]) -> Process:
    """Writes the pid file, then opens the gate."""
    assert child.stdin is not None
    try:
        with child.stdin as gate:
            process = write_pid_file(spec.pid_file, child.pid, spec.revision)
            gate.write(b"go\n")
    except BrokenPipeError:
        process = None
    except OSError as failure:
        child.wait()  # the gate has closed without a line: the child ends at once
        raise DriverError(f"cannot write {spec.pid_file}: {failure}", help="Check that the state folder is writable.") from failure
    return process or Process(child.pid, 0, spec.revision)  # dead already, and a zombie until it is reaped


def rotate(log_path: Path) -> None:
    """Keeps one predecessor of a log that has grown too large; the new process begins a new file."""
    if log_path.exists() and log_path.stat().st_size > ROTATE_ABOVE:
        log_path.replace(log_path.with_name(log_path.name + ".1"))


def last_lines(log_path: Path, count: int = 10) -> tuple[str, ...]:
    """The end of a log, for a message; empty if there is none."""
    try:
        with log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
            return tuple(log.read().decode("utf-8", "replace").splitlines()[-count:])
    except OSError:
        return ()
