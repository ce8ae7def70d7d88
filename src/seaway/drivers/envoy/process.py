"""A node's Envoy as a supervised process: its bootstrap file, its command line, its admin socket.

What it serves comes over `drivers/xds`; what its bootstrap says is `plans/envoy`'s matter.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.envoy.admin import EnvoyAdmin
from seaway.drivers.process.daemon import Backoff, Daemon, OnEvent, unheard
from seaway.drivers.process.spawn import DaemonSpec

POLL_S = 0.02
DRAIN_S = 10  # a listener that goes, or changes, lets its connections end for this long; Envoy's own 600 s would keep a gone pod busy


@dataclass(frozen=True, slots=True)
class EnvoySpec:
    """`folder` is the node's part of the state folder: bootstrap, admin socket (which `bootstrap` must name) and pid file are there.

    `name` is what messages call it. `concurrency` is the number of worker threads.
    """

    name: str
    binary: Path
    bootstrap: str
    folder: Path
    log_path: Path
    netns_path: Path | None = None
    concurrency: int = 1
    log_level: str = "warning"

    @property
    def bootstrap_path(self) -> Path:
        return self.folder / "envoy.json"

    @property
    def admin_path(self) -> Path:
        return self.folder / "envoy-admin.sock"

    def daemon(self) -> DaemonSpec:
        """The process; its revision changes with the bootstrap and the command line."""
        argv = (
            str(self.binary),
            "--config-path",
            str(self.bootstrap_path),
            "--disable-hot-restart",  # shared memory and abstract sockets by base id: two networks on one host would meet there
            "--concurrency",
            str(self.concurrency),
            "--log-level",
            self.log_level,
            "--drain-time-s",
            str(DRAIN_S),
        )
        revision = blake2b("\0".join((self.bootstrap, *argv)).encode(), digest_size=8).hexdigest()
        pid_file = self.folder / "envoy.pid.json"
        return DaemonSpec(self.name, argv, self.log_path, pid_file, netns_path=self.netns_path, revision=revision)


class EnvoyProcess:
    """Kept up by a `Daemon`; see there for adoption and restarts."""

    def __init__(self, spec: EnvoySpec, on_event: OnEvent = unheard, backoff: Backoff | None = None) -> None:
        self.spec = spec
        self.admin = EnvoyAdmin(spec.admin_path)
        self._daemon = Daemon(spec.daemon(), on_event, backoff)

    @property
    def pid(self) -> int | None:
        """Of the living process, if there is one at the moment."""
        return self._daemon.pid

    async def start(self) -> None:
        """Adopts the Envoy that runs here with this very bootstrap; one that runs with another is ended first. Raises DriverError."""
        self._write_bootstrap()
        await self._daemon.start()

    async def update(self, spec: EnvoySpec) -> bool:
        """Restarts it if this specification differs in anything that Envoy reads only at its start. Says whether it did."""
        before, self.spec = self.spec, spec
        if before == spec:
            return False
        self.admin = EnvoyAdmin(spec.admin_path)
        self._write_bootstrap()
        await self._daemon.restart(spec.daemon())
        return True

    async def wait_ready(self, timeout_s: float) -> None:
        """Returns when Envoy serves what its control plane sent first. Raises DriverError after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await self.admin.ready():
                    await asyncio.sleep(POLL_S)
        except TimeoutError as timeout:
            raise DriverError(f"{self.spec.name} is not ready after {timeout_s:g} s", help=f"Its log is {self.spec.log_path}.") from timeout

    async def stop(self, grace_s: float = 5.0) -> None:
        """Ends it, and waits until it is gone; also one that was never adopted."""
        await self._daemon.stop(grace_s)
        self.spec.admin_path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Ends supervision; Envoy serves on."""
        self._daemon.leave()

    def _write_bootstrap(self) -> None:
        try:
            draft = self.spec.bootstrap_path.with_name(".envoy.json.new")
            draft.write_text(self.spec.bootstrap, encoding="utf-8")
            draft.replace(self.spec.bootstrap_path)
        except OSError as failure:
            raise DriverError(
                f"cannot write {self.spec.bootstrap_path}: {failure}", help="Check that the state folder is writable."
            ) from failure
