"""Taking a local network away, whatever state it is in."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from seaway.app.relay import end_relay
from seaway.app.settings import load_settings
from seaway.app.state import StateFolder
from seaway.drivers.process.namespaces import MNT_DETACH, umount
from seaway.drivers.process.pidfile import living
from seaway.drivers.sandbox.sandbox import destroy_sandbox
from seaway.model.names import NETNS_FOLDER


def take_down(state: StateFolder) -> int:
    """Ends every process of the network and removes its state, but for logs. Returns how many processes it ended."""
    ended = 0
    control = living(state.control_pid)
    if control is not None and control.pid != os.getpid():  # first who would start others again
        with suppress(ProcessLookupError):
            os.kill(control.pid, signal.SIGKILL)
            ended += 1
    ended += end_relay(state) + destroy_sandbox(state.path)
    forget(state)
    return ended


def forget(state: StateFolder) -> None:
    """Removes the files that speak of a running network. Logs and the default certificate stay."""
    settings = load_settings(state)
    nodes = {state.node(node.name) for node in settings.cluster.nodes} if settings is not None else set[Path]()
    for folder in nodes | {orders.parent for orders in state.path.glob("*/orders.json")}:
        shutil.rmtree(folder, ignore_errors=True)
    for path in (*state.of_a_run, *state.path.glob("loopback-*.sock")):
        path.unlink(missing_ok=True)
    namespaces = state.path / NETNS_FOLDER
    with suppress(OSError):
        if namespaces.is_mount():  # for a control plane that takes itself down: it is inside still
            umount(namespaces, MNT_DETACH)
        namespaces.rmdir()
