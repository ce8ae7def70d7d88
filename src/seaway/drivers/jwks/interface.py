"""What fetching a document by its URL is, for the real one and its fake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

LONGEST = 1 << 20
"""Bytes. A key set holds a few keys; what is longer is none."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """From where a host is asked: `netns` is a network namespace's file, None for the network that this process is in.

    `address` is the host's, "" where its name is looked up.
    """

    netns: Path | None = None
    address: str = ""


class Fetcher(Protocol):
    async def fetch(self, url: str, vantage: Vantage, timeout_s: float) -> str:
        """The document's text. Redirects are followed. Raises DriverError, also where it is no 200 or longer than `LONGEST`."""
        ...
