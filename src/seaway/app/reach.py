"""`seaway reach` of manifests that are not running, of the running network, and between the two."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from seaway.analysis.reach.diff import diff_document
from seaway.analysis.reach.document import reach_document
from seaway.app.checking import build_paths
from seaway.core.finding import Severity
from seaway.frontends.build import Built, build_model
from seaway.model.index import Model
from seaway.snapshot import Snapshot
from seaway.sources.files import FileSource


@dataclass(frozen=True, slots=True)
class Asked:
    """Pods or workloads, from and to whom; None is everyone."""

    pods: bool = False
    source: str | None = None
    target: str | None = None


def reach_of(model: Model, asked: Asked) -> dict[str, Any]:
    """The `reach` document of a model."""
    return reach_document(model, asked.pods, asked.source, asked.target)


def reach_paths(paths: list[str], settings: str | None, asked: Asked) -> dict[str, Any]:
    """The `reach` document of these manifests."""
    snapshot, built = build_paths(paths, settings)
    warn_of_errors(paths, snapshot, built)
    return reach_of(built.model, asked)


def diff_paths(paths: list[str], other: str, settings: str | None, asked: Asked) -> dict[str, Any]:
    """What changes from these manifests to those of `other`. Addresses stay where they are."""
    _, before = build_paths(paths, settings)
    _, after = build_paths([other], settings, before.leases)
    return diff_document(before.model, after.model, asked.pods, asked.source, asked.target)


def diff_with(running: Built, other: str, asked: Asked) -> dict[str, Any]:
    """What changes from the running network to these manifests."""
    after = build_model(FileSource((other,), None).read(), running.model.cluster, running.leases)
    return diff_document(running.model, after.model, asked.pods, asked.source, asked.target)


def warn_of_errors(paths: list[str], snapshot: Snapshot, built: Built) -> None:
    """Objects with mistakes are left out of the answer, which somebody has to know."""
    errors = sum(one.code.severity is Severity.ERROR for one in (*snapshot.findings, *built.findings))
    if errors:
        print(f"{errors} errors in the manifests: `seaway check {' '.join(paths)}`", file=sys.stderr)
