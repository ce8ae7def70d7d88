"""Why: the rules and policies behind a verdict, as references with file and line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.policies.causes import Cause, Reason, RuleRef
from seaway.model.policies.language import Direction, HttpMatch, Layer7, Requests
from seaway.model.policies.verdicts import PortVerdict
from seaway.resources.kinds import KINDS

_API_VERSIONS = {(kind.group, kind.name): kind.api_version for kind in KINDS.values()}


@dataclass(frozen=True, slots=True)
class Line:
    """A line that decided, and in words what it says. `only` is what a rule of layer 7 narrows it to, "" for all."""

    key: Key
    origin: Origin
    text: str
    only: str = ""

    def __str__(self) -> str:
        narrowed = f", only {self.only}" if self.only else ""
        return f"{self.text} of {self.key} ({self.origin}){narrowed}"


Because = tuple[Line, ...]


def why_allowed(verdict: PortVerdict) -> Because:
    """The rules that let it pass, the source's first; none where no policy has a say."""
    return (*cause_lines(verdict.egress, Direction.EGRESS), *cause_lines(verdict.ingress, Direction.INGRESS))


def why_denied(verdict: PortVerdict) -> Because:
    """The rules or policies of the sides that deny it."""
    sides = ((verdict.egress, Direction.EGRESS), (verdict.ingress, Direction.INGRESS))
    return tuple(line for cause, direction in sides if cause.reason in _DENY for line in cause_lines(cause, direction))


_DENY = (Reason.DENIED, Reason.DEFAULT_DENY)


def cause_lines(cause: Cause, direction: Direction) -> Because:
    """Those of one side."""
    if cause.reason is Reason.DEFAULT_DENY:
        return tuple(Line(key, origin, f"default deny of {direction.value}") for key, origin in cause.policies)
    word = "deny rule" if cause.reason is Reason.DENIED else "rule"
    return tuple(Line(one.policy, one.origin, f"{direction.value} {word} {_named(one)}", _narrowed(one.layer7)) for one in cause.rules)


def _named(rule: RuleRef) -> str:
    return f"{rule.index + 1}{f' ({rule.name})' if rule.name else ''}"


def _narrowed(layer7: Layer7 | None) -> str:
    match layer7:
        case None:
            return ""
        case Requests(matches):
            return " or ".join(map(_request, matches)) or "HTTP requests"
        case _:
            return "lookups of " + ", ".join(layer7.patterns)


def _request(match: HttpMatch) -> str:
    headers = (f"{name}: {value}" if value else name for name, value in match.headers)
    return " ".join(part for part in (match.method or "any method", match.host, match.path, *headers) if part)


def reference(key: Key, origin: Origin) -> dict[str, Any]:
    """A resource reference; file and line are those that decided."""
    return {
        "apiVersion": _API_VERSIONS.get((key.group, key.kind), key.group),
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "file": origin.file,
        "line": origin.line,
    }


def line_document(line: Line) -> dict[str, Any]:
    return {**reference(line.key, line.origin), "text": line.text, **({"only": line.only} if line.only else {})}
