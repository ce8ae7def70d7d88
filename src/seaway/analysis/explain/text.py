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
    if "sent" in document:
        yield from _sent_lines(document, paint)
    if document["flip"]:
        yield ""
    for number, one in enumerate(document["flip"]):
        where = f" ({_where(one['resource'])})" if one["resource"] is not None else ""
        yield _wrapped(("or: " if number else "To let it pass: ") + one["text"] + where)


def _sent_lines(document: Document, paint: Paint) -> Iterator[str]:
    """What came of sending it; loud where that is not what was said."""
    sent = document["sent"] or {"detail": "nothing that can be sent from here", "pod": ""}
    came = sent["detail"] + (f" from {sent['pod']}" if sent["pod"] else "")
    yield ""
    match document["verified"]:
        case True:
            yield paint(f"verified: sent, and it is so: {came}", "green")
        case False:
            yield paint(f"NOT SO: sent, and what came is another thing: {came}", "red")
            yield "  Either the manifests changed meanwhile (ask again), or Seaway is wrong: please report it with these lines."
        case _:
            yield paint(f"not compared: {came}", "yellow")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _place(line: Document) -> str:
    name = "/".join(part for part in (line["namespace"], line["name"]) if part)
    return f"{_where(line)}  {line['kind']} {name}, {line['text']}"


def _where(resource: Document) -> str:
    return f"{resource['file']}:{resource['line']}" if resource["line"] else resource["file"]
