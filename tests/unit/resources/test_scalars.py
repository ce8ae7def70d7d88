"""Bare and tagged scalars: the tables of go-yaml v2 (resolve.go and its decode tests) as sigs.k8s.io/yaml turns them into JSON."""

from __future__ import annotations

import math
from typing import Any

import pytest

from seaway.resources.scalars import key_text, resolve_bare, resolve_tagged

SAME = [
    "web",
    "nginx:1.25",
    "1.2.3",
    "10.0.0.1",
    "12:30:45",
    "2024-01-02",
    "0x",
    "0b2",
    "-",
    "+",
    "--",
    ".",
    "..",
    "1e999",
    "yEs",
    "_1",
    "<<",
    "T",
    "0x1p-2",
    "._5",
    "1,000",
]


@pytest.mark.parametrize("word", SAME)
def test_what_no_rule_takes_is_text(word: str) -> None:
    assert resolve_bare(word) == word


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *((word, True) for word in ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")),
        *((word, False) for word in ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")),
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        ("0", 0),
        ("-0", 0),
        ("80", 80),
        ("+5", 5),
        ("1_000", 1000),
        ("0644", 420),
        ("0o17", 15),
        ("-0x1F", -31),
        ("0B11", 3),
        ("08", 8),
        ("80.0", 80),
        ("1e3", 1000),
        ("1.", 1),
        (".5", 0.5),
        ("-1.5e-3", -0.0015),
        ("18446744073709551615", 18446744073709551615),
        ("99999999999999999999", 100000000000000000000),
    ],
    ids=str,
)
def test_bare_word(word: str, value: Any) -> None:
    found = resolve_bare(word)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(("word", "value"), [(".inf", math.inf), ("+.INF", math.inf), ("-.Inf", -math.inf)])
def test_infinities(word: str, value: float) -> None:
    assert resolve_bare(word) == value


def test_nan() -> None:
    found = resolve_bare(".NaN")
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("tag", "word", "value"),
    [
        ("str", "yes", "yes"),
        ("int", "0x10", 16),
        ("float", "3", 3),
        ("bool", "on", True),
        ("null", "", None),
        ("timestamp", "2024-01-02", "2024-01-02"),
        ("binary", "aGk=", "hi"),
        ("set", "x", "x"),
    ],
)
def test_tagged(tag: str, word: str, value: Any) -> None:
    assert resolve_tagged(f"tag:yaml.org,2002:{tag}", word) == value


def test_private_tag_is_text() -> None:
    assert resolve_tagged("!Ref", "12") == "12"


@pytest.mark.parametrize(("tag", "word"), [("int", "web"), ("int", "yes"), ("bool", "1"), ("null", "x"), ("float", "x"), ("binary", "%%")])
def test_tag_that_does_not_fit(tag: str, word: str) -> None:
    with pytest.raises(ValueError, match=r"not"):
        resolve_tagged(f"tag:yaml.org,2002:{tag}", word)


@pytest.mark.parametrize(
    ("key", "text"),
    [("a", "a"), (True, "true"), (False, "false"), (8080, "8080"), (1.5, "1.5"), (0.1, "0.1"), (math.inf, ".inf"), (-math.inf, "-.inf")],
)
def test_key(key: Any, text: str) -> None:
    assert key_text(key) == text


def test_null_cannot_be_a_key() -> None:
    with pytest.raises(ValueError, match="null"):
        key_text(None)
