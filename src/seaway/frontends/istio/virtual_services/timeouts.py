"""`http[].timeout`: how long an exchange may take in all, retries included. Without it there is no limit."""

from __future__ import annotations

from seaway.core.codes import routing as codes
from seaway.core.durations import read_duration
from seaway.core.finding import Findings
from seaway.frontends.istio.places import Place


def read_timeout(written: str | None, place: Place) -> tuple[float | None, Findings]:
    """Seconds; None where nothing is written."""
    if written is None:
        return None, ()
    seconds, problem = read_duration(written)
    return seconds, (place.of("timeout").find(codes.TIMEOUT_REFUSED, problem=problem),) if problem else ()
