"""Everything of the mesh that one node's Envoy holds: its members' listeners, and what those lead to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from seaway.core.memo import Memo
from seaway.model.authorization import OPEN, FetchedKeys
from seaway.model.index import Model
from seaway.model.mesh import Member, Scope
from seaway.model.names import pod_netns
from seaway.model.route import Forward, Route
from seaway.model.upstream import UpstreamId
from seaway.model.workload import GatewayProxy, PodName
from seaway.plans.envoy.filters.chain import plan_filters
from seaway.plans.envoy.mesh.inbound import Doorkeeper, http_kinds, inbound_chains, plan_inbound, plan_inbound_routes
from seaway.plans.envoy.mesh.outbound import outbound_chains, plan_outbound, tcp_upstreams
from seaway.plans.envoy.mesh.passthrough import plan_passthrough
from seaway.plans.envoy.routes.mesh import plan_host_routes, plan_mesh_routes
from seaway.protocols.xds_resource import XdsResource


@dataclass(frozen=True, slots=True)
class Residents:
    """The members on one node that Envoy serves; gateways are served by their own listeners."""

    members: tuple[Member, ...]
    scopes: tuple[Scope, ...]


def residents(model: Model, node: str) -> Residents:
    """Of a node, in order. Members whose scope is not there see nothing, and are left out."""
    members = tuple(
        one
        for one in model.mesh.members
        if one.pod in model.pod
        and model.pod[one.pod].node == node
        and not isinstance(model.pod[one.pod].runs, GatewayProxy)
        and one.scope in model.scope
    )
    return Residents(members, tuple(model.scope[name] for name in sorted({one.scope for one in members})))


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


def routes_of(people: Residents) -> Iterator[Route]:
    """All that members of the node may take."""
    return (route for scope in people.scopes for table in scope.http for host in table.hosts for route in host.routes)


def reached(people: Residents, model: Model) -> set[UpstreamId]:
    """All upstreams that these members may call, and those that are asked what they may be called for."""
    found = {one for scope in people.scopes for one in (*http_upstreams(scope), *tcp_upstreams(scope))}
    policies = {one.policy for one in people.members}
    asked = (one.to for name in policies if name in model.policy for one in model.policy[name].authorizers)
    return {one for one in (*found, *asked) if one in model.upstream}


def plan_mesh(model: Model, people: Residents, netns_folder: str, fetched: Mapping[FetchedKeys, str], memo: Memo) -> Iterator[XdsResource]:
    """Listeners, route tables and the clusters that stand for no host. Upstreams are the caller's matter: gateways share them."""
    if not people.members:
        return
    yield from plan_passthrough()
    settings = model.mesh.settings
    shared = {}
    for scope in people.scopes:
        upstreams = tuple(model.upstream[one] for one in dict.fromkeys(tcp_upstreams(scope)) if one in model.upstream)
        shared[scope.id] = memo(scope.id, outbound_chains, scope, settings, upstreams)
        detected = {(route.port, route.http) for route in scope.tcp if route.http}
        for table in scope.http:
            if table.everywhere:
                yield memo((scope.id, table.port, table.address), plan_mesh_routes, scope, table)
            for host in table.hosts:
                if (table.port, host.name) in detected:
                    yield memo((scope.id, table.port, host.name), plan_host_routes, scope, table, host)
    for member in people.members:
        yield plan_outbound(model, member, f"{netns_folder}/{pod_netns(member.pod)}", shared[member.scope])
    yield from _inbound(model, people, netns_folder, fetched, memo)


def _inbound(model: Model, people: Residents, netns_folder: str, fetched: Mapping[FetchedKeys, str], memo: Memo) -> Iterator[XdsResource]:
    """Listeners and routes of what comes in. Chains are made once for all pods that take the same under one name."""
    keepers: dict[str, Doorkeeper] = {}
    kinds: dict[str, frozenset[str]] = {}
    slots = _slots(model, people)
    made: dict[tuple[object, ...], bytes] = {}
    for member in people.members:
        inbound = model.inbound.get(member.pod)
        if inbound is None:
            continue
        slot = slots[member.pod]
        keeper = keepers[slot] = Doorkeeper(member.spiffe, slot, model.policy.get(member.policy, OPEN))
        kinds[slot] = kinds.get(slot, frozenset()) | http_kinds(inbound)
        key = (slot, member.spiffe, inbound.ports, inbound.other)
        if key not in made:
            other = (inbound.other, inbound.other_origin)
            made[key] = memo((slot, len(made)), inbound_chains, keeper, inbound.ports, other, model.mesh.settings)
        yield plan_inbound(model, member, f"{netns_folder}/{pod_netns(member.pod)}", inbound, made[key])
    for slot, keeper in keepers.items():
        yield from plan_inbound_routes(keeper, kinds[slot])
        yield from plan_filters(slot, keeper.policy, fetched)


def _slots(model: Model, people: Residents) -> Mapping[PodName, str]:
    """Where a pod's policy is kept: with the other pods of its owner that have the same labels, by which policies select.

    The name says nothing of the policy itself, so that one that changes is found in the same place, and moves no listener. Should another
    policy hold for one of them all the same (a Service without a selector is what a policy may be about), it has a place of its own.
    """
    first: dict[str, str] = {}
    slots: dict[PodName, str] = {}
    for member in people.members:
        pod = model.pod[member.pod]
        slot = f"{pod.owner.namespace}/{pod.owner.kind}/{pod.owner.name}/{_short(pod.labels)}"
        shared = first.setdefault(slot, member.policy) == member.policy
        slots[member.pod] = slot if shared else f"{member.pod.namespace}/Pod/{member.pod.name}"
    return slots


def _short(labels: tuple[tuple[str, str], ...]) -> str:
    return sha256(repr(sorted(labels)).encode()).hexdigest()[:8]
