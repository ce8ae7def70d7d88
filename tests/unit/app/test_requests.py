"""What comes of many requests, in numbers."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.app.requests import summarise


def answer(status: int | None, latency_ms: float = 1.0, pod: str | None = None, version: str | None = None) -> dict[str, Any]:
    return {"status": status, "pod": pod, "version": version, "latency_ms": latency_ms}


def test_spread() -> None:
    found = summarise([answer(200, 1, "a", "v1"), answer(200, 3, "b", "v2"), answer(200, 2, "a", "v1"), answer(503, 4), answer(None, 5)])
    assert found == {
        "status": {"200": 3, "503": 1, "none": 1},
        "pods": {"a": 2, "b": 1},
        "versions": {"v1": 2, "v2": 1},
        "latency_ms": {"p50": 3, "p99": pytest.approx(4.96)},
    }


def test_one_answer_is_its_own_median() -> None:
    assert summarise([answer(200, 7.5)])["latency_ms"] == {"p50": 7.5, "p99": 7.5}
