"""The ADS server that Envoy connects to: DeltaAggregatedResources on a unix socket. What it answers is `nodes.py`'s matter."""

from __future__ import annotations

from pathlib import Path

from seaway.drivers.xds.nodes import Listen, Nodes, unheard
from seaway.drivers.xds.serving import DeltaServer

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
METHOD = "DeltaAggregatedResources"


class XdsServer(Nodes):
    """See `Nodes` for what it answers. All methods belong to the event loop that `start` ran on."""

    def __init__(self, listen: Listen = unheard) -> None:
        super().__init__(listen)
        self._server = DeltaServer(SERVICE, METHOD, self.attach)

    async def start(self, socket_path: Path) -> None:
        """Listens on this path; a socket left behind there by a killed predecessor is replaced. Raises DriverError."""
        await self._server.start(socket_path)

    async def stop(self) -> None:
        """Ends all streams. Every Envoy goes on with what it holds and asks again when a server is back."""
        self._close_all()
        await self._server.stop()
