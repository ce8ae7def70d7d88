"""Starts the way in where no link can be made or used: an Envoy on the user's own loopback (see plans/envoy/relay.py)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from seaway.app.settings import LoopbackPort
from seaway.app.state import StateFolder, write_atomically
from seaway.core.errors import DriverError
from seaway.drivers.process.pidfile import living, write_pid_file

# Nobody else can keep it up: the control plane has left the user's network for the sandbox's. It waits for a line first, as all processes
# here do: should the pid file not come to be written, the pipe closes and it ends.
_KEEPER = ("/bin/sh", "-c", 'read -r go && while :; do "$@" </dev/null; sleep 0.5; done', "sh")


def pipe_of(state: StateFolder, port: LoopbackPort) -> Path:
    """The unix socket by which the node's Envoy takes what came to this loopback port."""
    return state.path / f"loopback-{port.port}.sock"


def start_relay(state: StateFolder, ports: tuple[LoopbackPort, ...], envoy: Path) -> None:
    """Starts the relay, in the caller's own network, unless it runs already. Raises DriverError."""
    from seaway.plans.envoy.relay import render_relay

    if not ports or living(state.relay_pid) is not None:
        return
    end_relay(state)
    write_atomically(state.relay_config, render_relay(tuple((port.port, str(pipe_of(state, port))) for port in ports)).encode())
    argv = [str(envoy), "--config-path", str(state.relay_config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    try:
        with (state.logs / "relay.log").open("ab") as log:
            keeper = subprocess.Popen((*_KEEPER, *argv), stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
        assert keeper.stdin is not None
        with keeper.stdin as gate:
            write_pid_file(state.relay_pid, keeper.pid)
            gate.write(b"go\n")
    except OSError as error:
        raise DriverError(f"the relay to this machine's loopback cannot be started: {error}") from error


def end_relay(state: StateFolder) -> int:
    """Ends the relay and who keeps it up, known by their command line: either may have outlived the other. Returns their number."""
    ended = 0
    while state.relay_config.exists() and (found := _relay_processes(state.relay_config)):
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                ended += 1
        time.sleep(0.005)
    return ended


def _relay_processes(config: Path) -> list[int]:
    word = b"\0" + os.fsencode(config) + b"\0"
    found: list[int] = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):  # gone meanwhile
                if word in Path(entry.path, "cmdline").read_bytes():
                    found.append(int(entry.name))
    return sorted(found)
