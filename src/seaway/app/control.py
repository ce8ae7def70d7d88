"""The control socket: newline-delimited JSON, `{"method", "params"}` in, `{"result"}` or `{"error": {"message", "help", "usage"}}` out.

The socket's folder is its owner's alone (mode 0700), so whoever can connect may ask anything.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from seaway.core.errors import SeawayError, UsageError

Method = Callable[..., Awaitable[Any]]

_LONGEST_QUESTION = 1 << 20


class ControlServer:
    """Answers questions with the methods it is given; each takes its parameters by name and returns what JSON can say."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        await asyncio.to_thread(path.unlink, missing_ok=True)  # left by a killed predecessor
        self._server = await asyncio.start_unix_server(self._serve, path, limit=_LONGEST_QUESTION)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ValueError, asyncio.CancelledError):  # asyncio would log a cancelled conversation as a crash
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            question = json.loads(line)
            method = self._methods[question["method"]]
            return {"result": await method(**question.get("params", {}))}
        except SeawayError as error:
            return {"error": {"message": error.message, "help": error.help, "usage": isinstance(error, UsageError)}}
        except (KeyError, TypeError, ValueError) as error:
            return {
                "error": {"message": f"not a question that this version answers: {error}", "help": "use the same version on both sides"}
            }
