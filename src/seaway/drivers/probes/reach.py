"""Where a probe connects from: the node, as a kubelet does, or the pod itself."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from seaway.drivers.process.namespaces import in_netns


@dataclass(frozen=True, slots=True)
class Reach:
    """The pod's own address, and the file of its network where probes of that address start inside it: past the proxy of a pod that is in
    the mesh, which would refuse a kubelet's plaintext. So do those that Istio's injector rewrites. Other addresses are the node's to reach.
    """

    ip: str
    netns: Path | None = None

    async def connect(
        self, host: str, port: int, tls: ssl.SSLContext | None = None, limit: int = 65536
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """OSError where there is no connection."""
        if self.netns is None or host != self.ip:
            return await asyncio.open_connection(host, port, ssl=tls, limit=limit)
        with in_netns(self.netns):
            own = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            await asyncio.get_running_loop().sock_connect(own, (host, port))
            return await asyncio.open_connection(sock=own, ssl=tls, server_hostname="" if tls else None, limit=limit)
        except BaseException:
            own.close()
            raise
