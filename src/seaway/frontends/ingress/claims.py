"""Which gateway claims which Ingress: `ingressClassName`, the older annotation, the default class, and what to do without any.

As ingress-nginx decides it (https://kubernetes.github.io/ingress-nginx/user-guide/multiple-ingress/), with two differences for folders of
manifests that are not a whole cluster. Seaway's own gateway exists only where the manifests hold no controller at all; it then also takes
the Ingresses that were written for a controller installed elsewhere, and a note says so. And an Ingress without any class is served
where only one gateway could be meant. A class that is missing is served by nobody where its controller is in the manifests, as in a
cluster. Where neither class nor controller is there, both belong to one installation that the folder leaves out: it is served, unless the
folder does hold other classes, which makes the name a misspelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches

from seaway.core.codes import ingress as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.ingress.controllers import ISTIO_GATEWAY, SEAWAY_CLASS, Controller
from seaway.frontends.ingress.quoting import plain
from seaway.resources.networking_v1 import DEFAULT_CLASS_ANNOTATION, Ingress, IngressClass
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot

CLASS_ANNOTATION = "kubernetes.io/ingress.class"

_Classes = Mapping[str, Resource[IngressClass]]


@dataclass(frozen=True, slots=True)
class Claim:
    """What one gateway claims: Ingresses in order of precedence, and the names of the classes that it serves, sorted."""

    ingresses: tuple[Resource[Ingress], ...]
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Who serves an Ingress, under which class name ("" for none)."""

    gateways: tuple[Controller, ...]
    ingress_class: str
    findings: Findings = ()


def claim_ingresses(snapshot: Snapshot, controllers: tuple[Controller, ...]) -> tuple[Mapping[str, Claim], Findings]:
    """The claims by gateway name; every gateway has one, empty where it claims nothing."""
    classes = {resource.key.name: resource for resource in snapshot.of(IngressClass)}
    default, findings = _default_class(classes.values())
    taken: dict[str, list[Resource[Ingress]]] = {controller.name: [] for controller in controllers}
    serving = _serving(controllers)
    served = {controller.name: _classes_of(controller, classes) for controller in controllers}
    for ingress in sorted(snapshot.of(Ingress), key=precedence):
        verdict = _judge(ingress, classes, default, serving)
        findings += verdict.findings
        for controller in verdict.gateways:
            taken[controller.name].append(ingress)
            if verdict.ingress_class:
                served[controller.name].add(verdict.ingress_class)
    return {name: Claim(tuple(taken[name]), tuple(sorted(served[name]))) for name in taken}, findings


def _serving(controllers: tuple[Controller, ...]) -> tuple[Controller, ...]:
    """Those that serve Ingresses. Seaway's own gateway does so where there is no other; else it was made for Istio's Gateways alone."""
    found = tuple(one for one in controllers if one.controller != ISTIO_GATEWAY)
    return tuple(one for one in found if not one.implied) or found


def precedence(ingress: Resource[Ingress]) -> tuple[float, str, str]:
    """Oldest first; one without a (readable) creationTimestamp is new; then by namespace and name."""
    return (_created(ingress.meta.creation_timestamp), ingress.key.namespace, ingress.key.name)


def _created(timestamp: str | None) -> float:
    """Seconds since the epoch; an object without a (readable) timestamp is newer than all others."""
    try:
        when = datetime.fromisoformat(timestamp or "")
        return when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return float("inf")


def _classes_of(controller: Controller, classes: _Classes) -> set[str]:
    return {name for name, resource in classes.items() if resource.body.spec.controller == controller.controller}


def _default_class(classes: Iterable[Resource[IngressClass]]) -> tuple[str, Findings]:
    """The default class's name or ""; of several the newest, then the first by name, as the API server's admission plugin has it."""
    marked = [one for one in classes if one.meta.annotations.get(DEFAULT_CLASS_ANNOTATION) == "true"]
    marked.sort(key=lambda one: (-_created(one.meta.creation_timestamp), one.key.name))
    if not marked:
        return "", ()
    winner = marked[0].key.name
    where = ("metadata", "annotations", DEFAULT_CLASS_ANNOTATION)
    return winner, tuple(
        finding(codes.DEFAULT_CLASS_AGAIN, one.at(*where), one.key, name=plain(one.key.name), winner=plain(winner)) for one in marked[1:]
    )


