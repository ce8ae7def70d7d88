"""Buckets of the shared counter: how much passes, by which clock, and whose."""

from __future__ import annotations

import pytest

from seaway.protocols.rate_counter import LIMIT, RATE, RateCounter, read_rate, whole_seconds, write_rate


def entries(rate: str = "2/10/2", *more: tuple[str, str], name: str = "shop/a[0]") -> list[tuple[str, str]]:
    return [(LIMIT, name), (RATE, rate), *more]


def passed(counter: RateCounter, now: float, asked: list[tuple[str, str]], hits: int = 1) -> bool:
    standing = counter.take(asked, now, hits)
    assert standing is not None
    return standing.passed


def test_a_bucket_empties_and_fills_evenly() -> None:
    counter = RateCounter()
    assert [passed(counter, 0, entries()) for _ in range(3)] == [True, True, False]
    assert not passed(counter, 4.9, entries())
    assert passed(counter, 5.0, entries()), "one in five seconds"
    assert not passed(counter, 5.1, entries())
    assert [passed(counter, 1000, entries()) for _ in range(3)] == [True, True, False], "no more than the burst"


def test_what_is_told() -> None:
    counter = RateCounter()
    told = [one for one in (counter.take(entries(), 0) for _ in range(3)) if one is not None]
    assert [(one.remaining, one.retry_s, one.full_s) for one in told] == [(1, 0.0, 5.0), (0, 5.0, 10.0), (0, 5.0, 10.0)]
    assert [whole_seconds(one) for one in (0.0, 0.2, 5.0, 5.1)] == [1, 1, 5, 6]


def test_values_and_limits_have_counters_of_their_own() -> None:
    counter = RateCounter()
    asked = [entries("1/10/1", ("key 0", "a")), entries("1/10/1", ("key 0", "b")), entries("1/10/1", ("key 0", "a"), name="shop/a[1]")]
    assert [passed(counter, 0, one) for one in (*asked, *asked)] == [True] * 3 + [False] * 3


def test_a_rate_that_changes_applies_at_once() -> None:
    counter = RateCounter()
    assert passed(counter, 0, entries("100/1/100"), hits=40)
    assert not passed(counter, 0, entries("1/60/20"), hits=21), "no more than the new burst"
    assert passed(counter, 0, entries("1/60/20"), hits=20)


def test_a_clock_that_goes_back_fills_nothing() -> None:
    counter = RateCounter()
    assert passed(counter, 100, entries("1/10/1"))
    assert not passed(counter, 50, entries("1/10/1"))


def test_the_oldest_is_forgotten() -> None:
    counter = RateCounter(most=2)
    for value in ("a", "b", "c"):
        assert passed(counter, 0, entries("1/10/1", ("key 0", value)))
    assert len(counter) == 2
    assert not passed(counter, 0, entries("1/10/1", ("key 0", "c")))
    assert passed(counter, 0, entries("1/10/1", ("key 0", "a"))), "begins anew"


@pytest.mark.parametrize("text", ["", "1", "1/2", "a/1/1", "1/0/1", "0/1/1", "1/1/0", "1/1/1/1"])
def test_what_is_no_rate_limits_nothing(text: str) -> None:
    assert read_rate(text) is None
    assert RateCounter().take(entries(text), 0) is None


def test_rates_survive_writing() -> None:
    rate = read_rate(write_rate(5, 0.05, 7))
    assert rate is not None
    assert (rate.requests, rate.per_s, rate.burst) == (5, 0.05, 7)
