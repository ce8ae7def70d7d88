"""JSON text: what a `.json` file holds, or a YAML document that starts with a brace and is JSON.

Values and marks come from the YAML reader, since JSON is YAML; this module finds where each object of the stream ends, and reads with
the JSON parser what libyaml cannot (characters outside the basic plane written as two `\\u` escapes).
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from seaway.core.codes import reading as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.core.origin import Origin
from seaway.resources.resource import Mark
from seaway.resources.yaml_events import Refused, read_events

_BLANKS = " \t\r\n"


class _DuplicateKey(ValueError):
    pass


def looks_like_json(text: str) -> bool:
    return text.lstrip(_BLANKS).startswith("{")


def read(text: str, first_line: int, file: str) -> tuple[tuple[tuple[Any, Mark], ...], Findings] | None:
    """The objects of a JSON stream, one after another. None where a text is not JSON and may still be YAML, unless the file is `*.json`."""
    objects: list[tuple[Any, Mark]] = []
    findings: list[Finding] = []
    decoder = json.JSONDecoder(object_pairs_hook=_without_duplicates)
    start = len(text) - len(text.lstrip(_BLANKS))
    while start < len(text):
        line, column = _position(text, start)
        try:
            value, end = decoder.raw_decode(text, start)
        except _DuplicateKey:
            end = json.JSONDecoder().raw_decode(text, start)[1]
            value = None
        except json.JSONDecodeError as error:
            if not objects and not findings and not file.endswith(".json"):
                return None
            where = Origin(file, first_line + error.lineno - 1, error.colno)
            advice = "Check this place and the line above: a comma, a quote or a bracket."
            findings.append(finding(codes.YAML_SYNTAX, where, problem=f"not JSON: {error.msg}", advice=advice))
            return tuple(objects), tuple(findings)
        except RecursionError:
            value, end = None, len(text)  # deeper than the YAML reader goes, too: it says where
        try:
            objects += read_events(" " * column + text[start:end], first_line + line, file, findings)
        except Refused as refused:
            findings.append(refused.finding)
        except yaml.YAMLError:
            objects.append((value, Mark(first_line + line, column + 1)))
        start = len(text) - len(text[end:].lstrip(_BLANKS))
    return tuple(objects), tuple(findings)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKey
    return found


def _position(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 0, of a character."""
    return text.count("\n", 0, index), index - text.rfind("\n", 0, index) - 1
