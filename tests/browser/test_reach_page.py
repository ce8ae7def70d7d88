"""The page of reachability in a real browser: it draws the storefront, tells the rule of the cell under the pointer, filters and folds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from browser import Page, open_page

ROOT = Path(__file__).parents[2]
CELL = "td[aria-label='{} to {}: {}']"


async def headings(page: Page) -> list[str]:
    return await page.ask("[...document.querySelectorAll('#matrix tbody th')].map(one => one.textContent)")


async def told(page: Page) -> str:
    return await page.ask("document.getElementById('told').textContent")


def test_storefront(tmp_path: Path) -> None:
    file = tmp_path / "reach.html"
    words = [sys.executable, "-m", "seaway", "reach", "examples/storefront", "-o", "html"]
    file.write_bytes(subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout)
    asyncio.run(look(file, tmp_path / "profile"))


async def look(file: Path, profile: Path) -> None:
    async with open_page(file, profile) as page:
        assert {"database", "web"} <= set(await headings(page))

        await page.point_at(CELL.format("api-gateway", "database", "some ports"))
        assert "production/deployment/api-gateway → production/statefulset/database" in await told(page)
        assert "5432/TCP" in await told(page)
        assert "90-network-policies.yaml:" in await told(page)
        await page.point_at(CELL.format("web", "database", "denied"))
        assert "default deny" in await told(page)

        await page.click("#close")
        assert any("production (" in one for one in await headings(page))
        await page.click("#open")
        await page.type("#filter", "tier=database")
        assert [one.removeprefix("▾ production / ") for one in await headings(page)] == ["database"]
        await page.type("#filter", " nobody")
        assert "hides all" in await page.ask("document.getElementById('summary').textContent")
        assert await page.ask("performance.getEntriesByType('resource').length") == 0, "it loads nothing"
