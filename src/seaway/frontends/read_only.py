"""Kinds that are read and checked while no frontend acts on them yet: said once a kind, so that nobody takes silence for effect."""

from __future__ import annotations

from seaway.core.codes.reading import READ_ONLY
from seaway.core.finding import Findings, finding
from seaway.resources.istio.telemetry import Telemetry
from seaway.resources.meta import Struct
from seaway.snapshot import Snapshot

READ_ONLY_KINDS: tuple[type[Struct], ...] = (Telemetry,)
"""A frontend that acts on a kind takes its row away."""


def note_read_only(snapshot: Snapshot, kinds: tuple[type[Struct], ...]) -> Findings:
    """One note for each of these kinds that the manifests hold, at its first object."""
    notes: Findings = ()
    for kind in kinds:
        if found := sorted(snapshot.of(kind), key=lambda one: (one.file, one.mark.line)):
            count = "one object" if len(found) == 1 else f"{len(found)} objects"
            notes += (finding(READ_ONLY, found[0].origin, kind=kind.__name__, count=count),)
    return notes
