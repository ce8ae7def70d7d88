"""Where a thing comes from: a field of an object, on a line of a file.

An `Origin` travels with everything built from a manifest, so that a finding, an Envoy route and a flow can all cite the same line.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A place in a manifest. `line` and `column` count from 1; 0 means unknown. `field` is a path such as `spec.rules[0].host`."""

    file: str
    line: int = 0
    column: int = 0
    field: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def full(self) -> str:
        """`file:line:column`, as compilers print it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


GENERATED = Origin(file="(made by seaway)")
"""The origin of objects that no manifest holds, such as the gateway that is made where the manifests have none."""
