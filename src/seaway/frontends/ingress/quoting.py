"""User text inside messages: quoted, escaped and cut, so that no name or value can forge a line of output."""

from __future__ import annotations

import json

LONGEST = 80


def shown(text: str) -> str:
    """`text` in double quotes, control and non-ASCII characters escaped, cut to 80 characters."""
    return json.dumps(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def plain(text: str) -> str:
    """`text` as it is where it holds nothing but visible ASCII and is short, else as `shown` has it."""
    return text if text and len(text) <= LONGEST and text.isascii() and text.isprintable() and " " not in text else shown(text)
