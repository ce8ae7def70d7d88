"""What is taken for the same, and what a memo keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from seaway.core.memo import Memo, same


class Name(NamedTuple):
    namespace: str
    name: str


class Other(NamedTuple):
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Probe:
    port: int
    origin: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    name: str


class Opaque:
    pass


def word(text: str) -> str:
    """An equal text that is another object."""
    return "".join(list(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(word("web"), word("web"), id="texts"),
        pytest.param((1, word("a"), None), (1, word("a"), None), id="tuples"),
        pytest.param(Name("default", word("web")), Name("default", word("web")), id="named tuples"),
        pytest.param(Probe(80, word("a.yaml:1")), Probe(80, word("a.yaml:1")), id="dataclasses"),
        pytest.param(Nothing(), Nothing(), id="dataclasses without fields"),
        pytest.param({"a": (1,)}, {"a": (1,)}, id="mappings"),
        pytest.param(frozenset({Name("default", "web")}), frozenset({Name("default", "web")}), id="sets of names"),
    ],
)
def test_values_that_cannot_be_told_apart_are_the_same(one: object, other: object) -> None:
    assert one is not other
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(1, True, id="a number and a truth value"),
        pytest.param(Probe(80, "a.yaml:1"), Probe(80, "a.yaml:2"), id="a field that equality passes over"),
        pytest.param((Probe(80, "a.yaml:1"),), (Probe(80, "a.yaml:2"),), id="such a field inside a tuple"),
        pytest.param(frozenset({Probe(80, "a.yaml:1")}), frozenset({Probe(80, "a.yaml:2")}), id="such a field inside a set"),
        pytest.param({"a": Probe(80, "1")}, {"a": Probe(80, "2")}, id="such a field inside a mapping"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="mappings in another order"),
        pytest.param(Name("default", "web"), Other("default", "web"), id="equal tuples of two types"),
        pytest.param((1, 2), (1, 2, 3), id="tuples of two lengths"),
        pytest.param(Draft("web"), Draft("web"), id="objects with an identity"),
        pytest.param(Opaque(), Opaque(), id="objects of unknown kind"),
        pytest.param([1], [1], id="lists, which may change"),
    ],
)
def test_values_that_may_differ_are_not_the_same(one: object, other: object) -> None:
    assert not same(one, other)


class Counted:
    """A function that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def double(self, number: int) -> list[int]:
        self.calls += 1
        return [2 * number]


def test_a_result_is_kept_while_its_arguments_stay() -> None:
    memo, counted = Memo(), Counted()
    function = counted.double
    first = memo("web", function, 2)
    memo.turn()
    assert memo("web", function, 2) is first
    assert memo("web", function, 3) == [6]
    assert counted.calls == 2


def test_keys_and_functions_are_kept_apart() -> None:
    memo, one, other = Memo(), Counted().double, Counted().double
    assert memo("a", one, 1) is not memo("b", one, 1)
    assert memo("a", one, 1) is not memo("a", other, 1)


def test_what_a_run_does_not_ask_for_is_forgotten() -> None:
    memo, counted = Memo(), Counted()
    function = counted.double
    memo("web", function, 2)
    memo("api", function, 2)
    memo.turn()
    memo("web", function, 2)
    memo.turn()
    assert len(memo) == 1
    memo("api", function, 2)
    assert counted.calls == 3


def test_a_run_that_breaks_off_forgets_nothing() -> None:
    memo, counted = Memo(), Counted()
    function = counted.double
    memo("web", function, 2)
    memo.turn()
    memo("api", function, 2)
    memo("web", function, 2)
    memo("api", function, 2)
    assert counted.calls == 2
