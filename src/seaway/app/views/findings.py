"""Findings in the shape of the `check` document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from seaway.core.finding import Finding, Findings, Severity
from seaway.core.names import Key
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot


def check_document(findings: Findings, snapshot: Snapshot) -> dict[str, Any]:
    """`seaway check -o json`: findings, what was looked at, and counts."""
    kinds = Counter(key.kind for key in snapshot.objects)
    return {
        "findings": [finding_document(one, snapshot.objects) for one in findings],
        "coverage": {
            "resources": len(snapshot.objects),
            "kinds": dict(sorted(kinds.items())),
            "notModelled": [{"kind": kind, "count": count} for kind, count in sorted(snapshot.not_modelled.items())],
        },
        "summary": severity_counts(findings),
    }


def finding_document(one: Finding, objects: Mapping[Key, Resource[Any]]) -> dict[str, Any]:
    return {
        "code": one.code.id,
        "severity": one.severity.value,
        "message": one.message,
        "why": one.why,
        "help": one.help,
        "resource": reference(one.key, objects) if one.key else None,
        "file": one.origin.file,
        "line": one.origin.line,
        "column": one.origin.column,
        "field": one.origin.field,
        "fixable": False,
    }


def severity_counts(findings: Findings) -> dict[str, int]:
    counts = Counter(one.severity for one in findings)
    return {severity.value: counts[severity] for severity in Severity}


def reference(key: Key, objects: Mapping[Key, Resource[Any]]) -> dict[str, Any]:
    """A resource reference: apiVersion, kind, namespace, name, file, line."""
    resource = objects.get(key)
    return {
        "apiVersion": resource.api_version if resource else key.group,
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "file": resource.file if resource else "",
        "line": resource.mark.line if resource else 0,
    }
