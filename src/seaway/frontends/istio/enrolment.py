"""Who is in the mesh. Nobody is yet."""

from __future__ import annotations

from seaway.core.finding import Findings
from seaway.core.origin import GENERATED
from seaway.frontends.istio.settings import Settings
from seaway.model.mesh import Member, Outsider
from seaway.model.workload import Pod
from seaway.snapshot import Snapshot


def enrol(snapshot: Snapshot, pods: tuple[Pod, ...], settings: Settings) -> tuple[tuple[Member, ...], tuple[Outsider, ...], Findings]:
    """Every pod is either a member (with its identity; `scope` is left to `scopes`) or an outsider, both in the order of `pods`."""
    del snapshot, settings
    return (), tuple(Outsider(pod.id, "nothing enrols it", GENERATED) for pod in pods), ()
