"""How one Envoy gives way to another without losing a request.

Both run side by side for a while. Envoy opens its listening sockets with SO_REUSEPORT, so the new one listens where the old one does, and
the kernel gives new connections to either. When the new one has all of its configuration and accepts connections, the old one closes its
listening sockets (what waits in their queues moves over where `net.ipv4.tcp_migrate_req` is set), asks its clients to go, and ends when
the last has gone or its drain time is over. Its unix sockets belong to the new one from the moment at which that binds them.

Envoy's own hot restart is not used: parallel networks would meet in its shared memory, and it does not know listeners in namespaces.
https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/draining
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from seaway.core.errors import DriverError
from seaway.drivers.envoy.admin import EnvoyAdmin
from seaway.drivers.envoy.generations import Generation
from seaway.drivers.process.daemon import Daemon, Exited
from seaway.drivers.process.ending import end_process

PATIENCE_S = 30.0
"""How long a new Envoy may take until it serves."""

POLL_S = 0.05
COUNT_S = 0.25
GRACE_S = 2.0


class Source(Protocol):
    """Who gives the Envoys of a node their configuration: to one of them at a time."""

    def welcome(self, generation: int) -> None:
        """From now on to this one; another one keeps what it has."""
        ...

    def complete(self) -> bool:
        """Whether the welcome one has all of it, and refused nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Replaced:
    """The Envoy from before has ended; the new one serves."""


@dataclass(frozen=True, slots=True)
class NotReplaced:
    """The new Envoy does not work, for this reason; it was ended, and the one from before serves on."""

    reason: str


async def wait_serving(source: Source, daemon: Daemon, admin: EnvoyAdmin) -> str:
    """Waits until the new Envoy serves. Returns "", or why it does not."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while not (source.complete() and await admin.serves()):
                if daemon.trouble is not None:
                    return _told(daemon)
                await asyncio.sleep(POLL_S)
            return ""
    return f"it did not take its configuration within {PATIENCE_S:g} s"


def _told(daemon: Daemon) -> str:
    failure = daemon.trouble
    if isinstance(failure, Exited):
        return ": ".join((failure.reason, *failure.log_tail[-1:]))
    return failure.reason if failure else ""


async def retire(old: Generation, drain_s: float) -> None:
    """Ends an Envoy whose successor serves, as gently as it allows. May be repeated after a crash at any point."""
    process = old.process
    if process is not None:
        old.mark_draining()
        with suppress(DriverError, TimeoutError):  # one that does not answer can only be ended
            async with asyncio.timeout(drain_s):
                await _drain(EnvoyAdmin(old.admin_socket))
        await end_process(process, GRACE_S)
    old.remove()


async def _drain(admin: EnvoyAdmin) -> None:
    """Returns when the last client has gone; the caller limits the time."""
    await admin.stop_listening()
    await admin.ask_clients_to_go()
    await asyncio.sleep(COUNT_S)
    while await admin.connections():
        await asyncio.sleep(COUNT_S)
