"""How many pods an object makes, and their names, labels and host names.

Names are those that Kubernetes gives, with hashes in place of chance, so that the same manifests always give the same pods.
"""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.cidr import parse_cidr
from seaway.core.codes.workloads import JOB_PART, POD_RANGE_FULL
from seaway.core.finding import Findings, finding
from seaway.core.names import safe_hash
from seaway.frontends.kubernetes.draft import Draft, Template
from seaway.model.cluster import Cluster
from seaway.model.workload import PodName
from seaway.resources import apps_v1, core_v1

_BASE_LENGTH = 58  # apimachinery's maxGeneratedNameLength: 63 characters less the 5 of the suffix
INDEX_LABEL = "batch.kubernetes.io/job-completion-index"


def pods_of(template: Template, cluster: Cluster, findings: list[Findings]) -> Iterator[Draft]:
    """The pods that one object makes; what it asks for beyond reason is appended to `findings`."""
    resource = template.resource
    match resource.body:
        case core_v1.Pod():
            yield _bare(template)
        case apps_v1.Deployment(spec=spec):
            count = _fitting(template, spec.replicas, cluster, findings)
            digest = safe_hash(template.text, length=10)
            labels = {**template.meta.labels, "pod-template-hash": digest}
            yield from _replicas(template, f"{resource.key.name}-{digest}-", labels, count)
        case apps_v1.ReplicaSet(spec=spec):
            count = _fitting(template, spec.replicas, cluster, findings)
            yield from _replicas(template, f"{resource.key.name}-", template.meta.labels, count)
        case apps_v1.StatefulSet(spec=spec):
            start = spec.ordinals.start if spec.ordinals else 0
            for index in range(_fitting(template, spec.replicas, cluster, findings)):
                yield _member(template, spec.service_name, start + index)
        case apps_v1.DaemonSet():
            yield from _one_a_node(template, cluster)
        case apps_v1.Job(spec=spec):
            yield from _runs_of(template, spec, cluster, findings)
        case _:
            return


def _fitting(template: Template, asked: int | None, cluster: Cluster, findings: list[Findings]) -> int:
    """The number of pods asked for (1 where nothing is said), cut to what the nodes have addresses for."""
    wanted = 1 if asked is None else asked
    capacity = sum(span.size for node in cluster.nodes if (span := parse_cidr(node.pod_cidr)))
    if wanted > capacity and not template.spec.host_network:
        key = template.resource.key
        origin = template.resource.at("spec", "replicas")
        findings.append((finding(POD_RANGE_FULL, origin, key, missing=wanted - capacity, wanted=wanted, capacity=capacity),))
    return min(wanted, capacity)


def _bare(template: Template) -> Draft:
    """A Pod of its own; the reader has made a name of `generateName` already."""
    return _draft(template, template.resource.key.name, template.meta.labels, 0)


def _draft(template: Template, name: str, labels: dict[str, str], ordinal: int, node: str = "") -> Draft:
    spec = template.spec
    return Draft(
        PodName(template.namespace, name),
        template,
        labels,
        template.meta.annotations,
        spec.hostname or "",
        spec.subdomain or "",
        ordinal,
        node,
    )


def _replicas(template: Template, prefix: str, labels: dict[str, str], count: int) -> Iterator[Draft]:
    base = prefix[:_BASE_LENGTH]
    for index, suffix in enumerate(_suffixes(count, template.namespace, prefix)):
        yield _draft(template, base + suffix, labels, index)


def _suffixes(count: int, *seed: str) -> Iterator[str]:
    """Five characters each, none twice: the first ones stay when the count grows."""
    seen: set[str] = set()
    attempt = 0
    while len(seen) < count:
        suffix = safe_hash(*seed, str(attempt))
        attempt += 1
        if suffix not in seen:
            seen.add(suffix)
            yield suffix


def _member(template: Template, service: str, ordinal: int) -> Draft:
    """A StatefulSet's pod: its name is its host name, and the governing Service its subdomain."""
    name = f"{template.resource.key.name}-{ordinal}"
    labels = {
        **template.meta.labels,
        "apps.kubernetes.io/pod-index": str(ordinal),
        "controller-revision-hash": _controller_revision(template),
        "statefulset.kubernetes.io/pod-name": name,
    }
    return Draft(PodName(template.namespace, name), template, labels, template.meta.annotations, name, service, ordinal)


def _controller_revision(template: Template) -> str:
    digest = safe_hash(template.text, length=10)
    return f"{template.resource.key.name[:52]}-{digest}" if template.resource.key.kind == "StatefulSet" else digest


def _one_a_node(template: Template, cluster: Cluster) -> Iterator[Draft]:
    """A DaemonSet's pods: their names change with the template, as those of a rolling update do."""
    digest = _controller_revision(template)
    labels = {**template.meta.labels, "controller-revision-hash": digest}
    base = f"{template.resource.key.name}-"[:_BASE_LENGTH]
    wanted = template.spec.node_name or template.spec.node_selector.get("kubernetes.io/hostname")
    known = any(node.name == wanted for node in cluster.nodes)
    for index, node in enumerate(cluster.nodes):
        if node.name == wanted or not known:
            suffix = safe_hash(template.namespace, template.resource.key.name, node.name, digest)
            yield _draft(template, base + suffix, labels, index, node.name)


def _runs_of(template: Template, spec: apps_v1.JobSpec, cluster: Cluster, findings: list[Findings]) -> Iterator[Draft]:
    """The pods of a Job that run at once: its parallelism, at most its completions."""
    parallelism = 0 if spec.suspend else _fitting(template, spec.parallelism, cluster, findings)
    count = min(parallelism, spec.completions) if spec.completions is not None else parallelism
    resource = template.resource
    if spec.completions and 0 < count < spec.completions:
        origin = resource.at("spec", "completions")
        findings.append((finding(JOB_PART, origin, resource.key, running=count, completions=spec.completions),))
    labels = {**template.meta.labels, "batch.kubernetes.io/job-name": resource.key.name, "job-name": resource.key.name}
    for index, suffix in enumerate(_suffixes(count, template.namespace, resource.key.name, template.text)):
        yield _job_pod(template, spec.completion_mode == "Indexed", labels, index, suffix)


def _job_pod(template: Template, indexed: bool, labels: dict[str, str], index: int, suffix: str) -> Draft:
    name, spec = template.resource.key.name, template.spec
    annotations = template.meta.annotations
    base, hostname = f"{name}-"[:_BASE_LENGTH], spec.hostname or ""
    if indexed:
        tail = f"-{index}-"
        base, hostname = name[: _BASE_LENGTH - len(tail)] + tail, f"{name}-{index}"
        labels, annotations = {**labels, INDEX_LABEL: str(index)}, {**annotations, INDEX_LABEL: str(index)}
    return Draft(
        PodName(template.namespace, base + suffix), template, labels, annotations, hostname, spec.subdomain or "", index, finite=True
    )
