"""YAML and JSON text as plain data, with the place of every value. What the data means is left to `load.py`.

The text is cut at `---` lines before it is parsed, so that a broken document takes no other with it. The parser is libyaml's; its events
are turned into data without recursion. Limits keep hostile text cheap: nesting, and what aliases expand to.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from seaway.core.codes import reading as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.core.origin import Origin
from seaway.resources import json_text
from seaway.resources.resource import Mark
from seaway.resources.yaml_events import Refused, read_events

MAX_CHARACTERS = 16 * 1024 * 1024
"""Of one file. Kubernetes takes no object above 1.5 MB, so this is thousands of them."""

_SEPARATOR = re.compile(r"^(?:%[^\n]*\n)*---(?=[ \t\r\n]|\Z)", re.MULTILINE)  # with the directives that belong to the document after it
_GLUED = re.compile(r"^---[^ \t\r\n][^\n]*", re.MULTILINE)
_BLANK = re.compile(r"(?:[ \t\r]*(?:#[^\n]*)?(?:\n|\Z))*")
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ADVICE = (
    (
        "mapping values are not allowed",
        "Put the value in quotes if it holds `: `, or check the indentation of this line and the one above.",
    ),
    ("could not find expected ':'", "A key needs `: ` after it; check the indentation of this line and the one above."),
    ("did not find expected key", "Check the indentation: all keys of one mapping start in the same column."),
    ("did not find expected '-'", "Check the indentation: all items of one list start in the same column."),
    ("unexpected end of stream", "A quote that is opened here is never closed."),
    ("did not find expected ',' or", "A bracket that is opened here is not closed, or a comma is missing."),
    ("cannot start any token", "Put the text in quotes: it begins with a character that has a meaning in YAML."),
    ("escape", "Use single quotes, in which a backslash is just a backslash."),
)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a stream: plain data as JSON could hold it, and the marks of all of its values. Empty documents are left out."""

    value: Any
    mark: Mark


@dataclass(frozen=True, slots=True)
class Chunk:
    """The text of (nearly always) one document and the line, from 1, that it starts on."""

    text: str
    line: int


# Python imports a codec when it is first used, and remembers for good that it could not (out of file descriptors, say).
_UTF_8, _UTF_16 = codecs.lookup("utf-8-sig"), codecs.lookup("utf-16")


def decode(data: bytes, file: str) -> str | Finding:
    """The text of a file: UTF-8, or UTF-16 where a byte order mark says so. A finding with the place of the first bad byte otherwise."""
    encoding = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "UTF-8"
    try:
        return (_UTF_16 if encoding == "UTF-16" else _UTF_8).decode(data)[0]
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-16" if encoding == "UTF-16" else "utf-8", "replace").removeprefix("\ufeff")
        problem = f"byte 0x{error.object[error.start]:02x}: {error.reason}" if error.start < len(error.object) else error.reason
        return finding(codes.NOT_UTF8, _origin_after(before, file), encoding=encoding, problem=problem)


def split(text: str) -> Iterator[Chunk]:
    """The text cut at its `---` lines. Pieces without content are left out; one piece holds more than one document only after `...`."""
    start, line = 0, 1
    while start < len(text):
        own = _SEPARATOR.match(text, start)
        following = _SEPARATOR.search(text, own.end() if own is not None else start)
        end = following.start() if following is not None else len(text)
        piece = text[start:end]
        blank = _BLANK.match(text, own.end() if own is not None else start, end)
        if blank is None or blank.end() != end:
            yield Chunk(piece, line)
        line += piece.count("\n")
        start = end


def read(chunk: Chunk, file: str) -> tuple[tuple[Document, ...], Findings]:
    """The documents of one chunk. A document with a finding is left out; the ones before it in the chunk stay."""
    if control := _CONTROL.search(chunk.text):
        origin = _origin_after(chunk.text[: control.start()], file, chunk.line)
        return (), (finding(codes.CONTROL_CHARACTER, origin, character=f"U+{ord(control.group()):04X}"),)
    if json_text.looks_like_json(chunk.text):
        found = json_text.read(chunk.text, chunk.line, file)
        if found is not None:
            return tuple(Document(value, mark) for value, mark in found[0]), found[1]
    documents: list[Document] = []
    findings: list[Finding] = []
    try:
        for value, mark in read_events(chunk.text, chunk.line, file, findings):
            documents.append(Document(value, mark))
    except Refused as refused:
        findings.append(_if_template(refused.finding, chunk))
    except yaml.YAMLError as error:
        return _recovered(chunk, file, documents, _syntax_finding(error, chunk, file))
    return tuple(documents), tuple(findings)


def _recovered(chunk: Chunk, file: str, before: list[Document], broken: Finding) -> tuple[tuple[Document, ...], Findings]:
    """Reads the pieces between lines such as `---junk` on their own, where such a line is what breaks the chunk."""
    glued = _GLUED.search(chunk.text, 1)
    if glued is None:
        return tuple(before), (broken,)
    line = chunk.line + chunk.text.count("\n", 0, glued.start())
    findings = [finding(codes.BAD_SEPARATOR, Origin(file, line, 1), line=glued.group().rstrip()[:40])]
    documents: list[Document] = []
    for piece in (Chunk(chunk.text[: glued.start()], chunk.line), Chunk(chunk.text[glued.end() :].removeprefix("\n"), line + 1)):
        more, problems = read(piece, file)
        documents += more
        findings += problems
    return tuple(documents), tuple(findings)


def _syntax_finding(error: yaml.YAMLError, chunk: Chunk, file: str) -> Finding:
    if not isinstance(error, yaml.MarkedYAMLError):
        return finding(codes.YAML_SYNTAX, Origin(file, chunk.line, 1), problem=str(error), advice="Check the characters of this document.")
    problem = error.problem or "unknown error"
    place = error.problem_mark or error.context_mark
    if error.context_mark is not None and ("unexpected end of stream" in problem or error.context == "while parsing a flow mapping"):
        place = error.context_mark  # where the quote or bracket is opened says more than where the text ends
    last = chunk.text.rstrip("\n").count("\n")
    line, column = (place.line, place.column) if place is not None else (0, 0)
    if line > last:  # at the end of the text: its last character is what an editor can show
        line, column = last, max(len(_line(chunk, last)) - 1, 0)
    origin = Origin(file, chunk.line + line, column + 1)
    if _line(chunk, line)[column : column + 1] == "\t":
        return finding(codes.YAML_SYNTAX, origin, problem="a tab where YAML allows spaces only", advice="Indent with spaces.")
    advice = next((text for part, text in _ADVICE if part in problem), "Check this line and the one above.")
    return _if_template(finding(codes.YAML_SYNTAX, origin, problem=problem, advice=advice), chunk)


def _if_template(found: Finding, chunk: Chunk) -> Finding:
    """Says what a line with `{{` probably is: a template, whose mistakes as YAML would mislead."""
    if "{{" not in _line(chunk, found.origin.line - chunk.line):
        return found
    advice = "Render it first (`helm template`), and read what comes out."
    return finding(codes.YAML_SYNTAX, found.origin, problem="this looks like a template", advice=advice)


def _line(chunk: Chunk, number: int) -> str:
    """A line of the chunk, counted from 0; empty where there is none."""
    lines = chunk.text.split("\n", number + 1)
    return lines[number] if number < len(lines) else ""


def _origin_after(before: str, file: str, first_line: int = 1) -> Origin:
    """The place of the character that follows this text."""
    return Origin(file, first_line + before.count("\n"), len(before) - before.rfind("\n"))
