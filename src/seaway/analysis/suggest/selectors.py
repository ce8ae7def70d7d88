"""Labels that select exactly the pods of a workload: as few as do, those first by which people call their applications."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from seaway.analysis.suggest.needs import Workload, workload_of
from seaway.model.index import Model
from seaway.model.workload import Pod

_MADE = frozenset(
    {
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
    }
)
"""Labels that controllers set, which differ between pods or with every change."""

_FIRST = (
    "app",
    "app.kubernetes.io/name",
    "k8s-app",
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "name",
    "component",
    "tier",
    "role",
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """`labels` select all pods of the workload, and those of the `others` too, which they cannot be told apart from."""

    labels: tuple[tuple[str, str], ...]
    others: tuple[Workload, ...] = ()


def choose_labels(model: Model) -> Mapping[Workload, Chosen]:
    """For each workload with pods in the pods' network, among the pods of its namespace."""
    by_namespace: defaultdict[str, defaultdict[Workload, list[Pod]]] = defaultdict(lambda: defaultdict(list))
    for pod in model.pods:
        if not pod.host_network:
            by_namespace[pod.id.namespace][workload_of(pod)].append(pod)
    return {
        workload: _chosen(workload, pods, workloads)
        for _, workloads in sorted(by_namespace.items())
        for workload, pods in sorted(workloads.items())
    }


def _chosen(workload: Workload, pods: list[Pod], workloads: Mapping[Workload, list[Pod]]) -> Chosen:
    common = set(pods[0].labels).intersection(*(pod.labels for pod in pods[1:]))
    labels = sorted((one for one in common if one[0] not in _MADE), key=_rank)
    foreign = {other: [frozenset(pod.labels) for pod in some] for other, some in workloads.items() if other != workload}
    for size in range(1, min(len(labels), 4) + 1):
        for some in combinations(labels, size):
            if not _taken(some, foreign):
                return Chosen(some)
    return Chosen(tuple(labels), _taken(labels, foreign))


def _taken(labels: Iterable[tuple[str, str]], foreign: Mapping[Workload, list[frozenset[tuple[str, str]]]]) -> tuple[Workload, ...]:
    wanted = frozenset(labels)
    return tuple(other for other, pods in foreign.items() if any(wanted <= one for one in pods))


def _rank(label: tuple[str, str]) -> tuple[int, str]:
    key = label[0]
    return (_FIRST.index(key) if key in _FIRST else len(_FIRST), key)
