"""What the agent asks of a server of secrets, real or fake."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from seaway.protocols.xds_resource import XdsResource


class SecretServer(Protocol):
    async def start(self) -> None:
        """Raises DriverError where it cannot listen."""
        ...

    async def stop(self) -> None:
        """Ends all streams; Envoy goes on with what it holds."""
        ...

    def offer(self, secrets: Iterable[XdsResource], promised: Iterable[str]) -> None:
        """All secrets that there are from now on, and the names of those that are still to come."""
        ...

    def all_hold(self, name: str) -> bool:
        """Whether every Envoy that asks for this secret holds it as it is offered now; False where one may be about to come back."""
        ...
