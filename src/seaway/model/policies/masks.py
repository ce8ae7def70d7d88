"""Sets of things as bits of one integer, and the sets that label selectors select.

The nth thing of a sequence is bit n. AND, OR and NOT of thousands of members are one operation on integers of some hundred bytes, which is
what makes all pairs of a cluster cheap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seaway.core.labels import Operator, Requirement, Selector

Labels = tuple[tuple[str, str], ...]


def bits(mask: int) -> Iterator[int]:
    """The numbers of the members, ascending."""
    text = bin(mask)[:1:-1]
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)


def mask_of(members: Sequence[int]) -> int:
    """The set of these numbers."""
    if not members:
        return 0
    held = bytearray(max(members) // 8 + 1)
    for one in members:
        held[one >> 3] |= 1 << (one & 7)
    return int.from_bytes(held, "little")


class LabelIndex:
    """Things by their labels: `select` gives the set of those that a selector matches. Only `keys` are indexed."""

    def __init__(self, things: Sequence[Labels], keys: frozenset[str]) -> None:
        self.everything = (1 << len(things)) - 1
        members: dict[str, dict[str, list[int]]] = {key: {} for key in keys}
        for number, labels in enumerate(things):
            for key, value in labels:
                if key in members:
                    members[key].setdefault(value, []).append(number)
        self._valued = {key: {value: mask_of(one) for value, one in values.items()} for key, values in members.items()}
        self._present: dict[str, int] = {}
        for key, values in self._valued.items():
            present = 0
            for mask in values.values():
                present |= mask
            self._present[key] = present
        self._known: dict[Requirement, int] = {}

    def select(self, selector: Selector) -> int:
        mask = self.everything
        for requirement in selector:
            known = self._known.get(requirement)
            if known is None:
                known = self._known[requirement] = self._holds(requirement)
            mask &= known
        return mask

    def _holds(self, requirement: Requirement) -> int:
        match requirement.operator:
            case Operator.IN:
                return self._any_of(requirement)
            case Operator.NOT_IN:
                return self.everything & ~self._any_of(requirement)
            case Operator.EXISTS:
                return self._present[requirement.key]
            case Operator.DOES_NOT_EXIST:
                return self.everything & ~self._present[requirement.key]

    def _any_of(self, requirement: Requirement) -> int:
        mask = 0
        valued = self._valued[requirement.key]
        for value in requirement.values:
            mask |= valued.get(value, 0)
        return mask


def keys_of(selectors: Iterator[Selector]) -> frozenset[str]:
    """The labels that selectors read."""
    return frozenset(requirement.key for selector in selectors for requirement in selector)
