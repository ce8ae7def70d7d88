"""When Python looks for garbage in cycles: seldom, and never among what was there when the network was up."""

from __future__ import annotations

import gc

_THRESHOLDS = (50_000, 20, 50)
"""A pass makes many objects that live until the next one: Python's own thresholds would have it look for garbage all the while."""


def collect_seldom() -> None:
    """From now on. What exists by now is never looked at again."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    gc.enable()
