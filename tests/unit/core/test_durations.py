"""Durations: what Go reads, within the range that Istio takes."""

from __future__ import annotations

import pytest

from seaway.core.durations import read_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("10s", 10, id="seconds"),
        pytest.param("250ms", 0.25, id="milliseconds"),
        pytest.param("1m30s", 90, id="several-units"),
        pytest.param("1h", 3600, id="hours"),
        pytest.param("1.5s", 1.5, id="fraction"),
        pytest.param(".5s", 0.5, id="fraction-only"),
        pytest.param("1.s", 1, id="bare-point"),
        pytest.param("+2s", 2, id="signed"),
        pytest.param("1000us", 0.001, id="microseconds"),
        pytest.param("1000\u00b5s", 0.001, id="micro-sign"),
    ],
)
def test_reads(text: str, seconds: float) -> None:
    assert read_duration(text) == (seconds, "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "not a duration", id="empty"),
        pytest.param("5", "not a duration", id="no-unit"),
        pytest.param("5 s", "not a duration", id="space"),
        pytest.param("5d", "not a duration", id="days"),
        pytest.param("0s", "shorter than 1ms", id="zero"),
        pytest.param("-1s", "shorter than 1ms", id="negative"),
        pytest.param("1us", "shorter than 1ms", id="too-short"),
        pytest.param("1.0001s", "whole number of milliseconds", id="too-fine"),
        pytest.param("999999999999h", "longer than 10,000 years", id="too-long"),
    ],
)
def test_refuses(text: str, problem: str) -> None:
    seconds, said = read_duration(text)
    assert seconds == 0
    assert problem in said


@pytest.mark.parametrize("text", ["0", "0s", "0h0m"])
def test_none_at_all_may_mean_something(text: str) -> None:
    assert read_duration(text, zero=True) == (0, "")
