"""Policies that do something else than they seem to: each check says what will really happen, and says nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from seaway.core.codes import authorization as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.authorization.alternatives import check_alternatives
from seaway.frontends.istio.authorization.callers_words import check_headers, check_hosts
from seaway.frontends.istio.authorization.policies import Read
from seaway.frontends.istio.authorization.port_traps import check_service_ports, check_tcp
from seaway.frontends.istio.authorization.scene import Scene, names
from seaway.frontends.istio.authorization.spelling import check_spelling
from seaway.frontends.istio.authorization.token_traps import check_optional_tokens, check_unverified_tokens
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.selection import Selection, Written
from seaway.resources.resource import Resource

CHECKS: tuple[Callable[[Read, Scene], Iterator[Finding]], ...] = (
    check_alternatives,
    check_headers,
    check_hosts,
    check_tcp,
    check_service_ports,
    check_spelling,
    check_unverified_tokens,
)


def find_traps(scene: Scene) -> Findings:
    found: list[Finding] = []
    for one in scene.read:
        found += check_selection(one.place.resource, one.selection, scene)
        found += (finding for check in CHECKS for finding in check(one, scene))
    for one in scene.tokens:
        found += check_selection(one.place.resource, one.selection, scene)
        found += check_optional_tokens(one, scene)
    return tuple(found)


def check_selection(resource: Resource[Any], selection: Selection, scene: Scene) -> Iterator[Finding]:
    """Whether the policy meets any pod, and whether those pods have a proxy that can enforce it."""
    kind, place = resource.key.kind, Place(resource)
    if selection.attached:
        spec = resource.body.spec
        for target in Written(None, spec.target_ref, spec.target_refs).targets:
            yield place.of("targetRefs").find(codes.NO_SUCH_TARGET, kind=kind, target=f"{target.kind} {target.name}")
        return
    selected = [pod for pod in scene.workloads.pods if selection.takes(pod)]
    members = scene.members(selection)
    at = place.of("selector") if selection.labels else place
    if not selected and selection.namespace is not None:
        yield at.find(codes.SELECTS_NO_POD, kind=kind, scope=str(selection))
    elif selected and not members and selection.namespace is not None:
        yield at.find(codes.SELECTS_OUTSIDERS, kind=kind, pods=names(selected))
    elif not selected and selection.labels:
        yield at.find(codes.SELECTS_NO_POD, kind=kind, scope=str(selection))
