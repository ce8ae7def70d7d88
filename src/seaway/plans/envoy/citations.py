"""Lines beside the one that a part of the configuration stems from: what an access log needs to name what decided (`analysis/flows`).

`pool`, `ejection` and `tls` are the DestinationRule's, `routes` the VirtualService's; `allow` and `tokens` what a workload demands;
`strict` and `strict PORT` where only mutual TLS is taken. Values are `file:line`, of the last four
`namespace/name@file:line`, one below the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.authorization import Action, WorkloadPolicy
from seaway.model.mesh import Inbound, Mtls
from seaway.model.route import Route
from seaway.model.upstream import Upstream

Cited = Mapping[str, str]


def treatment_lines(upstream: Upstream) -> Cited:
    """Of the rule that an upstream is treated by."""
    treatment = upstream.treatment
    origins = {
        "pool": treatment.pool.origin,
        "ejection": treatment.ejection.origin if treatment.ejection is not None else None,
        "tls": treatment.protection.origin,
    }
    rule = next((key for key in upstream.owners if key.kind == "DestinationRule"), None)
    lines = {name: str(origin) for name, origin in origins.items() if origin is not None}
    return {**lines, rule.kind: f"{rule.namespace}/{rule.name}"} if rule is not None else lines


def routing_lines(routes: Iterable[Route]) -> Cited:
    """Of the VirtualService that a host's requests must fit."""
    first = next((one for one in routes if one.owner.kind == "VirtualService"), None)
    if first is None:
        return {}
    return {"routes": str(first.origin), first.owner.kind: f"{first.owner.namespace}/{first.owner.name}"}


def policy_lines(policy: WorkloadPolicy) -> Cited:
    """Of a workload's policy: what there is to allow a request, and the issuers whose tokens are accepted."""
    allowing = ((one.key, one.origin) for one in policy.policies if one.action is Action.ALLOW and not one.dry_run)
    return {"allow": _listed(allowing), "tokens": _listed((one.key, one.origin) for one in policy.tokens)}


def strict_lines(inbound: Inbound) -> Cited:
    """Of the ports of a pod that take no plaintext, and of all the others under no name."""
    ports = {f"strict {one.port}": _one(one.owner, one.origin) for one in inbound.ports if one.mtls is Mtls.STRICT}
    return {**ports, "strict": _one(inbound.other_owner, inbound.other_origin)} if inbound.other is Mtls.STRICT else ports


def _listed(objects: Iterable[tuple[Key, Origin]]) -> str:
    return "\n".join(_one(key, origin) for key, origin in objects)


def _one(owner: Key | None, origin: Origin) -> str:
    return f"{owner.namespace}/{owner.name}@{origin}" if owner is not None else str(origin)
