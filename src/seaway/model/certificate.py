"""Certificates that manifests hold: those that gateways serve, and those that are shown to servers of the world."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.names import Key
from seaway.core.origin import Origin


@dataclass(frozen=True, slots=True)
class Certificate:
    """A key pair that parses and belongs together. `chain` and `key` are PEM. `id` is unique per content. The key is never printed."""

    id: str
    chain: str
    key: str
    names: tuple[str, ...]
    not_after: str
    owner: Key | None
    origin: Origin

    def __repr__(self) -> str:
        return f"Certificate({self.id})"
