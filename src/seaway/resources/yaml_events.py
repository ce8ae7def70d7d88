"""libyaml's events as plain data and marks, as sigs.k8s.io/yaml converts YAML to JSON. Iterative: depth costs no stack.

What go-yaml v2 does and YAML users may not expect: a merge key (`<<`) that follows a key of the same mapping overrides it, tags on
collections are ignored, and keys of any scalar type become text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml

from seaway.core.codes import reading as codes
from seaway.core.finding import Code, Finding, finding
from seaway.core.origin import Origin
from seaway.resources.resource import TEXT, Mark, Step
from seaway.resources.scalars import key_text, resolve_bare, resolve_tagged

MAX_DEPTH: Final = 200
MAX_ALIASED: Final = 100_000
"""Values that the aliases of one document may expand to."""

_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # the second gives the same events, ten times slower
_BLOCK: Final = re.compile(r"\|[-+]?(?:[ \t][^\n]*)?\r?\n(?:[ \t\r]*\n)*( *)")
_MERGE: Final = "\0merge"  # cannot be a key: NUL is refused before


class Refused(Exception):
    """The document cannot be read any further; what follows it in the same text is lost."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class _Frame:
    """A mapping or list that is being filled. `size` counts the values in it, those of expanded aliases included."""

    __slots__ = ("anchor", "is_mapping", "key", "key_mark", "mark", "marks", "merged", "parent", "size", "value")

    def __init__(self, parent: _Frame | None, mark: Mark, anchor: str | None, is_mapping: bool) -> None:
        self.parent = parent
        self.mark = mark
        self.anchor = anchor
        self.is_mapping = is_mapping
        self.value: Any = {} if is_mapping else []
        self.marks: dict[Step, Mark] = {}
        self.merged: set[str] = set()
        self.key: str | None = None
        self.key_mark = mark
        self.size = 1


