"""What upstream takes for a host name, and which names a wildcard stands for."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.host_names import covers, domain_problem, exact_domain_problem, overlap, specificity


@pytest.mark.parametrize("name", ["a", "*", "*.a.com", "*-a.com", "*a.com", "A.Example.com", "a.b.c", "a.com.", "1a.com", "1.2.3.com"])
def test_names(name: str) -> None:
    assert domain_problem(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a..b",
        "-a.com",
        "a-.com",
        "a.*.com",
        "**",
        "a_b.com",
        "a.1",
        "10.0.0.1",
        "a b",
        "a\n",
        "ä.com",
        "a." + "b" * 64,
        "a." * 200 + "b",
    ],
)
def test_no_names(name: str) -> None:
    assert domain_problem(name) != ""


@pytest.mark.parametrize(("name", "taken"), [("a.com", True), ("a", True), ("*.com", False), ("", False), ("7", False)])
def test_exact_names(name: str, taken: bool) -> None:
    assert (exact_domain_problem(name) == "") == taken


@pytest.mark.parametrize(
    ("pattern", "host", "covered", "overlapping"),
    [
        ("a.com", "a.com", True, True),
        ("a.com", "b.com", False, False),
        ("*.com", "a.com", True, True),
        ("*.com", "b.a.com", True, True),
        ("*.a.com", "a.com", False, False),
        ("*", "a.com", True, True),
        ("a.com", "*.com", False, True),
        ("*.a.com", "*.com", False, True),
        ("*.com", "*.a.com", True, True),
        ("*.a.com", "*.b.com", False, False),
    ],
)
def test_wildcards(pattern: str, host: str, covered: bool, overlapping: bool) -> None:
    assert (covers(pattern, host), overlap(pattern, host)) == (covered, overlapping)


def test_the_most_specific_comes_first() -> None:
    names = ["*", "*.com", "b.com", "*.a.com", "a.com", "long.a.com"]
    assert sorted(names, key=specificity) == ["long.a.com", "a.com", "b.com", "*.a.com", "*.com", "*"]
