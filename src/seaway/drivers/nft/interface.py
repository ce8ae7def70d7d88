"""How the kernel's tables are reached: what the `nft` program and its library both do, in the calling thread's network namespace."""

from __future__ import annotations

from typing import Protocol


class Nft(Protocol):
    def run(self, text: str) -> None:
        """Runs commands as one transaction. DriverError with nft's own words where it refuses."""
        ...

    def listing(self, table: str) -> str:
        """`inet TABLE` as nft's JSON. DriverError with `No such file or directory` in it where there is none."""
        ...
