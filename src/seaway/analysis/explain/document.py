"""`seaway explain -o json`, from which the text is made, too."""

from __future__ import annotations

from typing import Any

from seaway.analysis.explain.question import Question, ToAddress
from seaway.analysis.explain.steps import Explanation, Flip
from seaway.analysis.reach.because import line_document, reference
from seaway.model.called import OUTSIDE


def explain_document(question: Question, found: Explanation, mesh: bool) -> dict[str, Any]:
    """`verified` is None: nothing was sent. `mesh`: there may be proxies on the way."""
    pods = [str(one) for one in found.destinations]
    return {
        "question": _question(question, mesh),
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


def _question(question: Question, mesh: bool) -> dict[str, Any]:
    """What was understood, so that it can be sent. `host` is what is connected to, `authority` the Host header."""
    http, target = question.http, question.target
    host = target.address if isinstance(target, ToAddress) else target.name
    asked = {"method": http.method, "authority": http.host, "path": http.path, "headers": list(http.headers)} if http is not None else {}
    return {
        "from": str(question.source.id) if question.source is not None else OUTSIDE,
        "host": host,
        "port": question.port,
        "protocol": "http" if http is not None else question.transport.value.lower(),
        "tls": question.tls,
        "mesh": mesh,
        **asked,
    }


def _flip(one: Flip) -> dict[str, Any]:
    return {"text": one.text, "resource": reference(one.key, one.origin) if one.key is not None and one.origin is not None else None}
