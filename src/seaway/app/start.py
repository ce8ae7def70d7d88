"""From the user's shell into the sandbox: the last things that are done in the user's own namespaces."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from seaway.app.down import take_down
from seaway.app.relay import start_relay
from seaway.app.settings import Settings, load_settings
from seaway.app.state import StateFolder
from seaway.core.errors import SeawayError
from seaway.drivers.envoy.binary import find_envoy
from seaway.drivers.nft.command import find_nft
from seaway.drivers.process.pidfile import write_pid_file
from seaway.drivers.sandbox.sandbox import Sandbox, create_sandbox, destroy_sandbox, enter_sandbox, find_sandbox
from seaway.drivers.sandbox.uplink import connect_host
from seaway.model.defaults import NODES_CIDR


@contextmanager
def nothing_half_built(state: StateFolder) -> Generator[None, None, None]:
    """Takes a new sandbox away again when the block fails. One that was found running is left to serve on."""
    before = find_sandbox(state.path)
    try:
        yield
    except SeawayError:
        now = find_sandbox(state.path)
        if before is None or now is None or now.anchor != before.anchor:
            take_down(state)
        raise


def enter_new_or_old_sandbox(state: StateFolder, settings: Settings) -> tuple[Sandbox, Settings]:
    """Moves this process into the sandbox: the one that an earlier `up` left, if it is for the same cluster, else a new one.

    Returns it with the settings to run by: a found sandbox keeps its loopback ports. Raises DriverError, also where an engine is missing.
    """
    find_nft()  # what is missing must be said before anything is built
    envoy = find_envoy(Path(settings.envoy) if settings.envoy else None)
    sandbox, former = find_sandbox(state.path), load_settings(state)
    if sandbox is not None and (former is None or former.cluster != settings.cluster):
        take_down(state)  # another cluster's addresses: nothing of it can be used
        sandbox = None
    if sandbox is None:
        destroy_sandbox(state.path)  # what has outlived its anchor would hold the new sandbox's place
        state.status.unlink(missing_ok=True)
        sandbox = create_sandbox(state.path)
    elif former is not None:
        settings = replace(settings, loopback=former.loopback)
    if not sandbox.rootless:
        linked = connect_host(state.path, sandbox.anchor, (NODES_CIDR, settings.cluster.load_balancer_cidr))
        settings = replace(settings, linked=linked)
    if not settings.linked:
        start_relay(state, settings.loopback, envoy)
    write_pid_file(state.control_pid, os.getpid())
    enter_sandbox(sandbox, prepare=True)
    return sandbox, settings
