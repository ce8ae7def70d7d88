"""Who is in the mesh: the pods that Istio's webhook would give a sidecar to, by the same labels and annotations.

Two sieves, as upstream has them. The webhook's selectors look at labels of namespace and pod only
(manifests/charts/revisiontags/templates/revision-tags-mwc.yaml in istio/istio); the injector behind it looks at the pod again
(`injectRequired` in pkg/kube/inject/inject.go). Upstream decides when a pod is created, here it follows every change.

Which of its traffic passes the proxy is `captures.py`'s matter. Revisions: there is one control plane here, which answers for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seaway.core.codes.membership import AMBIENT, ANNOTATION_ALONE, BOTH_NAMESPACE_LABELS, HOST_NETWORK_ASKS, INJECT_VALUE
from seaway.core.finding import Findings, finding
from seaway.core.names import Key
from seaway.core.origin import GENERATED, Origin
from seaway.frontends.ingress.controllers import ISTIO_CONTROLLER, ISTIO_GATEWAY, SEAWAY_CONTROLLER, find_controllers
from seaway.frontends.istio.captures import read_capture
from seaway.frontends.istio.pod_fields import pod_field
from seaway.frontends.istio.settings import Settings
from seaway.model.mesh import Capture, Member, Outsider
from seaway.model.names import spiffe_id
from seaway.model.workload import Pod
from seaway.resources.core_v1 import Namespace
from seaway.resources.istio.gateway import Gateway
from seaway.resources.resource import Resource, Step
from seaway.snapshot import Snapshot

INJECT = "sidecar.istio.io/inject"
REVISION = "istio.io/rev"
INJECTION = "istio-injection"
_MODE = "istio.io/dataplane-mode"

_IGNORED = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})
"""Namespaces that the injector passes over whatever their labels (`IgnoredNamespaces`)."""

_YES = frozenset({"y", "yes", "true", "on"})
"""What the injector reads as true, in any case; the empty word is the namespace's default, any other is false."""

_GATEWAYS = frozenset({ISTIO_CONTROLLER, ISTIO_GATEWAY, SEAWAY_CONTROLLER})


_ALL = Capture()


@dataclass(frozen=True, slots=True)
class _Decision:
    """Of all pods of one object: `inside`, and what decided. `capture` counts inside only."""

    inside: bool
    why: str
    origin: Origin
    capture: Capture = _ALL


@dataclass(frozen=True, slots=True)
class _Labels:
    """One object's pods as the webhook and the injector see them, and where each label and annotation stands."""

    pod: Pod
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    namespace: Resource[Namespace] | None
    snapshot: Snapshot

    def of_namespace(self, name: str) -> str | None:
        return self.namespace.meta.labels.get(name) if self.namespace is not None else None

    def at_namespace(self, name: str) -> Origin:
        return self.namespace.at("metadata", "labels", name) if self.namespace is not None else GENERATED

    def at_pod(self, *path: Step) -> Origin:
        return pod_field(self.snapshot, self.pod, *path)


def enrol(snapshot: Snapshot, pods: tuple[Pod, ...], settings: Settings) -> tuple[tuple[Member, ...], tuple[Outsider, ...], Findings]:
    """Every pod is either a member or an outsider, both in the order of `pods`. A member's `scope` is left empty, for `scopes` to fill.

    Istio's gateways are proxies themselves, so they are always members; Seaway's own gateway stands for one. Without a mesh or a Gateway
    neither is: there is nobody to be a member among.
    """
    decisions: dict[Key, _Decision] = {}
    findings: list[Findings] = [_namespace_findings(one) for one in snapshot.of(Namespace)]
    for pod in pods:
        if pod.owner not in decisions:
            decisions[pod.owner], found = _decide(_labels_of(pod, snapshot))
            findings.append(found)
    if any(one.inside for one in decisions.values()) or any(snapshot.of(Gateway)):
        decisions |= _gateways(snapshot)
    members: list[Member] = []
    outsiders: list[Outsider] = []
    for pod in pods:
        decision = decisions[pod.owner]
        if decision.inside:
            spiffe = spiffe_id(settings.mesh.trust_domain, pod.id.namespace, pod.service_account)
            members.append(Member(pod.id, spiffe, "", decision.capture, decision.why, decision.origin))
        else:
            outsiders.append(Outsider(pod.id, decision.why, decision.origin))
    return tuple(members), tuple(outsiders), tuple(one for group in findings for one in group)


def _labels_of(pod: Pod, snapshot: Snapshot) -> _Labels:
    namespace = snapshot.get(Namespace, "", "", pod.id.namespace)
    return _Labels(pod, dict(pod.labels), dict(pod.annotations), namespace, snapshot)


