"""The zone that is being served, and its last good copy on disk: bad data never takes a good zone away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from seaway.core.errors import DriverError
from seaway.protocols.dns_audience import Audiences
from seaway.protocols.dns_wire import Answers
from seaway.protocols.dns_zone import DnsZone

Report = Callable[[str], None]
"""Takes one line for the log."""


class Zones:
    """`audiences` is replaced as a whole, so that each query sees one version; None before there is a zone."""

    def __init__(self, cache_path: Path | None, report: Report) -> None:
        self.audiences: Audiences | None = None
        self.problem = ""
        self._cache_path = cache_path
        self._report = report
        self._order = asyncio.Lock()

    @property
    def serial(self) -> int | None:
        return self.audiences.everybody.table.zone.serial if self.audiences is not None else None

    def answers(self, client: str) -> Answers | None:
        """What the client at this address is told."""
        return self.audiences.of(client) if self.audiences is not None else None

    def load(self, zone: DnsZone) -> None:
        try:
            self.audiences = Audiences(zone)
        except ValueError as error:
            raise DriverError(f"The DNS zone {zone.domain} is not consistent: {error}", help="The former zone stays in use.") from error
        self.problem = ""

    async def load_or_keep(self, data: bytes) -> str:
        """Decoding and compiling take tens of milliseconds for thousands of records, so a thread does it; the last call wins."""
        async with self._order:
            try:
                self.audiences = await asyncio.to_thread(_read, data)
            except ValueError as error:
                return await self._keep(f"The new DNS data cannot be used ({error})")
            self.problem = await asyncio.to_thread(self._save, data)
            if self.problem:
                self._report(self.problem)
            return self.problem

    async def _keep(self, problem: str) -> str:
        if self.audiences is not None:
            self.problem = f"{problem}; the former records stay in use."
        elif self._cache_path is None:
            self.problem = f"{problem}; there are no records to serve."
        else:
            try:
                self.audiences = await asyncio.to_thread(_read_file, self._cache_path)
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


def _read(data: bytes) -> Audiences:
    """ValueError (of which msgspec's errors are) says what is wrong."""
    return Audiences(msgspec.json.decode(data, type=DnsZone))


def _read_file(path: Path) -> Audiences:
    return _read(path.read_bytes())
