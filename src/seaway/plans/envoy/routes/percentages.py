"""Percentages as Envoy's fractions: in millionths, so that 0.0001 % is the least that is not nothing."""

from __future__ import annotations

from seaway.plans.envoy.proto import Fields

MILLION = 1_000_000


def fraction(percent: float) -> Fields:
    """FractionalPercent."""
    return {"numerator": int(percent * MILLION / 100), "denominator": "MILLION"}
