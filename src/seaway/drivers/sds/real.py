"""The SDS server that the node's Envoy connects to: DeltaSecrets on a unix socket. What it answers is `streams.py`'s matter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seaway.drivers.sds.streams import Streams
from seaway.drivers.xds.serving import DeltaServer

SERVICE = "envoy.service.secret.v3.SecretDiscoveryService"
METHOD = "DeltaSecrets"


class SdsServer(Streams):
    """All methods belong to the event loop that `start` ran on."""

    def __init__(self, socket_path: Path, changed: Callable[[], None]) -> None:
        super().__init__(changed)
        self._path = socket_path
        self._server = DeltaServer(SERVICE, METHOD, self.attach)

    async def start(self) -> None:
        """Listens; a socket left behind by a killed predecessor is replaced. Raises DriverError."""
        await self._server.start(self._path)
        self.began()

    async def stop(self) -> None:
        self.close_all()
        await self._server.stop()
