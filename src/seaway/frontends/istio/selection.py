"""Which pods a security policy is for: its namespace, or all of them from the root namespace, and a selector.

Shared by AuthorizationPolicy and RequestAuthentication; as pilot/pkg/model/policyattachment.go of https://github.com/istio/istio.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from seaway.model.workload import Pod
from seaway.resources.istio.selection import PolicyTargetReference, WorkloadSelector

_TARGETS = {
    ("core", "Service"),
    ("", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
}


@dataclass(frozen=True, slots=True)
class Selection:
    """`namespace` is None for all. A star in a label's name or value, which Istio refuses, stands for any text: it is what was meant.

    `attached`: the policy is for other objects (targetRefs), and no pod here.
    """

    namespace: str | None
    labels: tuple[tuple[str, str], ...]
    attached: bool = False

    def takes(self, pod: Pod) -> bool:
        if self.attached or self.namespace not in (None, pod.id.namespace):
            return False
        labels = dict(pod.labels)
        return all(_has(labels, key, value) for key, value in self.labels)

    def __str__(self) -> str:
        where = f"namespace {self.namespace}" if self.namespace is not None else "the mesh"
        labels = ", ".join(f"{key}: {value}" for key, value in self.labels)
        return f"no pod of {where} is labelled {labels}" if labels else f"there is no pod in {where}"


def _has(labels: Mapping[str, str], key: str, value: str) -> bool:
    if "*" not in key and "*" not in value:
        return labels.get(key) == value
    return any(fnmatchcase(name, _pattern(key)) and fnmatchcase(given, _pattern(value)) for name, given in labels.items())


def _pattern(text: str) -> str:
    """Only stars mean something."""
    return text.replace("[", "[[]").replace("?", "[?]")


@dataclass(frozen=True, slots=True)
class Written:
    """The fields of a policy that say what it is for."""

    selector: WorkloadSelector | None
    target_ref: PolicyTargetReference | None
    target_refs: tuple[PolicyTargetReference, ...]

    @property
    def targets(self) -> tuple[PolicyTargetReference, ...]:
        return self.target_refs or ((self.target_ref,) if self.target_ref is not None else ())

    @property
    def problem(self) -> str:
        """Why upstream refuses them; "" where it does not. Beside a selector, targetRefs do not count."""
        if (self.selector is not None) + (self.target_ref is not None) + bool(self.target_refs) > 1:
            return "only one of selector, targetRef and targetRefs may be given"
        for key, value in (self.selector.match_labels if self.selector else {}).items():
            if not key or "*" in key or "*" in value:
                return f"selector {key}: {value} is no label: stars are not allowed" if key else "selector holds an empty key"
        return next((problem for one in self.targets if (problem := _target_problem(one))), "")

    def selection(self, namespace: str, root: str) -> Selection:
        labels = tuple(sorted((self.selector.match_labels if self.selector else {}).items()))
        return Selection(None if namespace == root else namespace, labels, attached=self.selector is None and bool(self.targets))


def _target_problem(target: PolicyTargetReference) -> str:
    if not target.name:
        return "targetRef has no name"
    if target.namespace:
        return "targetRef must not name a namespace"
    if (target.group, target.kind) not in _TARGETS:
        return f"targetRef cannot be a {target.kind} of group {target.group or 'core'}"
    return ""
