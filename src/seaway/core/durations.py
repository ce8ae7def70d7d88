"""Durations as Istio's objects write them: `1h`, `1m30s`, `250ms`.

The grammar is that of Go's time.ParseDuration; the range is that of upstream's ValidateDuration, whole milliseconds of at least one.
"""

from __future__ import annotations

from decimal import Decimal

import re2

_UNITS = {
    "ns": Decimal(1).scaleb(-9),
    "us": Decimal(1).scaleb(-6),
    "ms": Decimal(1).scaleb(-3),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_MICRO = ("\u00b5s", "\u03bcs")  # Go takes both the micro sign and the Greek letter
_WHOLE = re2.compile(r"([+-]?)((?:(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:ns|us|ms|s|m|h))+)")
_PART = re2.compile(r"([0-9]*\.?[0-9]*)(ns|us|ms|s|m|h)")
_LONGEST_S = 315_576_000_000  # google.protobuf.Duration


def read_duration(text: str, zero: bool = False) -> tuple[float, str]:
    """Seconds, and what is wrong with the text ("" for nothing; 0 seconds otherwise). `zero`: none at all has a meaning of its own."""
    exact = _parse(text)
    if exact is None:
        return 0, "it is not a duration such as 10s, 1m30s or 250ms"
    if exact == 0 and zero:
        return 0, ""
    if exact < _UNITS["ms"]:
        return 0, "it is shorter than 1ms"
    if exact % _UNITS["ms"]:
        return 0, "it is not a whole number of milliseconds"
    if exact > _LONGEST_S:
        return 0, "it is longer than 10,000 years"
    return float(exact), ""


def _parse(text: str) -> Decimal | None:
    for micro in _MICRO:
        text = text.replace(micro, "us")
    if text in ("0", "+0", "-0"):
        return Decimal(0)
    match = _WHOLE.fullmatch(text)
    if match is None:
        return None
    total = sum((Decimal(number) * _UNITS[unit] for number, unit in _PART.findall(match.group(2))), Decimal(0))
    return -total if match.group(1) == "-" else total
