"""Lines of manifests, as Envoy's log cites them: in metadata of ours, and in the names of rules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

_RULE = re.compile(r"(?:istio-ext-authz-)?(?P<namespace>[^/\[\]@]*)/(?P<name>[^/\[\]@]+)(?:\[\d+\])?@(?P<place>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that took part in a decision, and the object that it belongs to; `line` is 0 and `kind` "" where that is not known."""

    kind: str
    namespace: str
    name: str
    file: str
    line: int

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        owner = "/".join(part for part in (self.namespace, self.name) if part)
        return f"{self.kind} {owner} {where}".strip() if self.kind else where


Cited = Mapping[str, str]
"""A part of Envoy's configuration, as its metadata cite it."""


def read_citation(text: str) -> Cited:
    """Metadata as Envoy prints them; nothing where there are none."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def line_of(cited: Cited, what: str = "from", kind: str = "") -> tuple[Line, ...]:
    """The line that the citation holds under this word, as one of its object's; of an object of this kind where one is named."""
    if not cited.get(what):
        return ()
    file, line = _place(cited[what])
    if kind and kind != cited.get("kind"):
        namespace, _, name = cited.get(kind, "").rpartition("/")
        return (Line(kind, namespace, name, file, line),)
    return (Line(cited.get("kind", ""), cited.get("namespace", ""), cited.get("name", ""), file, line),)


def rule_line(kind: str, name: str) -> tuple[Line, ...]:
    """The line in a rule's name (`namespace/name[index]@file:line`)."""
    match = _RULE.fullmatch(name)
    return (Line(kind, match["namespace"], match["name"], *_place(match["place"])),) if match is not None else ()


def listed_lines(kind: str, cited: Cited, what: str) -> tuple[Line, ...]:
    """The lines of several objects, as rules name them, one below the other."""
    return tuple(line for name in cited.get(what, "").split("\n") for line in rule_line(kind, name))


def _place(text: str) -> tuple[str, int]:
    file, colon, line = text.rpartition(":")
    return (file, int(line)) if colon and line.isdecimal() else (text, 0)
