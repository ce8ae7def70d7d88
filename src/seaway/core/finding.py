"""A finding: what is wrong in a manifest, where, why it matters, how to mend it.

Findings are values. Every stage returns its own and the pipeline joins them; the command line, the watch loop and the exit code
render the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from seaway.core.names import Key
from seaway.core.origin import Origin


class Severity(Enum):
    """`ERROR`: something will not work as written. `WARNING`: works otherwise than meant. `NOTE`: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Code:
    """One row of `core/codes.py`. `message`, `why` and `help` are `str.format` templates over the finding's arguments."""

    id: str
    severity: Severity
    message: str
    why: str
    help: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake at one place. `args` fill the code's templates; `key` is the object that it is about, if any."""

    code: Code
    origin: Origin
    key: Key | None = None
    args: tuple[tuple[str, str], ...] = field(default=())

    @property
    def severity(self) -> Severity:
        return self.code.severity

    @property
    def message(self) -> str:
        return self.code.message.format_map(dict(self.args))

    @property
    def why(self) -> str:
        return self.code.why.format_map(dict(self.args))

    @property
    def help(self) -> str:
        return self.code.help.format_map(dict(self.args))

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        return (self.origin.file, self.origin.line, self.origin.column, self.code.id, self.message)


Findings = tuple[Finding, ...]


def finding(code: Code, origin: Origin, key: Key | None = None, /, **args: object) -> Finding:
    """A finding with its template arguments; values are turned to text here, once."""
    return Finding(code, origin, key, tuple((name, str(value)) for name, value in args.items()))


def ordered(findings: Iterable[Finding]) -> Findings:
    """Sorted by place and without repeats: the order that every output shows."""
    return tuple(sorted(set(findings), key=lambda one: one.sort_key))