def _gateways(snapshot: Snapshot) -> dict[Key, _Decision]:
    return {
        one.workload: _Decision(True, "an Istio gateway is a proxy of the mesh", one.origin)
        for one in find_controllers(snapshot)
        if one.controller in _GATEWAYS
    }


def _decide(of: _Labels) -> tuple[_Decision, Findings]:
    """What the webhook and the injector make of one object's pods."""
    called, why, origin = _webhook(of)
    decision, findings = _injector(of, called, why, origin)
    if decision.inside:
        capture, problems = read_capture(of.pod, of.annotations, lambda name: of.at_pod("metadata", "annotations", name))
        decision, findings = _Decision(True, decision.why, decision.origin, capture), (*findings, *problems)
    return decision, findings


def _webhook(of: _Labels) -> tuple[bool, str, Origin]:
    """Whether the webhook would be called for them, by labels alone, and which line decides that."""
    inject, injection, revision = of.labels.get(INJECT), of.of_namespace(INJECTION), of.of_namespace(REVISION)
    if injection is not None and injection != "enabled":
        return False, f"namespace label {INJECTION}: {injection}", of.at_namespace(INJECTION)
    if inject == "false":
        return False, f'pod label {INJECT}: "false"', of.at_pod("metadata", "labels", INJECT)
    if injection is not None:
        return True, f"namespace label {INJECTION}: {injection}", of.at_namespace(INJECTION)
    if revision is not None:
        return True, f"namespace label {REVISION}: {revision}", of.at_namespace(REVISION)
    if REVISION in of.labels:
        return True, f"pod label {REVISION}: {of.labels[REVISION]}", of.at_pod("metadata", "labels", REVISION)
    if inject == "true":
        return True, f'pod label {INJECT}: "true"', of.at_pod("metadata", "labels", INJECT)
    return False, "no label asks for it", of.namespace.origin if of.namespace is not None else of.pod.origin


def _injector(of: _Labels, called: bool, why: str, origin: Origin) -> tuple[_Decision, Findings]:
    """What the injector answers where the webhook calls it; the label wins over the annotation."""
    field = "labels" if INJECT in of.labels else "annotations"
    value = (of.labels if field == "labels" else of.annotations).get(INJECT)
    at = of.at_pod("metadata", field, INJECT)
    asked = value is not None and value.lower() in _YES
    if not called:
        return _Decision(False, why, origin), _uncalled(of, value, field, at)
    if of.pod.host_network:
        found = (finding(HOST_NETWORK_ASKS, at, of.pod.owner),) if asked else ()
        return _Decision(False, "hostNetwork: true", of.at_pod("spec", "hostNetwork")), found
    if of.pod.id.namespace in _IGNORED:
        return _Decision(False, f"namespace {of.pod.id.namespace} is never in the mesh", origin), ()
    if not value:
        return _Decision(True, why, origin), ()
    effect = "are in the mesh" if asked else "are not in the mesh"
    found = _odd_value(of, value, at, effect)
    kind = "label" if field == "labels" else "annotation"
    return (_Decision(True, why, origin) if asked else _Decision(False, f'pod {kind} {INJECT}: "{value}"', at)), found


def _uncalled(of: _Labels, value: str | None, field: str, at: Origin) -> Findings:
    """A wish that the webhook does not hear."""
    if value is None or of.of_namespace(INJECTION) is not None:
        return ()
    if field == "labels":
        return _odd_value(of, value, at, "are not in the mesh")
    if value.lower() in _YES and INJECT not in of.labels:
        return (finding(ANNOTATION_ALONE, at, of.pod.owner, value=value, namespace=of.pod.id.namespace),)
    return ()


def _odd_value(of: _Labels, value: str, at: Origin, effect: str) -> Findings:
    return () if value in ("true", "false") else (finding(INJECT_VALUE, at, of.pod.owner, value=value, effect=effect),)


def _namespace_findings(namespace: Resource[Namespace]) -> Findings:
    labels, key = namespace.meta.labels, namespace.key
    found: Findings = ()
    if INJECTION in labels and REVISION in labels:
        injection = labels[INJECTION]
        effect = "its pods are in the mesh" if injection == "enabled" else "its pods are not in the mesh"
        said = {"namespace": key.name, "injection": injection, "revision": labels[REVISION], "effect": effect}
        found += (finding(BOTH_NAMESPACE_LABELS, namespace.at("metadata", "labels", REVISION), key, **said),)
    if labels.get(_MODE) == "ambient" and INJECTION not in labels and REVISION not in labels:
        found += (finding(AMBIENT, namespace.at("metadata", "labels", _MODE), key),)
    return found
