"""Places in a manifest, handed down to what reads a part of it, so that each finding cites its own line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seaway.core.finding import Code, Finding, finding
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.resources.resource import Resource, Step


@dataclass(frozen=True, slots=True)
class Place:
    """A field of an object."""

    resource: Resource[Any]
    path: tuple[Step, ...] = ("spec",)

    @property
    def key(self) -> Key:
        return self.resource.key

    @property
    def origin(self) -> Origin:
        return self.resource.at(*self.path)

    def of(self, *steps: Step) -> Place:
        """A field below this one."""
        return Place(self.resource, (*self.path, *steps))

    def find(self, code: Code, /, **args: object) -> Finding:
        """A finding here."""
        return finding(code, self.origin, self.key, **args)
