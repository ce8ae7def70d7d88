"""One object as its manifest has it, with the place of each of its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.resources.meta import ObjectMeta

Step: TypeAlias = str | int
Body = TypeVar("Body", covariant=True)


TEXT: Final = "|"
"""The one child of a literal block's mark: where its text begins. Its lines are the file's lines, in order."""


@dataclass(slots=True)
class Mark:
    """Position of one YAML node (line and column from 1) and of its children, by key or index. A mapping's child is marked at its key."""

    line: int
    column: int
    children: Mapping[Step, Mark] | None = None

    def moved(self, lines: int, columns: int = 0, seen: dict[int, Mark] | None = None) -> Mark:
        """The same mark elsewhere, with all below it, which is no deeper than the YAML reader allows. `seen` keeps shared what aliases
        share."""
        known = seen if seen is not None else {}
        found = known.get(id(self))
        if found is None:
            below = self.children
            children = {step: child.moved(lines, columns, known) for step, child in below.items()} if below is not None else None
            found = known[id(self)] = Mark(self.line + lines, self.column + columns, children)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Resource(Generic[Body]):
    """An object: its typed `body` (one of the structs of this package), the plain data behind it, and where all of it stands.

    `digest` is a hash of the plain data: two resources with equal key and digest mean the same, wherever they stand.
    """

    key: Key
    api_version: str
    meta: ObjectMeta
    body: Body
    raw: Mapping[str, Any]
    file: str
    mark: Mark
    digest: str

    @property
    def origin(self) -> Origin:
        return Origin(self.file, self.mark.line, self.mark.column)

    def at(self, *path: Step) -> Origin:
        """The origin of a field, e.g. `at("spec", "rules", 0, "host")`; of its nearest existing parent where it is absent."""
        return place_of(self.file, self.mark, path)


def place_of(file: str, mark: Mark, path: tuple[Step, ...]) -> Origin:
    """The origin of the value at this path below a mark; of its nearest existing parent where it is absent."""
    for step in path:
        child = mark.children.get(step) if mark.children else None
        if child is None:
            break
        mark = child
    return Origin(file, mark.line, mark.column, field_path(*path))


def field_path(*path: Step) -> str:
    """`("spec", "rules", 0)` as `spec.rules[0]`; keys that hold dots or slashes are quoted: `metadata.annotations["a/b"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif "." in step or "/" in step:
            text += f'["{step}"]'
        else:
            text += f".{step}" if text else step
    return text
