"""The annotations of one Ingress: the honoured ones as settings, a finding for every other one of ingress-nginx's.

What an unhonoured annotation means for traffic decides: what restricts access, or is raw configuration that may, closes the paths of its
Ingress (503); what only changes behaviour is served without; a canary gets no traffic, since it would take all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from seaway.core.codes import ingress as codes
from seaway.core.finding import Code, Findings, finding
from seaway.frontends.ingress import annotation_names as names
from seaway.frontends.ingress.annotation_names import PREFIX
from seaway.frontends.ingress.quoting import plain, shown
from seaway.frontends.ingress.rewrite import NoTarget, Target, UnusableTarget, parse_target, target_problem
from seaway.resources.networking_v1 import Ingress
from seaway.resources.resource import Resource

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


@dataclass(frozen=True, slots=True)
class Settings:
    """`closed` says why the paths answer 503 and is "" where they are served. A `canary` is left out altogether."""

    target: Target
    ssl_redirect: bool
    closed: str
    canary: bool


def read_settings(ingress: Resource[Ingress]) -> tuple[Settings, Findings]:
    """What the annotations of an Ingress ask for. Empty values count as absent, as ingress-nginx has it."""
    given = ingress.meta.annotations
    target, findings = _target(ingress, given.get(f"{PREFIX}rewrite-target", ""))
    ssl_redirect, more = _switch(ingress, f"{PREFIX}ssl-redirect", True)
    findings += more
    closed = ""
    for annotation in sorted(given):
        if annotation.startswith(PREFIX) and given[annotation]:
            name = annotation.removeprefix(PREFIX)
            findings += _unhonoured(ingress, annotation, name)
            if (name in names.GUARDS or name in names.REFUSED) and not _neutral(name, given[annotation]):
                closed = closed or f"annotation {annotation} is not honoured"
    if isinstance(target, UnusableTarget):
        closed = closed or f"annotation {PREFIX}rewrite-target cannot be served"
    return Settings(target, ssl_redirect, closed, given.get(f"{PREFIX}canary") in _TRUE), findings + _cert_manager(ingress)


def _target(ingress: Resource[Ingress], value: str) -> tuple[Target, Findings]:
    at = ingress.at("metadata", "annotations", f"{PREFIX}rewrite-target")
    problem = target_problem(value)
    if problem:
        return NoTarget(), (finding(codes.REWRITE_REFUSED, at, ingress.key, value=shown(value), problem=problem),)
    target = parse_target(value)
    if isinstance(target, UnusableTarget):
        return target, (finding(codes.REWRITE_UNUSABLE, at, ingress.key, value=shown(value), problem=target.problem),)
    return target, ()


def _switch(ingress: Resource[Ingress], annotation: str, default: bool) -> tuple[bool, Findings]:
    """A value that Go's strconv.ParseBool reads; the default and a warning for any other."""
    value = ingress.meta.annotations.get(annotation, "")
    if not value:
        return default, ()
    if value in _TRUE or value in _FALSE:
        return value in _TRUE, ()
    at = ingress.at("metadata", "annotations", annotation)
    words = {"name": annotation, "value": shown(value), "wanted": '"true" or "false"', "default": str(default).lower()}
    return default, (finding(codes.ANNOTATION_BAD_VALUE, at, ingress.key, **words),)


def _unhonoured(ingress: Resource[Ingress], annotation: str, name: str) -> Findings:
    at = ingress.at("metadata", "annotations", annotation)
    value = ingress.meta.annotations[annotation]
    if name in names.HONOURED or _neutral(name, value):
        return ()
    if name in names.REFUSED:
        return (finding(codes.ANNOTATION_REFUSED, at, ingress.key, name=annotation, problem=names.REFUSED[name]),)
    if name not in names.KNOWN:
        near = get_close_matches(name, sorted(names.KNOWN), n=1)
        hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
        return (finding(codes.ANNOTATION_UNKNOWN, at, ingress.key, name=plain(annotation), hint=hint),)
    code: Code = codes.ANNOTATION_NOT_YET
    if name in names.GUARDS:
        code = codes.GUARD_NOT_YET
    elif name in names.NO_EFFECT:
        code = codes.ANNOTATION_NO_EFFECT
    elif name == "canary" and value in _TRUE:
        code = codes.CANARY_NOT_YET
    elif name.startswith("canary-"):
        return ()  # said once, at `canary`; without it they mean nothing
    return (finding(code, at, ingress.key, name=annotation),)


def _neutral(name: str, value: str) -> bool:
    return value in names.NEUTRAL.get(name, ())


def _cert_manager(ingress: Resource[Ingress]) -> Findings:
    """One note an Ingress that asks cert-manager for certificates."""
    asks = [one for one in sorted(ingress.meta.annotations) if one.startswith("cert-manager.io/") or one == "kubernetes.io/tls-acme"]
    return tuple(finding(codes.CERT_MANAGER, ingress.at("metadata", "annotations", one), ingress.key, name=plain(one)) for one in asks[:1])
