"""Cluster DNS without sockets: the same answers, asked by a method call. For tests of what stands above, and for dry runs."""

from __future__ import annotations

from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.dns.interface import DnsStatus, Place
from seaway.drivers.dns.respond import nobody_to_ask, respond
from seaway.drivers.dns.zones import Report, Zones
from seaway.protocols.dns_learning import NameClient, NameRules
from seaway.protocols.dns_wire import Outside
from seaway.protocols.dns_zone import DnsZone


class FakeDns:
    """`seaway.drivers.dns.interface.ClusterDns`. Knows nobody outside the cluster; `missing` are namespace files that are not there."""

    def __init__(self, cache_path: Path | None = None, report: Report = print) -> None:
        self._zones = Zones(cache_path, report)
        self._listening: dict[Place, None] = {}
        self._names = NameRules()
        self.missing: set[str] = set()

    async def listen(self, place: Place) -> None:
        if place.netns in self.missing:
            raise DriverError(f"DNS cannot listen in {place.netns}", help="The pod's network namespace is not there (any more).")
        self._listening[place] = None

    async def unlisten(self, place: Place) -> None:
        self._listening.pop(place, None)

    def load(self, zone: DnsZone) -> None:
        self._zones.load(zone)

    async def load_or_keep(self, data: bytes) -> str:
        return await self._zones.load_or_keep(data)

    def follow_names(self, clients: tuple[NameClient, ...]) -> None:
        self._names = NameRules(clients)

    def status(self) -> DnsStatus:
        return DnsStatus(self._zones.serial, self._zones.problem, tuple(self._listening))

    async def stop(self) -> None:
        self._listening.clear()

    def exchange(self, place: Place, query: bytes, tcp: bool = False, client: str = "") -> bytes | None:
        """The response that a client with this address would get at this place; None if none."""
        if place not in self._listening:
            return None
        refusal = self._names.refusal(client, query)
        if refusal is not None:
            return refusal
        response = respond(self._zones.answers(client), query, tcp)
        return (nobody_to_ask(response) if isinstance(response, Outside) else response) or None
