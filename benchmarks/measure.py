"""What the benchmarks share: the machine in one line, a network in a state folder of its own, waiting, and medians."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
SEAWAY = (sys.executable, "-m", "seaway")


def environment() -> str:
    """The machine and the versions, in one line."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?"
    )
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, Python {platform.python_version()}"


@contextmanager
def state_folder() -> Generator[Path]:
    """An empty state folder; whatever runs in it is taken down at the end."""
    folder = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    try:
        yield folder
    finally:
        subprocess.run([*SEAWAY, "down", "--state", str(folder)], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def seaway(state: Path, verb: str, *words: str, check: bool = True) -> str:
    """One command on the network of this state folder; its stdout."""
    done = subprocess.run([*SEAWAY, verb, "--state", str(state), *words], capture_output=True, text=True, check=False)
    if check and done.returncode not in (0, 1):
        raise SystemExit(f"seaway {verb} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_for(what: Callable[[], bool], patience_s: float = 60.0, pause_s: float = 0.002) -> float:
    """Seconds until `what` holds."""
    began = time.perf_counter()
    while not what():
        if time.perf_counter() - began > patience_s:
            raise SystemExit("it did not happen within a minute")
        time.sleep(pause_s)
    return time.perf_counter() - began


def http_status(address: tuple[str, int], host: str, path: str = "/") -> int:
    """The status of one plain HTTP request, 0 where nobody answers."""
    try:
        with socket.create_connection(address, timeout=1) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = connection.recv(64)
    except OSError:
        return 0
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def memory_mb(state: Path) -> float:
    """Proportional set size of all processes of the network, in MB: shared pages are counted once."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                mine = str(state).encode() in (entry / "cmdline").read_bytes()
                if mine and int(entry.name) != os.getpid():
                    rollup = (entry / "smaps_rollup").read_text()
                    total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            except (OSError, StopIteration):
                continue
    return total / 1024


def spread(values: list[float]) -> str:
    """Median with the least and the most."""
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"
