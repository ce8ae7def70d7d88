"""Objects that make pods: Pod, Deployment, ReplicaSet, StatefulSet, DaemonSet, Job. Which of them the API server would take.

The pods that each makes, with names and labels, come from `replicas`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import msgspec

from seaway.core.codes.workloads import (
    GOVERNING_SERVICE_MISSING,
    OWNED_COPY,
    POD_NAME_TAKEN,
    SELECTOR_MISMATCH,
    SELECTOR_MISSING,
)
from seaway.core.finding import Findings, finding
from seaway.core.labels import matches
from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.frontends.kubernetes.draft import Draft, Template, template_of
from seaway.frontends.kubernetes.refusal import has_errors, refused
from seaway.frontends.kubernetes.replicas import pods_of
from seaway.frontends.kubernetes.selection import read_selector
from seaway.frontends.kubernetes.template_rules import check_template
from seaway.model.cluster import Cluster
from seaway.model.workload import PodName
from seaway.resources import apps_v1, core_v1
from seaway.resources.meta import LabelSelector
from seaway.resources.resource import Resource, Step
from seaway.snapshot import Snapshot

_TEMPLATE: tuple[Step, ...] = ("spec", "template")
_OF_THE_MESH = ("sidecar.istio.io/", "traffic.sidecar.istio.io/", "istio.io/rev", "proxy.istio.io/", "inject.istio.io/")
# A Job's name becomes the value of a label; a StatefulSet's does together with a hyphen and ten characters of a hash.
_LONGEST_NAME = {"StatefulSet": 52, "Job": 63}


@dataclass(frozen=True, slots=True)
class Drafts:
    """All pods to be, by identity, and the templates behind them, those of objects scaled to zero included."""

    pods: tuple[Draft, ...]
    templates: tuple[Template, ...]
    findings: Findings


@dataclass(frozen=True, slots=True)
class _Around:
    """What other objects say about one that makes pods: the object that makes it (`Kind name` or ""), and whether its Service exists."""

    owner: str
    governed: bool


@dataclass(frozen=True, slots=True)
class _Drafted:
    """What one object asks for. `template` is None where it makes no pods."""

    template: Template | None
    pods: tuple[Draft, ...]
    findings: Findings


def draft_pods(snapshot: Snapshot, cluster: Cluster, memo: Memo) -> Drafts:
    """Every pod that the manifests ask for. Objects that the API server would refuse make none and are named by a finding."""
    pods: dict[PodName, Draft] = {}
    templates: list[Template] = []
    findings: list[Findings] = []
    for resource in snapshot.objects.values():
        if not isinstance(resource.body, _KINDS):
            continue
        drafted = memo(resource.key, _draft, resource, _around(resource, snapshot), cluster)
        findings.append(drafted.findings)
        if drafted.template is None:
            continue
        templates.append(drafted.template)
        for draft in drafted.pods:
            first = pods.setdefault(draft.id, draft)
            if first is not draft:
                owner = first.template.resource.key
                findings.append((finding(POD_NAME_TAKEN, resource.origin, resource.key, pod=draft.id, first=owner),))
    ordered_pods = tuple(pods[name] for name in sorted(pods))
    return Drafts(ordered_pods, tuple(templates), tuple(one for group in findings for one in group))


_KINDS = (core_v1.Pod, apps_v1.Deployment, apps_v1.ReplicaSet, apps_v1.StatefulSet, apps_v1.DaemonSet, apps_v1.Job)


def _around(resource: Resource[Any], snapshot: Snapshot) -> _Around:
    governed = True
    if isinstance(resource.body, apps_v1.StatefulSet) and (service := resource.body.spec.service_name):
        governed = snapshot.get(core_v1.Service, "", resource.key.namespace, service) is not None
    return _Around(_owner_here(resource, snapshot), governed)


def _draft(resource: Resource[Any], around: _Around, cluster: Cluster) -> _Drafted:
    template, problems = _read(resource, around)
    if template is None:
        return _Drafted(None, (), problems)
    findings = [problems]
    pods = tuple(pods_of(template, cluster, findings))
    return _Drafted(template, pods, tuple(one for group in findings for one in group))


def _read(resource: Resource[Any], around: _Around) -> tuple[Template | None, Findings]:
    """The template of one object, unless the API server would refuse it or it is the copy of something that its owner makes."""
    if owner := around.owner:
        return None, (finding(OWNED_COPY, resource.origin, resource.key, kind=resource.key.kind, name=resource.key.name, owner=owner),)
    selector: LabelSelector | None = None
    match resource.body:
        case core_v1.Pod(metadata=meta, spec=spec):
            template = template_of(resource, (), meta, spec, _canonical(resource.raw.get("spec")))
            restarts = ("Always", "OnFailure", "Never")
        case apps_v1.Job(spec=job):
            template = _below(resource, job.template)
            restarts = ("OnFailure", "Never")
        case apps_v1.Deployment() | apps_v1.ReplicaSet() | apps_v1.StatefulSet() | apps_v1.DaemonSet() as body:
            template = _below(resource, body.spec.template)
            restarts = ("Always",)
            selector = body.spec.selector or LabelSelector()
        case _:
            return None, ()
    findings = _check_name(resource) + check_template(template, restarts)
    findings += _check_selector(template, selector) if selector is not None else ()
    findings += _check_counts(resource)
    findings += () if around.governed else _ungoverned(template)
    return (None if has_errors(findings) else template), findings


def _below(resource: Resource[Any], body: core_v1.PodTemplateSpec) -> Template:
    return template_of(resource, _TEMPLATE, body.metadata, body.spec, _canonical(_without_mesh(resource.raw["spec"].get("template"))))


def _without_mesh(template: Any) -> Any:
    """The template without what only says whether and how its pods take part in the mesh: they come into it and leave it as they run,
    where a cluster would replace them.
    """
    match template:
        case {"metadata": dict() as metadata, **rest}:
            kept = {name: _without_names(value) if name in ("labels", "annotations") else value for name, value in metadata.items()}
            return {"metadata": {name: value for name, value in kept.items() if value is not None}, **rest}
        case _:
            return template


def _without_names(values: Any) -> Any:
    """None where nothing is left."""
    if not isinstance(values, dict):
        return values
    return {name: value for name, value in cast(dict[str, Any], values).items() if not name.startswith(_OF_THE_MESH)} or None


def _canonical(raw: object) -> str:
    return msgspec.json.encode(raw, order="deterministic").decode()


def _owner_here(resource: Resource[Any], snapshot: Snapshot) -> str:
    """The object among the manifests that makes this one, as `Kind name`, or "".

    An export often holds Deployment and Pods but no ReplicaSets: the name of a ReplicaSet less its hash is its Deployment's.
    """
    for reference in resource.meta.owner_references:
        group = "batch" if reference.kind == "Job" else "apps"
        candidates = [(reference.kind, reference.name)]
        if reference.kind == "ReplicaSet":
            candidates.append(("Deployment", reference.name.rpartition("-")[0]))
        for kind, name in candidates:
            if Key(group, kind, resource.key.namespace, name) in snapshot.objects:
                return f"{kind} {name}"
    return ""


def _check_name(resource: Resource[Any]) -> Findings:
    longest = _LONGEST_NAME.get(resource.key.kind, len(resource.key.name))
    if len(resource.key.name) <= longest:
        return ()
    problem = f"has {len(resource.key.name)} characters, too many for the labels of its pods"
    return (refused(resource, ("metadata", "name"), problem, f"Use at most {longest} characters."),)


def _check_selector(template: Template, selector: LabelSelector) -> Findings:
    resource = template.resource
    if not selector.match_labels and not selector.match_expressions:
        return (finding(SELECTOR_MISSING, resource.at("spec", "selector"), resource.key, kind=resource.key.kind),)
    requirements, findings = read_selector(selector, resource, ("spec", "selector"))
    if findings or matches(requirements, template.meta.labels):
        return findings
    labels = ", ".join(f"{key}: {value}" for key, value in sorted(template.meta.labels.items())) or "it has none"
    return (finding(SELECTOR_MISMATCH, resource.at("spec", "selector"), resource.key, kind=resource.key.kind, labels=labels),)


def _check_counts(resource: Resource[Any]) -> Findings:
    match resource.body:
        case apps_v1.Deployment(spec=spec) | apps_v1.ReplicaSet(spec=spec) | apps_v1.StatefulSet(spec=spec):
            counts: dict[str, int | None] = {"replicas": spec.replicas}
        case apps_v1.Job(spec=spec):
            counts = {"parallelism": spec.parallelism, "completions": spec.completions}
            if spec.completion_mode == "Indexed" and spec.completions is None:
                return (refused(resource, ("spec", "completions"), "is absent, which completionMode Indexed needs", "Add completions."),)
        case _:
            return ()
    return tuple(
        refused(resource, ("spec", field), f"is {count}", "Use a whole number from 0.")
        for field, count in counts.items()
        if count is not None and count < 0
    )


def _ungoverned(template: Template) -> Findings:
    """A StatefulSet whose governing Service is missing."""
    resource = template.resource
    namespace, service = resource.key.namespace, resource.body.spec.service_name
    origin, pod = resource.at("spec", "serviceName"), f"{resource.key.name}-0"
    return (finding(GOVERNING_SERVICE_MISSING, origin, resource.key, service=service, namespace=namespace, pod=pod),)
