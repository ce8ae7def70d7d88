"""What signs workloads' certificates, as the user wishes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from seaway.core.names import Key
from seaway.core.origin import Origin


@dataclass(frozen=True, slots=True)
class MadeAuthority:
    """Nothing is brought: the control plane makes a root of its own."""


@dataclass(frozen=True, slots=True)
class BroughtAuthority:
    """A CA that the user brings, all in PEM. `chain` begins with the CA's own certificate and leads to `root`.

    `also` are other roots to trust. `not_before` and `not_after` bound the time in which all of them are valid, in seconds since 1970.
    """

    chain: str
    root: str
    also: tuple[str, ...]
    not_before: float
    not_after: float
    owner: Key
    origin: Origin
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnusableAuthority:
    """A CA was brought that cannot be used: what signed before goes on."""

    origin: Origin


MADE = MadeAuthority()

Authority: TypeAlias = MadeAuthority | BroughtAuthority | UnusableAuthority
