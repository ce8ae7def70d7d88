"""What the API server would refuse: one finding a field, with the object left out by whoever asked."""

from __future__ import annotations

from typing import Any

from seaway.core.codes.workloads import INVALID_FIELD
from seaway.core.finding import Finding, Findings, Severity, finding
from seaway.resources.resource import Resource, Step, field_path


def refused(resource: Resource[Any], path: tuple[Step, ...], problem: str, advice: str) -> Finding:
    """The field at `path` breaks the API's validation: `problem` says how, without the field's name, which is put before it."""
    field = field_path(*path)
    return finding(INVALID_FIELD, resource.at(*path), resource.key, problem=f"{field} {problem}", kind=resource.key.kind, advice=advice)


def has_errors(findings: Findings) -> bool:
    return any(one.severity is Severity.ERROR for one in findings)
