"""RateLimitPolicies, and the pods at which their limits count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seaway.core.codes import rate_limits as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.authorization.fields import Surroundings
from seaway.frontends.istio.authorization.scene import Workloads
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.rate_limits.limits import read_limit
from seaway.frontends.istio.selection import Selection
from seaway.frontends.istio.settings import Settings
from seaway.model.authorization import RateLimit
from seaway.model.service import ServiceName
from seaway.model.workload import GatewayProxy, Pod, PodName
from seaway.resources.istio.gateway import Gateway
from seaway.resources.istio.selection import PolicyTargetReference
from seaway.resources.resource import Resource
from seaway.resources.seaway_v1 import RateLimitPolicy
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """A policy: its limits that have nothing wrong with them, and where they count. `targets` are the pods of its targetRefs, if any."""

    selection: Selection
    targets: frozenset[PodName] | None
    limits: tuple[RateLimit, ...]
    place: Place

    def takes(self, pod: Pod) -> bool:
        return pod.id in self.targets if self.targets is not None else self.selection.takes(pod)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """All policies."""

    read: tuple[ReadLimits, ...]

    def of(self, pod: Pod) -> tuple[RateLimit, ...]:
        """The limits that requests to a pod must keep within, in the order of their names."""
        return tuple(limit for one in self.read if one.takes(pod) for limit in one.limits)


def read_rate_limits(snapshot: Snapshot, workloads: Workloads, settings: Settings) -> tuple[RateLimits, Findings]:
    domains = (settings.mesh.trust_domain, *settings.mesh.trust_domain_aliases)
    findings: list[Finding] = []
    read: list[ReadLimits] = []
    for resource in sorted(snapshot.of(RateLimitPolicy), key=lambda one: one.key):
        spec, place = resource.body.spec, Place(resource)
        around = Surroundings(resource.key.namespace, domains)
        limits: list[RateLimit] = []
        for index, one in enumerate(spec.limits):
            limit, found = read_limit(one, index, place.of("limits", index), around)
            findings += found
            limits += [limit] if limit is not None else []
        if spec.selector is not None and spec.target_refs:
            problem = "both selector and targetRefs are given"
            findings.append(place.of("targetRefs").find(codes.SELECTION_INVALID, problem=problem))
        targets = None
        if spec.target_refs and spec.selector is None:
            finder = _Targets(snapshot, workloads, resource)
            targets = frozenset(pod for number, one in enumerate(spec.target_refs) for pod in finder.pods(one, number))
            findings += finder.findings
        labels = tuple(sorted((spec.selector.match_labels if spec.selector is not None else {}).items()))
        everywhere = resource.key.namespace == settings.mesh.root_namespace
        read.append(ReadLimits(Selection(None if everywhere else resource.key.namespace, labels), targets, tuple(limits), place))
    return RateLimits(tuple(read)), tuple(findings)


class _Targets:
    """What a policy's targetRefs name."""

    def __init__(self, snapshot: Snapshot, workloads: Workloads, resource: Resource[RateLimitPolicy]) -> None:
        self._snapshot, self._workloads, self._resource = snapshot, workloads, resource
        self.findings: list[Finding] = []

    def pods(self, target: PolicyTargetReference, number: int) -> Iterator[PodName]:
        place = Place(self._resource, ("spec", "targetRefs", number))
        namespace = self._resource.key.namespace
        if target.namespace not in (None, namespace):
            self._unknown(place.of("namespace"), f"{target.kind} {target.name} is in another namespace", "Put the policy there.")
            return
        match (target.group, target.kind):
            case ("" | "core", "Service"):
                service = next((one for one in self._workloads.services if one.id == ServiceName(namespace, target.name)), None)
                if service is not None:
                    yield from (one.pod for one in service.backends if one.pod is not None)
                    return
            case ("networking.istio.io", "Gateway"):
                found = (one for one in self._snapshot.of(Gateway) if (one.key.namespace, one.key.name) == (namespace, target.name))
                if (gateway := next(found, None)) is not None:
                    yield from self._served(gateway.body)
                    return
            case (group, kind):
                self._unknown(place.of("kind"), f"a {kind} of group {group or 'core'} is nothing that limits count at", _ADVICE)
                return
        self._unknown(place.of("name"), f"there is no {target.kind} {target.name} in {namespace}", "Correct the name.")

    def _served(self, gateway: Gateway) -> Iterator[PodName]:
        """The pods that serve a Gateway of Istio's: its selector knows no namespaces."""
        selection = Selection(None, tuple(gateway.spec.selector.items()))
        return (pod.id for pod in self._workloads.pods if isinstance(pod.runs, GatewayProxy) and selection.takes(pod))

    def _unknown(self, place: Place, problem: str, advice: str) -> None:
        self.findings.append(place.find(codes.TARGET_UNKNOWN, problem=problem, advice=advice))


_ADVICE = "Name a Service, or a Gateway of group networking.istio.io, or select pods by labels."
