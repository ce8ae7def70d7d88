"""A pod's part in the mesh: whether it is in it, what its ports take, and which policies hold for it."""

from __future__ import annotations

from collections.abc import Iterable

from seaway.app.views.objects import Scene
from seaway.app.views.sections import Section, section
from seaway.model.authorization import RateLimit
from seaway.model.mesh import Inbound
from seaway.model.workload import PodName


def membership_facts(scene: Scene, pod: PodName) -> list[tuple[str, str]]:
    """In it or not, why, and as whom."""
    member = scene.model.member.get(pod)
    if member is not None:
        return [("In the mesh", f"yes: {member.why}, {member.origin}"), ("Identity", member.spiffe)]
    outsider = next((one for one in scene.model.mesh.outsiders if one.pod == pod), None)
    return [("In the mesh", f"no: {outsider.why}, {outsider.origin}" if outsider is not None else "no")]


def inbound_section(scene: Scene, pod: PodName) -> Section:
    """What each port takes, and the line that decided."""
    inbound = scene.model.inbound.get(pod)
    rows = inbound_rows(inbound) if inbound is not None else []
    return section("Accepts", ("PORT", "PROTOCOL", "MUTUAL TLS", "FROM"), rows)


def inbound_rows(inbound: Inbound) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [(str(one.port), one.protocol.value, one.mtls.value, str(one.origin)) for one in inbound.ports]
    return [*rows, ("all others", "detect", inbound.other.value, str(inbound.other_origin))]


def policies_section(scene: Scene, pods: Iterable[PodName]) -> Section:
    """The policies that hold for any of these."""
    ids = dict.fromkeys(scene.model.member[one].policy for one in pods if one in scene.model.member)
    found = [scene.model.policy[one] for one in ids if one in scene.model.policy]
    rows: dict[tuple[str, ...], None] = {}
    for policy in found:
        for one in policy.policies:
            does = f"{one.action.value}{f' by {one.provider}' if one.provider else ''}{', dry run' if one.dry_run else ''}"
            rows.setdefault(
                ("AuthorizationPolicy", f"{one.key.namespace}/{one.key.name}", f"{does}, {len(one.rules)} rules", str(one.origin))
            )
        for token in policy.tokens:
            name = f"{token.key.namespace}/{token.key.name}"
            rows.setdefault(("RequestAuthentication", name, f"tokens of {token.issuer or 'any issuer'}", str(token.origin)))
        for limit in policy.limits:
            rows.setdefault(("RateLimitPolicy", f"{limit.key.namespace}/{limit.key.name}", what_passes(limit), str(limit.origin)))
    return section("Policies that apply", ("KIND", "NAME", "DOES", "FROM"), list(rows))


def what_passes(limit: RateLimit) -> str:
    """How much of what may pass, in a few words."""
    each = f" for each {' and '.join(f'{key.by.value} {key.name}'.strip() for key in limit.keys)}" if limit.keys else ""
    place = "over all pods" if limit.shared else "at each pod"
    return f"{limit.requests} in {limit.per_s:g} s, {limit.burst} at once, {place}{each}{', dry run' if limit.dry_run else ''}"
