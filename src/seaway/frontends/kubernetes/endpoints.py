"""What stands behind each Service: the pods that it selects, or the addresses that people wrote down."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from seaway.core.cidr import parse_ipv4
from seaway.core.codes.workloads import NO_PODS_SELECTED, TARGET_PORT_UNDECLARED, TARGET_PORT_UNKNOWN
from seaway.core.finding import Finding, Findings, finding
from seaway.core.memo import Memo
from seaway.frontends.kubernetes.draft import Draft, Template, running_containers
from seaway.frontends.kubernetes.manual_endpoints import manual_backends
from seaway.frontends.kubernetes.ports import Target
from seaway.frontends.kubernetes.selection import PodIndex
from seaway.frontends.kubernetes.services import Front
from seaway.frontends.kubernetes.workloads import Drafts
from seaway.model.service import Backend, Service
from seaway.model.workload import Pod, PodName
from seaway.snapshot import Snapshot

_MOST_GUESSES = 100  # comparing spellings is slow: past this many, a thousand mistakes would cost seconds


@dataclass(frozen=True, slots=True)
class Selected:
    """Which pods each Service selects, in the order of the Services, and which ports of Services lead to each pod."""

    fronts: tuple[Front, ...]
    pods: tuple[tuple[Draft, ...], ...]
    targets: Mapping[PodName, tuple[Target, ...]]


def select_pods(fronts: Sequence[Front], drafts: Sequence[Draft]) -> Selected:
    """The pods behind each Service with a selector, before it is known which of them run."""
    index = PodIndex(drafts)
    targets: defaultdict[PodName, tuple[Target, ...]] = defaultdict(tuple)
    chosen: list[tuple[Draft, ...]] = []
    for front in fronts:
        pods = tuple(drafts[position] for position in index.select(front.service.id.namespace, front.selector))
        chosen.append(pods)
        for draft in pods:
            targets[draft.id] += front.leads
    return Selected(tuple(fronts), tuple(chosen), dict(targets))


def build_services(
    selected: Selected, drafts: Drafts, pods: Mapping[PodName, Pod], snapshot: Snapshot, memo: Memo
) -> tuple[tuple[Service, ...], Findings]:
    """The Services with all their backends, by identity. Pods that do not run are behind none."""
    fronts = selected.fronts
    manual, manual_findings = manual_backends(snapshot, {front.service.id: front for front in fronts}, pods)
    findings: list[Finding] = []
    hints = _Hints(drafts.templates)
    services: list[Service] = []
    for front, chosen in zip(fronts, selected.pods, strict=True):
        name = front.service.id
        if chosen:
            service, more = memo(name, _over_pods, front, chosen, tuple(pods.get(draft.id) for draft in chosen))
            findings += more
        else:
            service = memo(name, _over, front.service, () if front.selector else manual.get(name, ()))
            findings += hints.unmatched(front) if front.selector else ()
        services.append(service)
    return tuple(services), (*manual_findings, *findings)


def _over(service: Service, found: tuple[Backend, ...]) -> Service:
    """The Service in front of these backends, in the order of their addresses."""
    backends = tuple(sorted(found, key=lambda one: (parse_ipv4(one.address) or 0, one.ports, one.pod or ("", ""))))
    return replace(service, backends=backends)


def _over_pods(front: Front, chosen: tuple[Draft, ...], pods: tuple[Pod | None, ...]) -> tuple[Service, Findings]:
    """The Service in front of the pods that it selects; None stands for one that does not run."""
    return _over(front.service, _pod_backends(front, chosen, pods)), tuple(_check_targets(front, chosen))


def _pod_backends(front: Front, chosen: Sequence[Draft], pods: Sequence[Pod | None]) -> tuple[Backend, ...]:
    backends: list[Backend] = []
    known: dict[int, tuple[int, ...]] = {}
    for draft, pod in zip(chosen, pods, strict=True):
        if pod is None:
            continue
        template = draft.template
        ports = known.setdefault(id(template), _target_numbers(front, template))
        hostname = draft.hostname if draft.subdomain == front.service.id.name else ""
        backends.append(Backend(pod.ip, pod.id, pod.node, hostname, ports, True, pod.origin))
    return tuple(backends)


def _target_numbers(front: Front, template: Template) -> tuple[int, ...]:
    """Each port's number in these pods; 0 where a named one is declared by none of their containers with that protocol."""
    return tuple(
        target if isinstance(target, int) else template.named_ports.get((target, port.protocol.value), 0)
        for target, port in zip(front.targets, front.service.ports, strict=True)
    )


