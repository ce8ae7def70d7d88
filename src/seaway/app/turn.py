"""One control plane at a time: whether another works in the same state folder, and what becomes of one that is stopped."""

from __future__ import annotations

import os
import signal
import time

from seaway.app.client import is_running
from seaway.app.state import StateFolder
from seaway.core.errors import UsageError
from seaway.drivers.process.pidfile import is_alive, is_stopped, living

_PATIENCE_S = 5.0
"""How long a control plane that neither answers nor is stopped is waited for: it may be one that was just killed."""


def await_turn(state: StateFolder) -> int | None:
    """Returns when no other control plane works in this state folder. One that is stopped is ended; its pid is then returned.

    Raises UsageError where one runs, or is about to.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while not (running := is_running(state)) and (process := living(state.control_pid)) is not None:
        if is_stopped(process):
            os.kill(process.pid, signal.SIGKILL)  # were it woken instead, two would write the same files
            while is_alive(process):
                time.sleep(0.01)
            return process.pid
        if time.monotonic() > deadline:
            raise UsageError(
                f"the control plane of this network does not answer (process {process.pid})",
                help=f"it may be starting, or busy; `seaway down` ends the network, `kill -9 {process.pid}; seaway up` replaces it alone",
            )
        time.sleep(0.02)
    if running:
        raise UsageError(
            f"a network runs here already ({state.path})", help="`seaway down` ends it; --state names another folder for a second one"
        )
    return None
