"""What counts as the same: what `explain` says, and what came of sending it."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.app.verifying import Seen, agrees


def said(verdict: str, status: int | None = None, protocol: str = "http", stops: str = "") -> dict[str, Any]:
    steps = [{"layer": stops, "outcome": "stops"}] if stops else []
    return {"verdict": verdict, "status": status, "destinations": ["a/web"], "question": {"protocol": protocol}, "steps": steps}


NOTHING = Seen(False, None, "", "timed out")


@pytest.mark.parametrize(
    ("document", "seen", "same"),
    [
        pytest.param(said("delivered"), Seen(True, 200, "a/web", ""), True, id="by a pod that was named"),
        pytest.param(said("delivered"), Seen(True, 200, "a/other", ""), False, id="by another pod"),
        pytest.param(said("delivered"), Seen(True, 503, "", ""), False, id="a proxy's answer is no delivery"),
        pytest.param(said("delivered"), Seen(True, 418, "", ""), True, id="a program's own answer is"),
        pytest.param(said("delivered"), NOTHING, False, id="nothing came"),
        pytest.param(said("delivered", 301), Seen(True, 301, "", ""), True, id="redirect"),
        pytest.param(said("delivered", 301), Seen(True, 200, "a/web", ""), False, id="no redirect"),
        pytest.param(said("delivered", None, "tcp"), Seen(True, None, "", ""), True, id="bytes"),
        pytest.param(said("denied", None, "tcp"), Seen(True, None, "", ""), False, id="bytes that should not pass"),
        pytest.param(said("denied", 403, stops="authz"), Seen(True, 403, "", ""), True, id="forbidden"),
        pytest.param(said("denied", 403, stops="authz"), Seen(True, 200, "a/web", ""), False, id="not forbidden"),
        pytest.param(said("denied", 403, stops="authz"), NOTHING, False, id="forbidden, and no answer"),
        pytest.param(said("denied", 503, stops="policy-ingress"), NOTHING, True, id="dropped behind a proxy that still tries"),
        pytest.param(said("denied"), NOTHING, True, id="dropped"),
        pytest.param(said("denied"), Seen(True, 200, "a/web", ""), False, id="not dropped"),
    ],
)
def test_what_counts_as_the_same(document: dict[str, Any], seen: Seen, same: bool) -> None:
    assert agrees(document, seen) is same
