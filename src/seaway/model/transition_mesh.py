"""The mesh from one model to the next: members that only the former one has, for as long as they still matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from seaway.model.index import Model
from seaway.model.mesh import Inbound
from seaway.model.passage import ABSENT, Standing, arrived, next_standing, with_modes
from seaway.model.workload import GatewayProxy, PodName


class _Identified(Protocol):
    @property
    def id(self) -> Any: ...


Item = TypeVar("Item", bound=_Identified)


def with_members(former: Model, model: Model, names: Iterable[PodName], closing: bool = False) -> Model:
    """The model, in which these pods are what they were in the former mesh: with all that their proxies see and do, or still do.

    Pods that it has as members itself, or does not have at all, are left as they are.
    """
    kept = [former.member[name] for name in sorted(names) if name in former.member and name in model.pod and name not in model.member]
    if not kept:
        return model
    scopes = {one.scope for one in kept}
    inbounds = [former.inbound[one.pod] for one in kept if one.pod in former.inbound]
    policies = {one.policy for one in kept}
    mesh = replace(
        model.mesh,
        members=tuple(sorted((*model.mesh.members, *(replace(one, closing=closing) for one in kept)), key=lambda one: one.pod)),
        inbounds=tuple(sorted((*model.mesh.inbounds, *inbounds), key=lambda one: one.pod)),
        scopes=_joined(model.mesh.scopes, [one for one in former.mesh.scopes if one.id in scopes]),
        policies=_joined(model.mesh.policies, [one for one in former.mesh.policies if one.id in policies]),
        upstreams=_joined(model.mesh.upstreams, former.mesh.upstreams),
    )
    return replace(model, mesh=mesh)


def next_standings(
    former: Model, now: Mapping[PodName, Standing], wanted: Model, settled: bool, listening: frozenset[PodName]
) -> dict[PodName, Standing]:
    """The next step of every pod that has a proxy, or had one until now. A pod that is new is where it will be at once."""
    standings: dict[PodName, Standing] = {}
    for pod in wanted.pods:
        inbound = wanted.inbound.get(pod.id) if not isinstance(pod.runs, GatewayProxy) else None
        if pod.id not in former.pod:
            standing = arrived(inbound)
        else:
            standing = next_standing(now.get(pod.id, ABSENT), inbound, settled, pod.id in listening)
        if standing != ABSENT:
            standings[pod.id] = standing
    return standings


def with_standings(former: Model, wanted: Model, standings: Mapping[PodName, Standing]) -> Model:
    """The wanted model with every pod where it stands: pods that are leaving as members still, and what callers are told of them all."""
    model = with_members(former, wanted, (name for name, one in standings.items() if one.inside))
    inbounds = [_at(one, standings, model) for one in model.mesh.inbounds]
    announced = [_announced(one, standings) for one in inbounds]
    mesh = replace(model.mesh, inbounds=tuple(inbounds), announced=None if announced == inbounds else tuple(announced))
    return model if mesh == model.mesh else replace(model, mesh=mesh)


def _at(inbound: Inbound, standings: Mapping[PodName, Standing], model: Model) -> Inbound:
    standing = standings.get(inbound.pod)
    if standing is None or arrived(inbound).accepts == standing.accepts:
        return inbound
    return with_modes(inbound, standing.accepts)


def _announced(inbound: Inbound, standings: Mapping[PodName, Standing]) -> Inbound:
    standing = standings.get(inbound.pod)
    if standing is None or arrived(inbound).accepts == standing.announced:
        return inbound
    return with_modes(inbound, standing.announced)


def _joined(first: tuple[Item, ...], second: Iterable[Item]) -> tuple[Item, ...]:
    """Both, in the order of their ids; where both have an id, the first counts."""
    found = {one.id: one for one in (*second, *first)}
    return tuple(found[key] for key in sorted(found))
