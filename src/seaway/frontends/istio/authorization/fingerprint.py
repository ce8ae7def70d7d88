"""A name for what a policy says: the same for all workloads under the same rules, wherever the rules stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import blake2b
from typing import Any

from seaway.core.origin import Origin


def fingerprint(value: Any) -> str:
    """A hash of a frozen dataclass and all that it holds, origins left out."""
    return blake2b("\0".join(_parts(value)).encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _parts(value: Any) -> Iterator[str]:
    match value:
        case Origin():
            return
        case Enum():
            yield value.name
        case tuple():
            yield f"({len(value)}"
            for one in value:
                yield from _parts(one)
        case _ if is_dataclass(value):
            yield type(value).__name__
            for field in fields(value):
                yield from _parts(getattr(value, field.name))
        case _:
            yield repr(value)
