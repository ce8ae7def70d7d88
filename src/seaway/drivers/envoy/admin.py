"""Envoy's admin interface over its unix socket: is it ready, what does it hold, what has it counted.

https://www.envoyproxy.io/docs/envoy/latest/operations/admin
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import cast
from urllib.parse import quote

from seaway.core.errors import DriverError

TIMEOUT_S = 5.0

_ADMIN_OR_PART = re.compile(r"^listener\.admin\.|\.(?:worker_[0-9]+|main_thread)\.downstream_cx_active$")


class EnvoyAdmin:
    """Every call opens a connection of its own, and raises DriverError if Envoy does not answer it."""

    def __init__(self, socket_path: Path) -> None:
        self.socket_path = socket_path

    async def ready(self) -> bool:
        """Whether Envoy has its first full configuration and serves; False too while it does not answer at all."""
        try:
            status, _ = await asyncio.to_thread(self._ask, "GET", "/ready")
        except DriverError:
            return False
        return status == 200

    async def config_dump(self) -> dict[str, object]:
        """All that Envoy holds, endpoints included; secrets' private keys are redacted by Envoy."""
        return cast(dict[str, object], json.loads(await self.get("/config_dump?include_eds")))

    async def stats(self, pattern: str = "") -> dict[str, int]:
        """Counters and gauges by name, those that the RE2 expression finds."""
        answer = await self.get(f"/stats?format=json&type=All&filter={quote(pattern, safe='')}")
        rows = cast(dict[str, list[dict[str, object]]], json.loads(answer))["stats"]
        return {str(row["name"]): row["value"] for row in rows if isinstance(row.get("value"), int)}  # pyright: ignore[reportReturnType]

    async def serves(self) -> bool:
        """Whether Envoy is ready, and its workers accept connections on all listeners that it has."""
        try:
            return await self.ready() and await self._accepts()
        except DriverError:
            return False

    async def _accepts(self) -> bool:
        gauges = await self.stats(r"^listener_manager\.(workers_started|total_listeners_warming)$")
        return gauges.get("listener_manager.workers_started") == 1 and gauges.get("listener_manager.total_listeners_warming") == 0

    async def stop_listening(self) -> None:
        """Closes all listening sockets; connections go on."""
        await self.post("/drain_listeners")

    async def ask_clients_to_go(self) -> None:
        """Begins the drain sequence: from now on, and by the end of the drain time for certain, every answer says `Connection: close` or
        GOAWAY. Asked again it does nothing."""
        await self.post("/drain_listeners?graceful&skip_exit")

    async def connections(self) -> int:
        """How many client connections are open, but for those of this interface."""
        gauges = await self.stats(r"^listener\..*\.downstream_cx_active$")
        return sum(value for name, value in gauges.items() if not _ADMIN_OR_PART.search(name))

    async def get(self, path: str) -> bytes:
        """The body of a page."""
        return await self._page("GET", path)

    async def post(self, path: str) -> bytes:
        """The answer to an action."""
        return await self._page("POST", path)

    async def _page(self, method: str, path: str) -> bytes:
        status, body = await asyncio.to_thread(self._ask, method, path)
        if status != 200:
            said = body.decode("utf-8", "replace").strip()
            raise DriverError(f"Envoy's admin interface answered {status} to {path}: {said}", help="Its log may say more.")
        return body

    def _ask(self, method: str, path: str) -> tuple[int, bytes]:
        connection = _UnixConnection(self.socket_path)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException) as failure:
            raise DriverError(
                f"Envoy does not answer on {self.socket_path}: {failure}", help="It is not running (any more), or starting: see its log."
            ) from failure
        finally:
            connection.close()


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self._path))