def _judge(ingress: Resource[Ingress], classes: _Classes, default: str, controllers: tuple[Controller, ...]) -> _Verdict:
    name = ingress.body.spec.ingress_class_name
    annotation = ingress.meta.annotations.get(CLASS_ANNOTATION)
    if name is not None:
        twice: Findings = ()
        if annotation is not None and annotation != name:
            at = ingress.at("metadata", "annotations", CLASS_ANNOTATION)
            twice = (finding(codes.CLASS_TWICE, at, ingress.key, annotation=plain(annotation), name=plain(name)),)
        verdict = _by_class(ingress, name, classes, controllers)
        return _Verdict(verdict.gateways, verdict.ingress_class, twice + verdict.findings)
    if annotation is not None:
        return _by_annotation(ingress, annotation, controllers)
    if default:
        return _by_class(ingress, default, classes, controllers)
    return _without_class(ingress, classes, controllers)


def _by_class(ingress: Resource[Ingress], name: str, classes: _Classes, controllers: tuple[Controller, ...]) -> _Verdict:
    if name not in classes:
        return _by_missing_class(ingress, name, classes, controllers)
    wanted = classes[name].body.spec.controller
    gateways = tuple(one for one in controllers if one.controller == wanted)
    if gateways:
        return _Verdict(gateways, name)
    at = ingress.at("spec", "ingressClassName")
    implied = _implied(controllers)
    if implied:
        adopted = finding(codes.CLASS_ADOPTED, at, ingress.key, name=plain(name), controller=plain(wanted))
        return _Verdict((implied,), name, (adopted,))
    known = ", ".join(sorted({name for one in controllers for name in _classes_of(one, classes)})) or "none"
    return _unserved(finding(codes.CLASS_FOREIGN, at, ingress.key, name=plain(name), controller=plain(wanted), known=known))


def _by_missing_class(ingress: Resource[Ingress], name: str, classes: _Classes, controllers: tuple[Controller, ...]) -> _Verdict:
    at = ingress.at("spec", "ingressClassName")
    implied = _implied(controllers)
    if implied and set(classes) <= {SEAWAY_CLASS} and not get_close_matches(name, [SEAWAY_CLASS], cutoff=0.75):
        return _Verdict((implied,), name, (finding(codes.CLASS_MISSING_ADOPTED, at, ingress.key, name=plain(name)),))
    meant = [one for one in controllers if one.ingress_class == name]
    near = get_close_matches(name, sorted(classes), n=1)
    why = "Nothing in the manifests has that class."
    if len(meant) == 1:
        why = (
            f"{meant[0].workload} is meant, but a controller goes by the IngressClass object, which its installation usually brings; "
            "without the object it passes the Ingress by."
        )
    missing = finding(
        codes.CLASS_MISSING,
        at,
        ingress.key,
        name=plain(name),
        hint=f"; did you mean {plain(near[0])}?" if near else "",
        why=why,
        controller=meant[0].controller if meant else controllers[0].controller if controllers else "of your choice",
    )
    return _unserved(missing)


def _by_annotation(ingress: Resource[Ingress], name: str, controllers: tuple[Controller, ...]) -> _Verdict:
    gateways = tuple(one for one in controllers if one.ingress_class == name)
    if gateways:
        return _Verdict(gateways, name)
    at = ingress.at("metadata", "annotations", CLASS_ANNOTATION)
    implied = _implied(controllers)
    if implied and name:
        return _Verdict((implied,), name, (finding(codes.ANNOTATION_CLASS_ADOPTED, at, ingress.key, name=plain(name)),))
    known = ", ".join(sorted({one.ingress_class for one in controllers})) or "none"
    return _unserved(finding(codes.ANNOTATION_CLASS_UNKNOWN, at, ingress.key, name=plain(name), known=known))


def _without_class(ingress: Resource[Ingress], classes: _Classes, controllers: tuple[Controller, ...]) -> _Verdict:
    watching = tuple(one for one in controllers if one.watch_without_class)
    if watching:
        return _Verdict(watching, "")
    if len(controllers) == 1:
        only = controllers[0]
        gateway = "Seaway's own gateway" if only.implied else only.name
        own = sorted(_classes_of(only, classes))
        mend = (
            plain(own[0])
            if own
            else f"{plain(only.ingress_class)}, and add that IngressClass with spec.controller {plain(only.controller)}"
        )
        served = finding(codes.NO_CLASS_SERVED, ingress.at("spec"), ingress.key, gateway=gateway, mend=mend)
        return _Verdict((only,), "", (served,))
    return _unserved(finding(codes.NO_CLASS, ingress.at("spec"), ingress.key, count=len(controllers)))


def _implied(controllers: tuple[Controller, ...]) -> Controller | None:
    return next((one for one in controllers if one.implied), None)


def _unserved(why: Finding) -> _Verdict:
    return _Verdict((), "", (why,))
