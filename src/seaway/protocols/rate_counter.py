"""Requests counted over all nodes: buckets that are filled as time goes by, and the words in which Envoy asks for them.

No clock and no socket: who calls says what time it is. Leaves to others: the messages (`drivers/rate_limits`), and what counts
(`plans/envoy/filters/rate_limits.py`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

DOMAIN = "seaway"

LIMIT, RATE = "limit", "rate"
"""Keys of a descriptor's entries: the limit's name, and how much may pass. All entries but the rate together name a bucket."""

MOST_BUCKETS = 200_000
"""Beyond that the one that was asked longest ago is forgotten, and would begin anew."""

Entries = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket of `burst` requests that fills with `requests` in each `per_s` seconds."""

    requests: int
    per_s: float
    burst: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a request: of `rate.burst`, `remaining` are left. The next may come in `retry_s`, and all are back in `full_s`."""

    passed: bool
    rate: Rate
    remaining: int
    retry_s: float
    full_s: float


def write_rate(requests: int, per_s: float, burst: int) -> str:
    return f"{requests}/{per_s:g}/{burst}"


def read_rate(text: str) -> Rate | None:
    """None for what is none, and then nothing is limited by it."""
    try:
        requests, per_s, burst = text.split("/")
        rate = Rate(int(requests), float(per_s), int(burst))
    except ValueError:
        return None
    return rate if rate.requests > 0 and rate.per_s > 0 and rate.burst > 0 else None


class RateCounter:
    """All buckets. A bucket is its level when it was last asked; a rate that changes applies to the level that there is."""

    def __init__(self, most: int = MOST_BUCKETS) -> None:
        self._most = most
        self._levels: OrderedDict[tuple[tuple[str, str], ...], tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, entries: Entries, now: float, hits: int = 1) -> Standing | None:
        """Counts `hits` requests, if there is room for them. None where the entries name no rate."""
        rate = next((read_rate(value) for key, value in entries if key == RATE), None)
        if rate is None:
            return None
        bucket = tuple(one for one in entries if one[0] != RATE)
        level, then = self._levels.get(bucket, (float(rate.burst), now))
        level = min(rate.burst, level + max(0.0, now - then) * rate.requests / rate.per_s)
        passed = level >= hits
        level -= hits if passed else 0
        self._levels[bucket] = (level, now)
        self._levels.move_to_end(bucket)
        while len(self._levels) > self._most:
            self._levels.popitem(last=False)
        each_s = rate.per_s / rate.requests
        return Standing(passed, rate, int(level), max(0.0, (hits - level) * each_s), (rate.burst - level) * each_s)


def whole_seconds(value_s: float) -> int:
    """As headers tell it: at least one second."""
    return max(1, ceil(value_s))
