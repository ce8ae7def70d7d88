"""Envoy's admin interface over its unix socket: is it ready, what does it hold, what has it counted.

https://www.envoyproxy.io/docs/envoy/latest/operations/admin
"""

from __future__ import annotations

import asyncio
import json
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import cast
from urllib.parse import quote

from seaway.core.errors import DriverError

TIMEOUT_S = 5.0


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

    async def drain(self) -> None:
        """Asks all clients to go (`Connection: close`, GOAWAY) while it still serves them; listeners close at the end of the drain time."""
        await self.post("/drain_listeners?graceful")

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
