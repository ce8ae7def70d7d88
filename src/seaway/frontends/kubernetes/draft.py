"""Pods before they have a place: the template that an object gives them, and what sets each apart.

Names, labels and counts are decided here; nodes, addresses and what runs come in `placement` and `pods`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.core.origin import Origin
from seaway.model.workload import PodName
from seaway.resources.core_v1 import Container, PodSpec
from seaway.resources.meta import ObjectMeta
from seaway.resources.resource import Resource, Step


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What the pods of one object share. `path` leads to the part of the object that holds the pod's metadata and spec: () for a Pod.

    `text` is its canonical JSON, which hashes are made of. `named_ports` maps (name, protocol) to the container port that a Service's
    `targetPort` of that name means: the first container that declares it decides.
    """

    resource: Resource[Any]
    path: tuple[Step, ...]
    meta: ObjectMeta
    spec: PodSpec
    text: str
    named_ports: Mapping[tuple[str, str], int]

    def at(self, *path: Step) -> Origin:
        """The origin of a field of the pod, e.g. `at("spec", "dnsPolicy")`."""
        return self.resource.at(*self.path, *path)

    @property
    def namespace(self) -> str:
        return self.resource.key.namespace

    @property
    def service_account(self) -> str:
        return self.spec.service_account_name or self.spec.service_account or "default"


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """One pod to be. `hostname` and `subdomain` are those of its spec ("" where not given); `ordinal` counts the pods of one object.

    `node` is the only node that may run it ("" for any). `finite` marks a Job's pod.
    """

    id: PodName
    template: Template
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    hostname: str
    subdomain: str
    ordinal: int
    node: str = ""
    finite: bool = False


def template_of(resource: Resource[Any], path: tuple[Step, ...], meta: ObjectMeta, spec: PodSpec, text: str) -> Template:
    """A template with its look-ups filled in."""
    named: dict[tuple[str, str], int] = {}
    for container, _ in running_containers(spec):
        for port in container.ports:
            if port.name:
                named.setdefault((port.name, port.protocol), port.container_port)
    return Template(resource, path, meta, spec, text, named)


def running_containers(spec: PodSpec) -> Iterator[tuple[Container, tuple[Step, ...]]]:
    """The containers that run while the pod does, with their path below the pod: containers, then sidecars.

    A sidecar is an init container with `restartPolicy: Always`
    (https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/).
    """
    for index, container in enumerate(spec.containers):
        yield container, ("spec", "containers", index)
    for index, container in enumerate(spec.init_containers):
        if container.restart_policy == "Always":
            yield container, ("spec", "initContainers", index)


def waits_for_init(spec: PodSpec) -> bool:
    """Whether init containers that must end come before the others."""
    return any(container.restart_policy != "Always" for container in spec.init_containers)
