"""Controllers of pods: apps/v1 Deployment, ReplicaSet, StatefulSet, DaemonSet and batch/v1 Job.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
"""

from __future__ import annotations

from seaway.resources.core_v1 import PodTemplateSpec
from seaway.resources.meta import LabelSelector, ObjectMeta, Struct


class DeploymentSpec(Struct, frozen=True, kw_only=True):
    template: PodTemplateSpec
    selector: LabelSelector | None = None
    replicas: int | None = None


class Deployment(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: DeploymentSpec


class ReplicaSetSpec(Struct, frozen=True, kw_only=True):
    template: PodTemplateSpec = PodTemplateSpec()
    selector: LabelSelector | None = None
    replicas: int | None = None


class ReplicaSet(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: ReplicaSetSpec


class StatefulSetOrdinals(Struct, frozen=True, kw_only=True):
    start: int = 0


class StatefulSetSpec(Struct, frozen=True, kw_only=True):
    template: PodTemplateSpec
    selector: LabelSelector | None = None
    service_name: str = ""
    replicas: int | None = None
    ordinals: StatefulSetOrdinals | None = None


class StatefulSet(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: StatefulSetSpec


class DaemonSetSpec(Struct, frozen=True, kw_only=True):
    template: PodTemplateSpec
    selector: LabelSelector | None = None


class DaemonSet(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: DaemonSetSpec


class JobSpec(Struct, frozen=True, kw_only=True):
    template: PodTemplateSpec
    parallelism: int | None = None
    completions: int | None = None
    completion_mode: str = "NonIndexed"
    suspend: bool = False


class Job(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: JobSpec
