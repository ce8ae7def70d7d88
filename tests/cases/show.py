"""Model values as text, complete but for what is empty: nothing that a frontend decides can change without a golden showing it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any

from seaway.core.origin import Origin
from seaway.frontends.ingress.policies import INGRESS_POLICY
from seaway.model.route import Certificate

WIDTH = 140

Block = tuple[str, tuple[str, ...]]
"""A title and the entries below it, each of one line or more."""


def brief(value: Any) -> str:
    """On one line. Enumerations by value, names as they print, certificates by their identity alone."""
    match value:
        case Origin():
            return str(value)
        case Certificate():
            return value.id
        case Enum():
            return str(value.value)
        case tuple() if hasattr(value, "_fields"):
            return str(value)
        case tuple() if value and all(_is_pair(one) for one in value):
            return ", ".join(f"{one[0]}={brief(one[1])}" for one in value)
        case tuple():
            return ", ".join(_quoted(brief(one)) for one in value)
        case _ if is_dataclass(value):
            parts = [f"{name}={_quoted(brief(one))}" for name, one in _told(value)]
            return f"{type(value).__name__}({', '.join(parts)})"
        case dict():
            return ", ".join(f"{name}={brief(one)}" for name, one in sorted(value.items()))
        case str():
            return repr(value)[1:-1] if "\n" in value else value
        case _:
            return str(value)


def entries(value: Any) -> Iterator[str]:
    """One a field, and one an item of a field that holds several dataclasses; what does not fit on a line goes on below, indented."""
    for name, one in _told(value):
        items = one if isinstance(one, tuple) and one and all(is_dataclass(item) for item in one) else (one,)
        for item in items:
            text = f"{name}: {brief(item)}"
            if len(text) <= WIDTH or not is_dataclass(item):
                yield text
            else:
                inner = [f"  {line}" for entry in entries(item) for line in entry.splitlines()]
                yield "\n".join([f"{name}: {type(item).__name__}", *inner])


def block(title: str, value: Any, *named: str) -> Block:
    """All of a dataclass under a title, but for the fields that the title names."""
    return title, tuple(entry for entry in entries(value) if entry.split(":")[0] not in named)


def render(blocks: list[Block], base: list[Block]) -> str:
    """The blocks as text, without what the base says under the same title; one that says nothing more is left out.

    A new block is shown without what all of the base's blocks of its sort and namespace say (all its pods, say); where it lacks one of
    their fields altogether, a dash stands for it.
    """
    known = dict(base)
    text: list[str] = []
    for title, body in blocks:
        usual = known.get(title, ()) if title in known else _usual(title, base)
        told = [entry for entry in body if entry not in usual]
        missing = {entry.split(":")[0] for entry in usual} - {entry.split(":")[0] for entry in body} if title not in known else ()
        if told or title not in known:
            text += [title, *(f"  {line}" for entry in told for line in entry.splitlines())]
            text += [f"  {name}: -" for name in sorted(missing)]
    return "".join(f"{line}\n" for line in text)


def _usual(title: str, base: list[Block]) -> tuple[str, ...]:
    sort = title.partition("/")[0]
    alike = [body for other, body in base if other.partition("/")[0] == sort and "/" in other]
    return tuple(entry for entry in alike[0] if all(entry in body for body in alike)) if len(alike) > 1 else ()


def _told(value: Any) -> list[tuple[str, Any]]:
    """What differs from the field's default, or where it has none, is not empty; and how Ingress' routes are treated goes without saying."""
    found = [(one, getattr(value, one.name)) for one in fields(value)]
    found = [(field, one) for field, one in found if one != INGRESS_POLICY]
    return [
        (field.name, one) for field, one in found if one not in (("", (), {}, 0, None) if field.default is MISSING else (field.default,))
    ]


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and not hasattr(value, "_fields") and len(value) == 2 and isinstance(value[0], str)


def _quoted(text: str) -> str:
    """In brackets where the separators of the line would be taken for its own."""
    return f"[{text}]" if ", " in text and not text.endswith(")") else text
