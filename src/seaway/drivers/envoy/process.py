"""A node's Envoy as a supervised process, and its replacement by another while traffic flows.

What it serves comes over `drivers/xds`; what its bootstrap says is `plans/envoy`'s matter; in which order one gives way to the next is
`replacement.py`'s.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.envoy.admin import EnvoyAdmin
from seaway.drivers.envoy.generations import Generation, living_generations
from seaway.drivers.envoy.replacement import NotReplaced, Replaced, Source, retire, wait_serving
from seaway.drivers.process.daemon import Backoff, Daemon, DaemonEvent, Failure, StartFailed
from seaway.drivers.process.ending import end_process, wait_gone
from seaway.drivers.process.pidfile import Process
from seaway.drivers.process.spawn import DaemonSpec

RETRY_S = 1.0

EnvoyEvent = DaemonEvent | Replaced | NotReplaced
OnEnvoyEvent = Callable[[str, EnvoyEvent], None]
Render = Callable[[int, Path], str]
"""The bootstrap of a generation with this number and admin socket."""


@dataclass(frozen=True, slots=True)
class EnvoySpec:
    """`folder` is the node's part of the state folder: bootstrap, admin socket and pid files are there.

    `name` is what messages call it. `concurrency` is the number of worker threads. A listener that goes, or changes, and an Envoy that is
    replaced, let their connections end for `drain_s` (whole seconds); Envoy's own 600 s would keep a gone pod busy.
    """

    name: str
    binary: Path
    render: Render
    folder: Path
    log_path: Path
    netns_path: Path | None = None
    concurrency: int = 1
    log_level: str = "warning"
    drain_s: int = 10

    @property
    def bootstrap_path(self) -> Path:
        return self.folder / "envoy.json"

    @property
    def revision(self) -> str:
        """Changes with whatever an Envoy reads at its start, and with its binary, be that another file or another one of the same name."""
        try:
            binary = os.stat(self.binary)
        except OSError as failure:
            raise DriverError(f"cannot read {self.binary}: {failure.strerror}", help="Name another binary with --envoy-path.") from failure
        parts = (*self._argv, self.render(0, self.folder), str(binary.st_size), str(binary.st_mtime_ns))
        return blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()

    def daemon(self, generation: Generation) -> DaemonSpec:
        """The process of one generation."""
        return DaemonSpec(
            self.name,
            self._argv,
            self.log_path,
            generation.pid_file,
            env=tuple(os.environ.items()),
            netns_path=self.netns_path,
            revision=self.revision,
        )

    @property
    def _argv(self) -> tuple[str, ...]:
        return (
            str(self.binary),
            "--config-path",
            str(self.bootstrap_path),
            "--disable-hot-restart",  # shared memory and abstract sockets by base id: two networks on one host would meet there
            "--concurrency",
            str(self.concurrency),
            "--log-level",
            self.log_level,
            "--drain-time-s",
            str(self.drain_s),
        )


class EnvoyProcess:
    """Kept up by a `Daemon`; see there for restarts. `source` gives it its configuration."""

    def __init__(self, spec: EnvoySpec, source: Source, on_event: OnEnvoyEvent, backoff: Backoff | None = None) -> None:
        self.spec = spec
        self.refusal: NotReplaced | None = None
        """Why an earlier Envoy serves instead of the one that was asked for, if it does."""
        self._source = source
        self._on_event = on_event
        self._backoff = backoff
        self._generation = Generation(spec.folder, 1)
        self._daemon = Daemon(spec.daemon(self._generation), on_event, backoff)
        self._fallback: Process | None = None
        self._replacement: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def pid(self) -> int | None:
        """Of the living process, if there is one at the moment; the new one's while one replaces another."""
        return self._fallback.pid if self._fallback else self._daemon.pid

    @property
    def trouble(self) -> Failure | None:
        """See `Daemon.trouble`."""
        return self._daemon.trouble

    @property
    def admin(self) -> EnvoyAdmin:
        return EnvoyAdmin(self._generation.admin_socket)

    async def start(self) -> None:
        """Takes over the Envoy that runs here if it was started with all that the specification says; else starts one.

        Others that run here serve until this one does, and then go; that happens behind the scenes. Raises DriverError if it cannot be
        started.
        """
        others = self._choose(living_generations(self.spec.folder))
        self._source.welcome(self._generation.number)
        self._write_bootstrap()
        self._daemon = Daemon(self.spec.daemon(self._generation), self._on_event, self._backoff)
        await self._daemon.start()
        if others:
            self._replacement = asyncio.create_task(self._replace(others))
        else:
            self._generation.make_current()

    async def wait_ready(self, timeout_s: float) -> None:
        """Returns when Envoy serves what its control plane sent first. Raises DriverError after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await self.admin.serves():
                    await asyncio.sleep(0.02)
        except TimeoutError as timeout:
            raise DriverError(f"{self.spec.name} is not ready after {timeout_s:g} s", help=f"Its log is {self.spec.log_path}.") from timeout

    async def stop(self, grace_s: float = 5.0) -> None:
        """Ends it, and waits until it is gone; also one that was never taken over, and those that it replaces."""
        await self._cancel_replacement()
        await self._daemon.stop(grace_s)
        for one in living_generations(self.spec.folder):
            if (process := one.process) is not None:
                await end_process(process, grace_s)
            one.remove()
        self._generation.remove()

    async def leave(self) -> None:
        """Ends supervision; Envoy serves on."""
        await self._cancel_replacement()
        self._daemon.leave()

    def _choose(self, found: tuple[Generation, ...]) -> tuple[Generation, ...]:
        """Decides which generation is ours, the newest that is as it should be or one yet to start; returns the others."""
        revision = self.spec.revision
        ours = [one for one in found if not one.draining and (process := one.process) is not None and process.revision == revision]
        last = found[-1].number if found else 0
        self._generation = ours[-1] if ours else Generation(self.spec.folder, last + 1)
        return tuple(one for one in found if one != self._generation)

    async def _replace(self, others: tuple[Generation, ...]) -> None:
        """The old ones serve until ours does. If ours never does, the newest of the old goes on instead, for as long as it lives."""
        serving = [one for one in others if not one.draining]
        reason = await wait_serving(self._source, self._daemon, self.admin)
        if reason and serving:
            await self._fall_back(serving[-1], reason)
        self._generation.make_current()
        await asyncio.gather(*(retire(one, self.spec.drain_s) for one in others))
        self._on_event(self.name, Replaced())

    async def _fall_back(self, serving: Generation, reason: str) -> None:
        self._fallback = serving.process
        if self._fallback is None:
            return
        self.refusal = NotReplaced(reason)
        await self._daemon.stop()
        self._source.welcome(serving.number)
        serving.make_current()
        self._on_event(self.name, self.refusal)
        await wait_gone(self._fallback)
        self._fallback = self.refusal = None
        self._source.welcome(self._generation.number)
        while True:
            try:
                await self._daemon.start()
            except DriverError as failure:
                self._on_event(self.name, StartFailed(failure.message, RETRY_S))
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _cancel_replacement(self) -> None:
        if self._replacement is not None:
            self._replacement.cancel()
            await asyncio.gather(self._replacement, return_exceptions=True)
            self._replacement = None

    def _write_bootstrap(self) -> None:
        try:
            draft = self.spec.bootstrap_path.with_name(".envoy.json.new")
            draft.write_text(self.spec.render(self._generation.number, self._generation.admin_socket), encoding="utf-8")
            draft.replace(self.spec.bootstrap_path)
        except OSError as failure:
            raise DriverError(
                f"cannot write {self.spec.bootstrap_path}: {failure}", help="Check that the state folder is writable."
            ) from failure
