"""What Envoys hold of the mesh: the listeners of each node's members, and what those of a scope share.

Upstreams are `steady.py`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import TypeAlias

from seaway.core.memo import Memo
from seaway.model.authorization import OPEN
from seaway.model.index import Model
from seaway.model.mesh import Member, Scope
from seaway.model.names import pod_netns
from seaway.model.route import Forward, Route
from seaway.model.upstream import UpstreamId
from seaway.model.workload import GatewayProxy, PodName
from seaway.plans.envoy.filters.chain import plan_filters
from seaway.plans.envoy.mesh.inbound import Doorkeeper, http_kinds, inbound_chains, plan_inbound, plan_inbound_routes
from seaway.plans.envoy.mesh.outbound import OutboundChains, outbound_chains, plan_outbound, tcp_upstreams
from seaway.plans.envoy.routes.mesh import plan_host_routes, plan_mesh_routes
from seaway.plans.envoy.view import EnvoyView
from seaway.protocols.xds_resource import XdsResource

Residents: TypeAlias = tuple[Member, ...]
"""The members on one node that Envoy serves; gateways are served by their own listeners."""


def residents(model: Model) -> Mapping[str, Residents]:
    """By node, in order. Members whose scope is not there see nothing, and are left out."""
    found: dict[str, list[Member]] = {}
    for one in model.mesh.members:
        pod = model.pod.get(one.pod)
        if pod is not None and not isinstance(pod.runs, GatewayProxy) and one.scope in model.scope:
            found.setdefault(pod.node, []).append(one)
    return {node: tuple(members) for node, members in found.items()}


def http_upstreams(scope: Scope) -> Iterator[UpstreamId]:
    """Where requests of the scope go, mirrors too."""
    for route in (route for table in scope.http for host in table.hosts for route in host.routes):
        if isinstance(route.action, Forward):
            yield from (one.to for one in route.action.destinations)
        yield from (one.to for one in route.policy.mirrors)


def rewritten(routes: Iterable[Route]) -> frozenset[UpstreamId]:
    """The upstreams that one of these routes leads to with another path than the one that was asked for."""
    forwards = (route.action for route in routes if isinstance(route.action, Forward) and route.action.rewrite is not None)
    return frozenset(one.to for forward in forwards for one in forward.destinations)


def routes_of(scopes: Iterable[Scope]) -> Iterator[Route]:
    """All that their members may take."""
    return (route for scope in scopes for table in scope.http for host in table.hosts for route in host.routes)


def called_by(scope: Scope) -> set[UpstreamId]:
    """All upstreams that its members may call."""
    return {*http_upstreams(scope), *tcp_upstreams(scope)}


def scope_chains(model: Model, scope: Scope, memo: Memo) -> OutboundChains:
    """The chains of its members' outbound listeners."""
    upstreams = tuple(model.upstream[one] for one in dict.fromkeys(tcp_upstreams(scope)) if one in model.upstream)
    return memo(scope.id, outbound_chains, scope, model.mesh.settings, upstreams)


def scope_routes(scope: Scope, memo: Memo) -> Iterator[XdsResource]:
    """The route tables of its members' outbound listeners."""
    detected = {(route.port, route.http) for route in scope.tcp if route.http}
    for table in scope.http:
        if table.everywhere:
            yield memo((scope.id, table.port, table.address), plan_mesh_routes, scope, table)
        for host in table.hosts:
            if (table.port, host.name) in detected:
                yield memo((scope.id, table.port, host.name), plan_host_routes, scope, table, host)


def plan_members(
    model: Model, people: Residents, view: EnvoyView, chains: Mapping[str, OutboundChains], memo: Memo
) -> Iterator[XdsResource]:
    """Listeners of the members on one node, and the routes of what comes in. `chains` are those of all scopes.

    Without its listeners, a member that is closing has its connections ended by Envoy, one by one; what these lead to is still there.
    """
    for member in people:
        if member.closing:
            continue
        netns, owner = f"{view.netns_folder}/{pod_netns(member.pod)}", model.pod[member.pod].owner
        yield memo(member.pod, plan_outbound, member, owner, netns, model.mesh.settings, chains[member.scope])
    yield from _inbound(model, people, view, memo)


def _inbound(model: Model, people: Residents, view: EnvoyView, memo: Memo) -> Iterator[XdsResource]:
    """Listeners and routes of what comes in. Chains are made once for all pods that take the same under one name."""
    keepers: dict[str, Doorkeeper] = {}
    kinds: dict[str, frozenset[str]] = {}
    slots = _slots(model, people)
    made: dict[tuple[object, ...], bytes] = {}
    for member in people:
        inbound = model.inbound.get(member.pod)
        if inbound is None:
            continue
        slot = slots[member.pod]
        keeper = keepers[slot] = Doorkeeper(member.spiffe, slot, model.policy.get(member.policy, OPEN))
        kinds[slot] = kinds.get(slot, frozenset()) | http_kinds(inbound)
        key = (slot, member.spiffe, inbound.ports, inbound.other)
        if key not in made:
            other = (inbound.other, inbound.other_origin)
            made[key] = memo((view.node, slot, len(made)), inbound_chains, keeper, inbound.ports, other, model.mesh.settings)
        netns, owner = f"{view.netns_folder}/{pod_netns(member.pod)}", model.pod[member.pod].owner
        if not member.closing:
            yield memo(member.pod, plan_inbound, (member, inbound), owner, netns, model.mesh.settings, made[key])
    for slot, keeper in keepers.items():
        yield from memo((view.node, slot), plan_inbound_routes, keeper, kinds[slot])
        yield from plan_filters(slot, keeper.policy, view.token_keys)


def _slots(model: Model, people: Residents) -> Mapping[PodName, str]:
    """Where a pod's policy is kept: with the other pods of its owner that have the same labels, by which policies select.

    The name says nothing of the policy itself, so that one that changes is found in the same place, and moves no listener. Should another
    policy hold for one of them all the same (a Service without a selector is what a policy may be about), it has a place of its own.
    """
    first: dict[str, str] = {}
    slots: dict[PodName, str] = {}
    for member in people:
        pod = model.pod[member.pod]
        slot = f"{pod.owner.namespace}/{pod.owner.kind}/{pod.owner.name}/{_short(pod.labels)}"
        shared = first.setdefault(slot, member.policy) == member.policy
        slots[member.pod] = slot if shared else f"{member.pod.namespace}/Pod/{member.pod.name}"
    return slots


def _short(labels: tuple[tuple[str, str], ...]) -> str:
    return sha256(repr(sorted(labels)).encode()).hexdigest()[:8]
