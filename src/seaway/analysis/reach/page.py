"""The document of `seaway reach` as one page: a matrix by namespace, a filter, the rules behind each cell. It loads nothing.

The page's style and script are data beside this module; what is said of whom is put in as JSON, each reason and set of ports once.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from seaway.analysis.reach.tables import because_text, entry_rows, reason_of, space_of

Document = dict[str, Any]


def render_html(document: Document) -> str:
    """Everything that comes from manifests stands in one JSON block, which the script puts on the page as text."""
    page = files("seaway.analysis.reach").joinpath("page.html").read_bytes().decode()
    data = json.dumps(_data(document), ensure_ascii=False, separators=(",", ":"))
    return page.replace("{{data}}", data.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


class _Numbers:
    """Each text once, and its number."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}

    def of(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))


def _data(document: Document) -> Document:
    """`cells`: by destination, then by what passes (a number of `sets`): the sources. A set is [kind, [[ports, reason], …]]."""
    at = {one["id"]: number for number, one in enumerate(document["peers"])}
    reasons = _Numbers()
    sets: dict[tuple[Any, ...], int] = {}
    cells: list[dict[int, list[int]]] = [{} for _ in at]
    for (source, target), rows in _pairs(document, reasons).items():
        number = sets.setdefault(rows, len(sets))
        cells[at[target]].setdefault(number, []).append(at[source])
    return {
        "peers": [_peer(one) for one in document["peers"]],
        "reasons": list(reasons.texts),
        "sets": list(sets),
        "cells": [[[number, sources] for number, sources in some.items()] for some in cells],
        "isolated": _isolated(document, at),
        "entries": entry_rows(document),
    }


def _pairs(document: Document, reasons: _Numbers) -> dict[tuple[str, str], tuple[Any, ...]]:
    """By pair, (allowed, protocol, ports, reason) of all that is said of it."""
    found: dict[tuple[str, str], list[tuple[bool, str, str, int]]] = {}
    for allowed, connections in ((True, document["connections"]), (False, document["denied"])):
        for one in connections:
            row = (allowed, one["protocol"], one["ports"], reasons.of(reason_of(one)))
            found.setdefault((one["from"], one["to"]), []).append(row)
    return {pair: tuple(rows) for pair, rows in found.items()}


def _peer(one: Document) -> Document:
    labels = " ".join(f"{name}={value}" for name, value in one["labels"].items())
    return {
        "id": one["id"],
        "space": space_of(one),
        "name": one["name"],
        "kind": one.get("kind") or one["type"],
        "labels": labels,
        "many": len(one.get("pods", ())) > 1,
    }


def _isolated(document: Document, at: dict[str, int]) -> list[Document]:
    """By peer: what denies the rest of what it takes (`ingress`) and sends (`egress`)."""
    found: list[Document] = [{} for _ in at]
    for one in document["isolated"]:
        found[at[one["peer"]]][one["direction"]] = because_text(one["because"])
    return found
