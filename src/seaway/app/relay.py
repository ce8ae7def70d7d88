"""Starts the way in where no link can be made or used: an Envoy on the user's own loopback (see plans/envoy/relay.py)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from seaway.app.settings import LoopbackPort
from seaway.app.state import StateFolder, write_atomically
from seaway.core.errors import DriverError
from seaway.drivers.process.pidfile import living, write_pid_file


def pipe_of(state: StateFolder, port: LoopbackPort) -> Path:
    """The unix socket by which the node's Envoy takes what came to this loopback port."""
    return state.path / f"loopback-{port.port}.sock"


def start_relay(state: StateFolder, ports: tuple[LoopbackPort, ...], envoy: Path) -> None:
    """Starts the relay, in the caller's own network, unless it runs already. Raises DriverError."""
    from seaway.plans.envoy.relay import render_relay

    if not ports or living(state.relay_pid) is not None:
        return
    write_atomically(state.relay_config, render_relay(tuple((port.port, str(pipe_of(state, port))) for port in ports)).encode())
    argv = [str(envoy), "--config-path", str(state.relay_config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    try:
        with (state.logs / "relay.log").open("ab") as log:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        write_pid_file(state.relay_pid, child.pid)
    except OSError as error:
        raise DriverError(f"the relay to this machine's loopback cannot be started: {error}") from error
