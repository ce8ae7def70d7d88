"""Results of pure functions, kept from one run to the next: an edit then costs what it changes, not what exists.

A stage that goes over many objects (`plan_all`, `build_model`) takes a `Memo` and asks it for each object's part:

    memo(service.id, build_part, service, ready)    # build_part(service, ready), as in the last run where both are the same

`build_part` is a function of a module whose result depends on its arguments alone, and the key tells apart what it is called for within
one run. The arguments are the whole truth about when a result may be used again, so they are to be small: the Service, not the Model. What
the caller found out from the model (which pods are ready) is an argument too. At its end the stage calls `turn`, which forgets what the
run did not ask for: a memo holds as much as one run needs. A function that is remembered takes no memo of its own: while its result is
used, nobody would ask for the parts, and they would be forgotten. A stage within a stage gets a memo of its own: `memo.part(key)`, or
`memo.stage(…)` where it is passed over as a whole while its arguments are the same.

Arguments are compared by `same`, which is strict where `==` is not: a dataclass may leave the line that it comes from out of its equality
(`field(compare=False)`), and 1 equals True. Objects that the last run handed out already are the same without a look inside; so a stage
that is remembered makes the next one cheap.

Leaves to others: how long a memo lives. The control loop owns two; whoever passes none gets everything computed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from operator import attrgetter, is_
from typing import Any, TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_PLAIN = frozenset({str, bytes, int, float, bool})


@dataclass(slots=True)
class _Known:
    arguments: tuple[Any, ...]
    result: Any


class Memo:
    """What the last run computed, and this one so far."""

    def __init__(self) -> None:
        self._last: dict[Hashable, _Known] = {}
        self._now: dict[Hashable, _Known] = {}
        self._parts: dict[Hashable, Memo] = {}
        self._asked: set[Hashable] = set()

    def part(self, key: Hashable) -> Memo:
        """A memo of its own, for a stage that is a part of this one: one node's, say."""
        self._asked.add(key)
        return self._parts.setdefault(key, Memo())

    def __call__(self, key: Hashable, function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """`function(*arguments)`: the very object of the last run, or of this one, where the arguments are the same."""
        slot = (function, key)
        known = self._now.get(slot) or self._last.get(slot)
        if known is None or not same(known.arguments, arguments):
            known = _Known(arguments, function(*arguments))
        known.arguments = arguments  # the newest of equal ones are those that the next run will be asked with
        self._now[slot] = known
        return known.result

    def stage(self, key: Hashable, function: Callable[[*Arguments, Memo], Result], *arguments: *Arguments) -> Result:
        """`function(*arguments, memo)` with a memo of its own, for a stage within this one; passed over where the arguments are the same.

        What the stage remembers outlives runs in which it is passed over.
        """
        part = self.part(key)
        slot = (function, key)
        known = self._now.get(slot) or self._last.get(slot)
        if known is None or not same(known.arguments, arguments):
            known = _Known(arguments, function(*arguments, part))
            part.turn()
        known.arguments = arguments
        self._now[slot] = known
        return known.result

    def turn(self) -> None:
        """A run is complete: what it did not ask for is forgotten."""
        self._last, self._now = self._now, {}
        self._parts = {key: part for key, part in self._parts.items() if key in self._asked}
        self._asked = set()

    def __len__(self) -> int:
        """How many results are held."""
        return len(self._last.keys() | self._now.keys()) + sum(map(len, self._parts.values()))

    def __bool__(self) -> bool:
        return True


def same(one: Any, other: Any) -> bool:
    """Whether two values cannot be told apart: one object; or alike down to every field, those included that `==` passes over.

    False where that cannot be told: for objects that are compared by identity, and of types that are not known to be values.
    """
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in _PLAIN:
        return bool(one == other)
    if issubclass(kind, tuple):
        return len(one) == len(other) and (all(map(is_, one, other)) or all(map(same, one, other)))
    if kind is dict:
        return len(one) == len(other) and all(map(same, one.items(), other.items()))
    if kind is frozenset:
        return bool(one == other) and all(map(_is_word, one))
    values = _values_of(kind)
    return values is not None and same(values(one), values(other))


def _is_word(member: Any) -> bool:
    """A text, or a tuple of texts such as the name of an object: equal ones cannot be told apart."""
    return all(isinstance(part, str) for part in member) if isinstance(member, tuple) else isinstance(member, str)


@cache
def _values_of(kind: type) -> Callable[[Any], Any] | None:
    """What reads all fields of a dataclass that is compared by value; None for everything else."""
    if not is_dataclass(kind) or kind.__eq__ is object.__eq__:
        return None
    names = tuple(one.name for one in fields(kind))
    return attrgetter(*names) if names else repr
