"""The zone that is being served, and its last good copy on disk: bad data never takes a good zone away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from seaway.core.errors import DriverError
from seaway.protocols.dns_wire import Answers, compile_zone
from seaway.protocols.dns_zone import DnsZone

Report = Callable[[str], None]
"""Takes one line for the log."""


class Zones:
    """`answers` is replaced as a whole, so that each query sees one version."""

    def __init__(self, cache_path: Path | None, report: Report) -> None:
        self.answers: Answers | None = None
        self.problem = ""
        self._cache_path = cache_path
        self._report = report
        self._order = asyncio.Lock()

    def load(self, zone: DnsZone) -> None:
        try:
            self.answers = compile_zone(zone)
        except ValueError as error:
            raise DriverError(f"The DNS zone {zone.domain} is not consistent: {error}", help="The former zone stays in use.") from error
        self.problem = ""

    async def load_or_keep(self, data: bytes) -> str:
        """Decoding and compiling take tens of milliseconds for thousands of records, so a thread does it; the last call wins."""
        async with self._order:
            try:
                self.answers = await asyncio.to_thread(_read, data)
            except ValueError as error:
                return await self._keep(f"The new DNS data cannot be used ({error})")
            self.problem = await asyncio.to_thread(self._save, data)
            if self.problem:
                self._report(self.problem)
            return self.problem

    async def _keep(self, problem: str) -> str:
        if self.answers is not None:
            self.problem = f"{problem}; the former records stay in use."
        elif self._cache_path is None:
            self.problem = f"{problem}; there are no records to serve."
        else:
            try:
                self.answers = await asyncio.to_thread(_read_file, self._cache_path)
                self.problem = f"{problem}; records of the last good copy are served: {self._cache_path}."
            except (OSError, ValueError) as error:
                self.problem = f"{problem}; there are no records to serve, and no last good copy ({error})."
        self._report(self.problem)
        return self.problem

    def _save(self, data: bytes) -> str:
        """Replaces the last good copy in one step; a full disk is told and costs nothing else."""
        if self._cache_path is None:
            return ""
        fresh = self._cache_path.with_name(self._cache_path.name + ".new")
        try:
            with fresh.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._cache_path)
        except OSError as error:
            return f"The DNS records are served, but no copy can be kept for a restart: {error}"
        return ""


def _read(data: bytes) -> Answers:
    """ValueError (of which msgspec's errors are) says what is wrong."""
    return compile_zone(msgspec.json.decode(data, type=DnsZone))


def _read_file(path: Path) -> Answers:
    return _read(path.read_bytes())
