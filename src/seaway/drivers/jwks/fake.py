"""Documents in memory; what is not there cannot be reached."""

from __future__ import annotations

from seaway.core.errors import DriverError
from seaway.drivers.jwks.interface import LONGEST, Vantage


class FakeFetcher:
    """`documents` by URL; `asked` are the calls, in order."""

    def __init__(self, documents: dict[str, str] | None = None) -> None:
        self.documents = documents if documents is not None else {}
        self.asked: list[tuple[str, Vantage]] = []

    async def fetch(self, url: str, vantage: Vantage, timeout_s: float) -> str:
        """See `Fetcher`."""
        self.asked.append((url, vantage))
        text = self.documents.get(url)
        if text is None:
            raise DriverError(f"{url}: the answer is 404")
        if len(text.encode()) > LONGEST:
            raise DriverError(f"{url}: the document is longer than {LONGEST} bytes")
        return text
