"""What time it is, by both clocks. An argument of whatever reads it, so that tests can set it."""

from __future__ import annotations

import time

from seaway.protocols.renewal import Instant


def now() -> Instant:
    return Instant(time.time(), time.monotonic())
