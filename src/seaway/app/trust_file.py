"""`trust-bundle.pem`: the mesh's roots, kept for the next control plane. Public: certificates only, and until when each is needed.

Any tool reads it as PEM; what we must know besides stands in a line before each certificate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from seaway.app.state import write_atomically
from seaway.protocols.trust import Root

_ENTRY = re.compile(
    r"^# root ([0-9a-f]{64}) (?:signs for (\d+) s|is needed until (\d+) \S+)\n"
    r"(-----BEGIN CERTIFICATE-----\n.+?-----END CERTIFICATE-----\n)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class KeptRoot:
    """`until` is when its last certificate ends (seconds since 1970); None while it signs certificates of `life_s`."""

    root: Root
    until: float | None
    life_s: float


def write_roots(path: Path, roots: tuple[KeptRoot, ...]) -> None:
    """Raises OSError."""
    write_atomically(path, "".join(map(_entry, roots)).encode(), mode=0o644)


def _entry(kept: KeptRoot) -> str:
    if kept.until is None:
        state = f"signs for {kept.life_s:.0f} s"
    else:
        state = f"is needed until {kept.until:.0f} {datetime.fromtimestamp(kept.until, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"# root {kept.root.id} {state}\n{kept.root.pem}"


def read_roots(path: Path, wall: float) -> tuple[tuple[Root, float], ...]:
    """The roots of an earlier run that may still have certificates, and for how many seconds from now (`wall`, since 1970) each is needed.

    One that signed when the file was written may have signed until just now. None where there is no file.
    """
    try:
        text = path.read_text()
    except OSError:
        return ()
    found: list[tuple[Root, float]] = []
    for root, life, until, pem in _ENTRY.findall(text):
        left = float(life) if life else float(until) - wall
        if left > 0:
            found.append((Root(root, pem), left))
    return tuple(found)
