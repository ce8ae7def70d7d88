"""discoverySelectors: namespaces that the mesh does not look at. What is in them is as if it were not there, pods' traffic aside."""

from __future__ import annotations

from seaway.core.finding import Findings
from seaway.core.labels import matches
from seaway.frontends.istio.settings import HOME, Settings
from seaway.frontends.kubernetes.selection import read_selector
from seaway.resources.core_v1 import Namespace
from seaway.snapshot import Snapshot, snapshot_of


def discovered(snapshot: Snapshot, settings: Settings) -> tuple[Snapshot, Findings]:
    """The snapshot without objects in namespaces that no selector picks. The control plane's own namespace is always seen."""
    written = settings.written
    if written is None or not written.body.discovery_selectors:
        return snapshot, ()
    findings: Findings = ()
    selectors = []
    for index, one in enumerate(written.body.discovery_selectors):
        selector, problems = read_selector(one, written, ("discoverySelectors", index))
        findings += problems
        if not problems:
            selectors.append(selector)
    seen = {one.key.name for one in snapshot.of(Namespace) if any(matches(selector, one.meta.labels) for selector in selectors)}
    kept = (one for key, one in snapshot.objects.items() if not key.namespace or key.namespace in seen or key.namespace == HOME)
    return snapshot_of(kept, snapshot.findings, snapshot.not_modelled), findings
