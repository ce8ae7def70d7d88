"""Where a field of a pod stands: in the pod itself, or in the template of the object that makes it."""

from __future__ import annotations

from seaway.core.origin import Origin
from seaway.model.workload import Pod
from seaway.resources.core_v1 import Pod as PodResource
from seaway.resources.resource import Step
from seaway.snapshot import Snapshot


def pod_field(snapshot: Snapshot, pod: Pod, *path: Step) -> Origin:
    """The origin of a field, e.g. `"metadata", "labels", "app"`; of its nearest existing parent where it is absent."""
    owner = snapshot.objects.get(pod.owner)
    if owner is None:
        return pod.origin
    return owner.at(*(() if isinstance(owner.body, PodResource) else ("spec", "template")), *path)
