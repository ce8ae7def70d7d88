"""What the node's agent asks of cluster DNS, by sockets or without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from seaway.protocols.dns_learning import NameClient
from seaway.protocols.dns_zone import DnsZone


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen: a network namespace file (None for the caller's own), an address and a port there."""

    netns: str | None
    address: str
    port: int = 53


@dataclass(frozen=True, slots=True)
class DnsStatus:
    """`serial` is of the zone that is served, None before there is one. `problem` is why the newest data is not ("" if it is).

    Counts since the start: `outside` of questions to upstreams, `stale` of answers given though their time was over, `failed` of those
    that no upstream settled. `in_flight` are questions that an upstream is being asked now, `connections` the TCP connections open now.
    """

    serial: int | None
    problem: str
    listening: tuple[Place, ...]
    outside: int = 0
    stale: int = 0
    failed: int = 0
    in_flight: int = 0
    connections: int = 0


class ClusterDns(Protocol):
    """Errors are `DriverError`s. All of it is called from one event loop."""

    async def listen(self, place: Place) -> None:
        """Opens UDP and TCP at a place. Listening there already is no error."""
        ...

    async def unlisten(self, place: Place) -> None:
        """Closes a place, with its connections. Not listening there is no error."""
        ...

    def load(self, zone: DnsZone) -> None:
        """Serves this zone from the next query on. One that does not compile is an error, and the former stays."""
        ...

    async def load_or_keep(self, data: bytes) -> str:
        """The same for a zone as JSON, off the event loop; a good one is also kept in the cache file.

        Bad data raises nothing: the former zone stays, else the last good copy of the cache file is served, and the problem is returned,
        reported and part of `status`.
        """
        ...

    def follow_names(self, clients: tuple[NameClient, ...]) -> None:
        """What is learned for these pods, and which names they may not ask for: others are REFUSED."""
        ...

    def status(self) -> DnsStatus: ...

    async def stop(self) -> None:
        """Closes everything."""
        ...
