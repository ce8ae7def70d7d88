"""How to say that an object is not there: never written, or written and refused."""

from __future__ import annotations

from seaway.core.names import Key
from seaway.snapshot import Snapshot


def absence(snapshot: Snapshot, key: Key) -> str:
    """ "does not exist", or that the object was refused for mistakes of its own."""
    refused = key in snapshot.objects or any(one.key == key for one in snapshot.findings)
    return "was refused for its own mistakes" if refused else "does not exist"