def _check_targets(front: Front, chosen: Sequence[Draft]) -> list[Finding]:
    templates = list({id(draft.template): draft.template for draft in chosen}.values())
    declared: dict[tuple[int, str], str] = {}
    for template in templates:
        for container, _ in running_containers(template.spec):
            declared.update({(port.container_port, port.protocol): port.name or "" for port in container.ports})
    listed = ", ".join(
        f"{name} ({number}/{protocol})" if name else f"{number}/{protocol}" for (number, protocol), name in sorted(declared.items())
    )
    findings: list[Finding] = []
    for index, (target, port) in enumerate(zip(front.targets, front.service.ports, strict=True)):
        origin, protocol = front.resource.at("spec", "ports", index, "targetPort"), port.protocol.value
        if isinstance(target, str):
            if not any((target, protocol) in template.named_ports for template in templates):
                names = [name for (_, other), name in sorted(declared.items()) if name and other == protocol]
                close = difflib.get_close_matches(target, names, 1)
                advice = (
                    f"Did you mean {close[0]}?"
                    if close
                    else f"Declared are: {listed}."
                    if listed
                    else "Declare it under the container's ports."
                )
                row = finding(TARGET_PORT_UNKNOWN, origin, front.resource.key, protocol=protocol, port=target, advice=advice)
                findings.append(row)
        elif declared and (target, protocol) not in declared:
            findings.append(finding(TARGET_PORT_UNDECLARED, origin, front.resource.key, port=target, protocol=protocol, ports=listed))
    return findings


class _Hints:
    """Why a selector matches nothing: look-ups over the templates' labels, made when the first Service asks."""

    def __init__(self, templates: Sequence[Template]) -> None:
        self._templates = templates
        self._by_label: dict[tuple[str, str, str], list[Template]] | None = None
        self._values: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._namespaces: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def unmatched(self, front: Front) -> list[Finding]:
        """What to say of a Service whose selector matches no pod."""
        by_label = self._by_label if self._by_label is not None else self._index()
        namespace, wanted = front.service.id.namespace, front.selector.items()
        key, value = min(wanted, key=lambda one: len(by_label.get((namespace, *one), ())))
        if any(wanted <= template.meta.labels.items() for template in by_label.get((namespace, key, value), ())):
            return []  # scaled to zero: no pods is what was asked for
        text = ", ".join(f"{key}: {value}" for key, value in sorted(wanted))
        origin = front.resource.at("spec", "selector")
        advice = self._advice(namespace, key, value)
        return [finding(NO_PODS_SELECTED, origin, front.resource.key, selector=text, namespace=namespace, advice=advice)]

    def _index(self) -> dict[tuple[str, str, str], list[Template]]:
        found: defaultdict[tuple[str, str, str], list[Template]] = defaultdict(list)
        for template in self._templates:
            for key, value in template.meta.labels.items():
                found[template.namespace, key, value].append(template)
                self._values[template.namespace, key].add(value)
                self._namespaces[key, value].add(template.namespace)
        self._by_label = dict(found)
        return self._by_label

    def _advice(self, namespace: str, key: str, value: str) -> str:
        assert self._by_label is not None
        if (namespace, key, value) in self._by_label:
            return "Pods carry each of these labels, but none carries all of them."
        values = sorted(self._values.get((namespace, key), ()))
        if close := difflib.get_close_matches(value, values, 1) if len(values) <= _MOST_GUESSES else []:
            return f"Did you mean {key}: {close[0]}?"
        if elsewhere := sorted(self._namespaces.get((key, value), ())):
            return f"Pods with {key}: {value} are in namespace {elsewhere[0]}; a Service selects in its own namespace only."
        return f"No pod template of the namespace has the label {key}: {value}; correct the selector or add the workload."
