"""Which objects are let through to Envoy: all, but for those that it has refused, which stay at their last good version.

The search for culprits is `protocols/admission.py`; here its tries become snapshots, and its verdict findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seaway.core.codes.engines import ENVOY_REFUSED
from seaway.core.finding import Findings, finding
from seaway.core.names import Key
from seaway.protocols.admission import Admission, Quarantine, Refused, Verdict
from seaway.protocols.xds_stream import Refused as RefusedResources
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot, snapshot_of

Objects = Mapping[Key, Resource[Any]]


class Gate:
    """Remembers the objects as all Envoys last took them, and those that are held back."""

    def __init__(self) -> None:
        self._good: Objects = {}
        self._held: Quarantine = Quarantine()
        self.findings: Findings = ()

    def admitted(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with what is held back at its last good version, or without it. An object that has changed since is let through."""
        wanted = _digests(snapshot.objects)
        self._held = self._held.refreshed(wanted)
        self.findings = tuple(one for key, (_, words) in sorted(self._held.entries.items()) for one in self._found(key, words, snapshot))
        if not self._held.entries:
            return snapshot
        return self.variant(snapshot, frozenset(snapshot.objects.keys() | self._good.keys()) - frozenset(self._held.entries))

    def variant(self, snapshot: Snapshot, changes: frozenset[Key]) -> Snapshot:
        """The last good objects with only these keys as the snapshot has them."""
        objects = dict(self._good)
        for key in changes:
            objects.pop(key, None)
            if key in snapshot.objects:
                objects[key] = snapshot.objects[key]
        return snapshot_of(objects.values(), snapshot.findings, snapshot.not_modelled)

    def accepted(self, snapshot: Snapshot) -> None:
        """All Envoys hold what was made of these objects."""
        self._good = snapshot.objects

    def search(self, snapshot: Snapshot, refusals: Iterable[RefusedResources]) -> Admission:
        """A search for the culprits behind these refusals of what was made of `snapshot`."""
        wanted = _digests(snapshot.objects)
        return Admission(sorted(self._held.admitted(_digests(self._good), wanted)), as_outcome(refusals))

    def conclude(self, snapshot: Snapshot, verdict: Verdict) -> None:
        """Holds the culprits back: `admitted` says what is left."""
        self._held = self._held.holding(verdict.culprits, _digests(snapshot.objects))

    def _found(self, key: Key, words: str, snapshot: Snapshot) -> Findings:
        """The finding about one that is held back, at its own line. Its absence may be what Envoy refuses: then at its former line."""
        resource = snapshot.objects.get(key) or self._good.get(key)
        kept = "its last good version" if key in self._good else "nothing"
        return (finding(ENVOY_REFUSED, resource.origin, key, object=key, words=words, kept=kept),) if resource is not None else ()


def as_outcome(refusals: Iterable[RefusedResources]) -> Refused:
    """Refused resources as the search hears of them: Envoy's words, and the objects behind the suspects."""
    every = tuple(refusals)
    owners = frozenset(key for one in every for resource in one.suspects for key in resource.owners)
    return Refused("; ".join(dict.fromkeys(one.message for one in every)), owners)


def _digests(objects: Objects) -> dict[Key, str]:
    return {key: resource.digest for key, resource in objects.items()}
