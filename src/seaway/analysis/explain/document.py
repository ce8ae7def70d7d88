"""`seaway explain -o json`, from which the text is made, too."""

from __future__ import annotations

from typing import Any

from seaway.analysis.explain.steps import Explanation, Flip
from seaway.analysis.reach.because import line_document, reference


def explain_document(found: Explanation) -> dict[str, Any]:
    """`verified` is None: nothing was sent."""
    pods = [str(one) for one in found.destinations]
    return {
        "verdict": found.verdict.value,
        "status": found.status,
        "destination": pods[0] if pods else None,
        "destinations": pods,
        "steps": [
            {
                "layer": one.layer.value,
                "outcome": one.outcome.value,
                "text": one.text,
                "because": [line_document(line) for line in one.because],
            }
            for one in found.steps
        ],
        "flip": [_flip(one) for one in found.flips],
        "verified": None,
    }


def _flip(one: Flip) -> dict[str, Any]:
    return {"text": one.text, "resource": reference(one.key, one.origin) if one.key is not None and one.origin is not None else None}
