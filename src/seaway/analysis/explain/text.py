"""The document of `seaway explain` as lines for a terminal. Colours are the caller's: `paint` gets a text and the colour's name."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Any

Document = dict[str, Any]
Paint = Callable[[str, str], str]

_MARKS = {"passes": ("✓", "green"), "note": ("·", "yellow"), "stops": ("✗", "red"), "unknown": ("?", "yellow")}
_COLOURS = {"delivered": "green", "unknown": "yellow"}
_LAYER_WIDTH = 15
_WIDTH = 120


def explain_lines(source: str, target: str, document: Document, paint: Paint) -> Iterator[str]:
    """The verdict, one line a step with its places below, and what would let it pass."""
    status = f" ({document['status']})" if document["status"] is not None else ""
    yield f"{source} -> {target}: {paint(document['verdict'] + status, _COLOURS.get(document['verdict'], 'red'))}"
    yield ""
    for step in document["steps"]:
        mark, colour = _MARKS[step["outcome"]]
        yield f"{paint(mark, colour)} {step['layer']:<{_LAYER_WIDTH}}{step['text']}"
        for place in dict.fromkeys(_place(one) for one in step["because"]):
            yield f"  {'':<{_LAYER_WIDTH}}{paint(place, 'dim')}"
    if document["flip"]:
        yield ""
    for number, one in enumerate(document["flip"]):
        where = f" ({_where(one['resource'])})" if one["resource"] is not None else ""
        yield _wrapped(("or: " if number else "To let it pass: ") + one["text"] + where)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _place(line: Document) -> str:
    name = "/".join(part for part in (line["namespace"], line["name"]) if part)
    return f"{_where(line)}  {line['kind']} {name}, {line['text']}"


def _where(resource: Document) -> str:
    return f"{resource['file']}:{resource['line']}" if resource["line"] else resource["file"]