class _Document:
    """Builds one document out of its events."""

    def __init__(self, text: str, first_line: int, file: str, findings: list[Finding]) -> None:
        self._text = text
        self._first_line = first_line
        self._file = file
        self._findings = findings
        self._frame: _Frame | None = None
        self._depth = 0
        self._aliased = 0
        self._anchors: dict[str, tuple[Any, Mark, int]] = {}
        self._open: set[str] = set()
        self.root: tuple[Any, Mark] | None = None

    def scalar(self, event: yaml.ScalarEvent) -> None:
        start = event.start_mark
        mark = Mark(self._first_line + start.line, start.column + 1, self._block(event) if event.style == "|" else None)
        frame = self._frame
        value: Any = event.value
        if event.tag is not None:
            value = self._tagged(event, mark)
        elif event.implicit[0]:
            value = resolve_bare(value)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, mark, 1)
        if frame is not None and frame.is_mapping and frame.key is None:
            merges = event.value == "<<" and (event.implicit[0] or event.tag == "tag:yaml.org,2002:merge")
            self._start_entry(frame, _MERGE if merges else value, mark)
            return
        if type(value) is float and (value - value) != 0:
            raise self._refused(codes.BAD_VALUE, mark, problem=f"{event.value} is not a number in JSON")
        self._add(value, mark, 1)

    def alias(self, event: yaml.AliasEvent) -> None:
        mark = Mark(self._first_line + event.start_mark.line, event.start_mark.column + 1)
        name: str = event.anchor
        if name in self._open:
            raise self._refused(codes.BAD_VALUE, mark, problem=f"anchor `{name}` contains itself")
        if name not in self._anchors:
            raise self._refused(codes.BAD_VALUE, mark, problem=f"alias `*{name}` refers to an anchor that does not exist above it")
        value, target, size = self._anchors[name]
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise self._refused(codes.ALIAS_EXPANSION, mark, limit=f"{MAX_ALIASED:,}")
        frame = self._frame
        if frame is not None and frame.is_mapping and frame.key is None:
            self._start_entry(frame, value, mark)
            return
        mark.children = target.children
        self._add(value, mark, size)

    def start_mapping(self, event: yaml.MappingStartEvent) -> None:
        self._start(event, is_mapping=True)

    def start_list(self, event: yaml.SequenceStartEvent) -> None:
        self._start(event, is_mapping=False)

    def end(self, _event: yaml.Event) -> None:
        frame = self._frame
        assert frame is not None
        frame.mark.children = frame.marks
        self._depth -= 1
        if frame.anchor is not None:
            self._open.discard(frame.anchor)
            self._anchors[frame.anchor] = (frame.value, frame.mark, frame.size)
        self._frame = frame.parent
        self._add(frame.value, frame.mark, frame.size)

    def _start(self, event: Any, *, is_mapping: bool) -> None:
        mark = Mark(self._first_line + event.start_mark.line, event.start_mark.column + 1)
        frame = self._frame
        if frame is not None and frame.is_mapping and frame.key is None:
            raise self._refused(codes.BAD_VALUE, mark, problem="a mapping or list as a key")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refused(codes.TOO_DEEP, mark, limit=MAX_DEPTH)
        if event.anchor is not None:
            self._open.add(event.anchor)
        self._frame = _Frame(frame, mark, event.anchor, is_mapping)

    def _start_entry(self, frame: _Frame, key: Any, mark: Mark) -> None:
        if type(key) is not str:
            if isinstance(key, (dict, list)):
                raise self._refused(codes.BAD_VALUE, mark, problem="a mapping or list as a key")
            try:
                key = key_text(key)
            except ValueError as error:
                raise self._refused(codes.BAD_VALUE, mark, problem=str(error)) from error
        if key in frame.value and key not in frame.merged:
            first = frame.marks[key].line
            self._findings.append(finding(codes.DUPLICATE_KEY, self._origin(mark), key=f"`{key}`", first=first))
        frame.merged.discard(key)
        frame.key = key
        frame.key_mark = mark

    def _add(self, value: Any, mark: Mark, size: int) -> None:
        frame = self._frame
        if frame is None:
            self.root = (value, mark)
            return
        frame.size += size
        if not frame.is_mapping:
            frame.marks[len(frame.value)] = mark
            frame.value.append(value)
            return
        key, key_mark = frame.key, frame.key_mark
        assert key is not None
        frame.key = None
        if key is _MERGE:
            self._merge(frame, value, mark)
            return
        key_mark.children = mark.children
        frame.value[key] = value
        frame.marks[key] = key_mark

    def _merge(self, frame: _Frame, value: Any, mark: Mark) -> None:
        """`<<: *one` or `<<: [*one, *two]`; of several the earlier wins."""
        many = isinstance(value, list)
        sources: list[Any] = list(value) if many else [value]
        for index in reversed(range(len(sources))):
            source = sources[index]
            place = mark.children[index] if many and mark.children else mark
            if not isinstance(source, dict):
                raise self._refused(codes.BAD_VALUE, mark, problem="`<<` takes a mapping, or a list of mappings")
            frame.value.update(source)
            frame.marks.update(place.children or {})
            frame.merged.update(source)

    def _tagged(self, event: yaml.ScalarEvent, mark: Mark) -> Any:
        try:
            return resolve_tagged(event.tag, event.value)
        except ValueError as error:
            raise self._refused(codes.BAD_VALUE, mark, problem=str(error)) from error

    def _block(self, event: yaml.ScalarEvent) -> dict[Step, Mark] | None:
        """Where the text of a literal block begins: none that says its indentation itself (`|2`), whose columns cannot be told."""
        header = _BLOCK.match(self._text, event.start_mark.index)
        return {TEXT: Mark(self._first_line + event.start_mark.line + 1, len(header[1]) + 1)} if header is not None else None

    def _origin(self, mark: Mark) -> Origin:
        return Origin(self._file, mark.line, mark.column)

    def _refused(self, code: Code, mark: Mark, **args: object) -> Refused:
        return Refused(finding(code, self._origin(mark), **args))


def read_events(text: str, first_line: int, file: str, findings: list[Finding]) -> Iterator[tuple[Any, Mark]]:
    """The documents of this text, without the empty ones. `first_line` is the line, from 1, that the text starts on.

    Documents with duplicate keys are left out and reported in `findings`. Raises `Refused`, or `yaml.YAMLError` for syntax.
    """
    parser = _LOADER(text)
    document = _Document(text, first_line, file, findings)
    known = len(findings)
    act: dict[type, Callable[[Any], None]] = {}
    while True:
        event = parser.get_event()
        kind = type(event)
        if kind is yaml.StreamEndEvent or event is None:
            return
        if kind is yaml.DocumentStartEvent:
            document = _Document(text, first_line, file, findings)
            known = len(findings)
            act = {
                yaml.ScalarEvent: document.scalar,
                yaml.AliasEvent: document.alias,
                yaml.MappingStartEvent: document.start_mapping,
                yaml.SequenceStartEvent: document.start_list,
                yaml.MappingEndEvent: document.end,
                yaml.SequenceEndEvent: document.end,
            }
        elif kind is yaml.DocumentEndEvent:
            if document.root is not None and document.root[0] is not None and len(findings) == known:
                yield document.root
        elif kind is not yaml.StreamStartEvent:
            act[kind](event)
