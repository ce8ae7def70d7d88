"""A real Chromium without a window, driven by its DevTools protocol. https://chromedevtools.github.io/devtools-protocol/"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

START_S = 30.0


class Page:
    """One tab. `do` sends a command of the protocol and returns its result."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def do(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while (answer := await self._socket.receive_json(timeout=START_S)).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    async def ask(self, expression: str) -> Any:
        """What a JavaScript expression gives."""
        answer = await self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def point_at(self, selector: str) -> None:
        """Moves the pointer over the first element that matches."""
        box = f"(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector({selector!r}).getBoundingClientRect())"
        x, y = await self.ask(box)
        await self.do("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def click(self, selector: str) -> None:
        await self.ask(f"document.querySelector({selector!r}).click()")

    async def type(self, selector: str, text: str) -> None:
        await self.ask(f"document.querySelector({selector!r}).focus()")
        await self.do("Input.insertText", text=text)


@asynccontextmanager
async def open_page(file: Path, folder: Path) -> AsyncGenerator[Page]:
    """Chromium with this file open; its profile is in `folder`, and both are its own."""
    words = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1400,1000",
        "--remote-debugging-port=0",
    ]
    words += [f"--user-data-dir={folder}", file.as_uri()]
    browser = await asyncio.create_subprocess_exec("chromium", *words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(START_S), aiohttp.ClientSession() as session:
            while not (port := read_port(folder / "DevToolsActivePort")):
                await asyncio.sleep(0.02)
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"]) as socket:
                page = Page(socket)
                while await page.ask("location.href + ' ' + document.readyState") != f"{file.as_uri()} complete":
                    await asyncio.sleep(0.02)
                yield page
    finally:
        browser.terminate()
        await browser.wait()


def read_port(path: Path) -> int:
    """The port that the browser listens at, 0 while it has not said."""
    lines = path.read_text().splitlines() if path.exists() else []
    return int(lines[0]) if len(lines) > 1 else 0
