"""What Envoys hold that does not depend on who is ready: listeners, routes, clusters, certificates; and whose endpoints go with them.

A scope's routes are the same on every node, and so are the clusters that it calls: each is planned once, in a layer that all nodes with
members of the scope share. A node's own are its pods' listeners, and the few upstreams that look otherwise from here than from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from seaway.core.memo import Memo
from seaway.model.index import Model
from seaway.model.locality import HOSTNAME_LABEL
from seaway.model.route import ClosedServer, Gateway
from seaway.model.upstream import OfService, Resolved, Upstream, UpstreamId
from seaway.model.workload import Pod
from seaway.plans.envoy.clusters.plan import plan_cluster, plan_upstream_secrets
from seaway.plans.envoy.edges.tls import plan_server_secrets
from seaway.plans.envoy.endpoints.plan import Calls, Seen, all_take_mtls, asks_for_endpoints, called_at
from seaway.plans.envoy.filters.chain import plan_filters, plan_idle_filters
from seaway.plans.envoy.gateway_place import place_of, routes_by_claims
from seaway.plans.envoy.listeners import certificates, plan_gateway_listeners
from seaway.plans.envoy.mesh.outbound import OutboundChains
from seaway.plans.envoy.mesh.passthrough import plan_black_hole, plan_passthrough
from seaway.plans.envoy.mesh.plan import (
    Residents,
    called_by,
    plan_members,
    residents,
    rewritten,
    routes_of,
    scope_chains,
    scope_routes,
)
from seaway.plans.envoy.mesh.shortcut import shortcut_of
from seaway.plans.envoy.routes.gateway import plan_table, tables_of
from seaway.plans.envoy.secrets import plan_certificate
from seaway.plans.envoy.site import Site, site_of
from seaway.plans.envoy.view import EnvoyView
from seaway.protocols.xds_layers import Layer
from seaway.protocols.xds_resource import XdsResource

Groups = Mapping[str, frozenset[UpstreamId]]
"""Upstreams that are called together, by who calls them: a scope, a gateway, a policy that asks an authorizer."""

Way = tuple[Site, bool]
"""From where, and whether by the shorter way where that is possible."""


@dataclass(frozen=True, slots=True)
class SteadyNode:
    """`layers` are those that are whole. `calls`, by a name for each, lack endpoints; so do those that look otherwise from `near`."""

    layers: Mapping[str, Layer]
    calls: Mapping[str, Calls]
    near: Calls


@dataclass(frozen=True, slots=True)
class Steady:
    """All nodes, and the model of which that is true."""

    seen: Seen
    nodes: Mapping[str, SteadyNode]


def plan_steady(model: Model, present: Model, views: tuple[EnvoyView, ...], memo: Memo) -> Steady:
    """Of every node that has a view. `present` is the model with members that are on their way out."""
    people = residents(present)
    scopes = [present.scope[name] for name in sorted({one.scope for each in people.values() for one in each})]
    groups = _groups(model, present)
    ways = {view.node: (replace(site_of(model, view.node, view.roots), node=""), view.shorter_way) for view in views}
    outlooks = {way: _outlook(model, present, groups, way, memo.part(way)) for way in dict.fromkeys(ways.values())}
    shared = _Shared(
        groups=groups,
        chains={scope.id: scope_chains(present, scope, memo) for scope in scopes},
        routes={scope.id: memo(("routes", scope.id), Layer, tuple(scope_routes(scope, memo))) for scope in scopes},
        gateways={
            one.name: memo(("gateway", one.name), Layer, tuple(_gateway_parts(model, one, views[:1], memo))) for one in model.gateways
        },
        near=_near(model, present, groups),
    )
    nodes = {view.node: _node((model, present, view), people.get(view.node, ()), shared, outlooks[ways[view.node]], memo) for view in views}
    return Steady(Seen(model), nodes)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the parts of all nodes are taken from; all but `groups` and `near` by the name of a scope or gateway."""

    groups: Groups
    chains: Mapping[str, OutboundChains]
    routes: Mapping[str, Layer]
    gateways: Mapping[str, Layer]
    near: Mapping[str, frozenset[UpstreamId]]


Outlook = Mapping[str, tuple[Layer, Calls]]
"""The clusters of each group, and their endpoints to be."""


def _groups(model: Model, present: Model) -> Groups:
    found = {f"scope {one.id}": called_by(one) for one in present.mesh.scopes}
    found |= {f"policy {one.id}": {each.to for each in one.authorizers} for one in present.mesh.policies if one.authorizers}
    found |= {f"gateway {one.name}": one.leads_to for one in model.gateways}
    return {name: frozenset(to for to in called if to in present.upstream) for name, called in found.items()}


def _gateway_parts(model: Model, gateway: Gateway, views: tuple[EnvoyView, ...], memo: Memo) -> Iterator[XdsResource]:
    """What a gateway has wherever its pods are: routes, policies, certificates of servers. Any view will do, nothing of it is a node's."""
    places = dict.fromkeys(place_of(model, gateway, name) for name in gateway.pods)
    for view in views:
        tables = tuple(tables_of(gateway, gateway.default_certificate or view.default_certificate))
        for place in places:
            yield from (plan_table(table, gateway, place, memo) for table in tables)
            if place.guarded and tables:  # without requests no filter would ask for them, and a set that nobody asks for is never taken
                yield from plan_filters(place.slot, place.policy, view.token_keys, routes_by_claims(gateway))
                yield from plan_idle_filters(place.slot, place.policy)
    for server in gateway.servers:
        yield from plan_server_secrets(server)
    if any(isinstance(server.does, ClosedServer) for server in gateway.servers):
        yield plan_black_hole()


def _outlook(model: Model, present: Model, groups: Groups, way: Way, memo: Memo) -> Outlook:
    """What all nodes share from which upstreams look alike. Groups of the same upstreams are one."""
    hosts = (host for gateway in model.gateways for host in gateway.every_host)
    changed = rewritten((*routes_of(present.mesh.scopes), *(route for host in hosts for route in host.routes)))
    needed = sorted(frozenset[UpstreamId]().union(*groups.values()))
    clusters = {to: tuple(_clusters(model, present.upstream[to], way, to in changed, memo)) for to in needed}
    asked = {to: called_at(model, present.upstream[to]) for to in needed if asks_for_endpoints(present.upstream[to])}
    made: dict[frozenset[UpstreamId], tuple[Layer, Calls]] = {}
    for name, group in groups.items():
        if group not in made:
            ordered = sorted(group)
            layer = memo(("layer", name), Layer, tuple(one for to in ordered for one in clusters[to]))
            made[group] = layer, Calls(name, way[0], tuple(asked[to] for to in ordered if to in asked))
    memo.turn()
    return {name: made[group] for name, group in groups.items()}


def _clusters(model: Model, upstream: Upstream, way: Way, rewritten_to: bool, memo: Memo) -> Iterator[XdsResource]:
    """The cluster of an upstream, and the certificate that its callers show, if any."""
    site, short = way
    shortcut = shortcut_of(model, upstream, rewritten_to) if short else None
    yield memo(upstream.id, plan_cluster, upstream, site, all_take_mtls(model, upstream), shortcut)
    yield from plan_upstream_secrets(upstream)


def _near(model: Model, present: Model, groups: Groups) -> Mapping[str, frozenset[UpstreamId]]:
    """By node, the upstreams that look otherwise from there: they have members on it, or the caller's node counts in their balancing."""
    found: dict[str, set[UpstreamId]] = {node.name: set() for node in model.cluster.nodes}
    for to in frozenset[UpstreamId]().union(*groups.values()):
        upstream = present.upstream[to]
        if _counts_nodes(upstream):
            for each in found.values():
                each.add(to)
        elif isinstance(upstream.endpoints, OfService) and upstream.endpoints.service in model.service:
            for backend in model.service[upstream.endpoints.service].backends:
                if backend.pod in model.member and backend.node in found:
                    found[backend.node].add(to)
    return {node: frozenset(each) for node, each in found.items()}


def _counts_nodes(upstream: Upstream) -> bool:
    return any(one.partition("=")[0] == HOSTNAME_LABEL for one in upstream.treatment.locality.priority_labels)


def _node(what: tuple[Model, Model, EnvoyView], people: Residents, shared: _Shared, outlook: Outlook, memo: Memo) -> SteadyNode:
    model, present, view = what
    scopes = sorted({one.scope for one in people})
    gateways = [one for one in model.gateways if any(True for _ in _pods(model, one, view.node))]
    guarding = (model.member[pod.id] for one in gateways for pod in _pods(model, one, view.node) if pod.id in model.member)
    policies = sorted({one.policy for one in (*people, *guarding) if f"policy {one.policy}" in shared.groups})
    groups = [f"scope {one}" for one in scopes] + [f"policy {one}" for one in policies] + [f"gateway {one.name}" for one in gateways]
    near = sorted(to for to in shared.near.get(view.node, ()) if any(to in shared.groups[one] for one in groups))
    site = site_of(model, view.node, view.roots)
    own = (
        *plan_members(present, people, view, shared.chains, memo),
        *(one for gateway in gateways for one in _gateway(model, gateway, view)),
        *(plan_cluster(present.upstream[to], site) for to in near if isinstance(present.upstream[to].endpoints, Resolved)),
    )
    layers = {
        "own": memo(("own", view.node), Layer, own),
        **({"mesh": memo("mesh", _mesh)} if people else {}),
        **{f"routes of scope {one}": shared.routes[one] for one in scopes},
        **{f"routes of gateway {one.name}": shared.gateways[one.name] for one in gateways},
        **{f"clusters of {one}": outlook[one][0] for one in groups},
    }
    called = tuple(called_at(model, present.upstream[to]) for to in near if asks_for_endpoints(present.upstream[to]))
    return SteadyNode(layers, {one: outlook[one][1] for one in groups}, Calls(f"near {view.node}", site, called))


def _mesh() -> Layer:
    return Layer(plan_passthrough())


def _pods(model: Model, gateway: Gateway, node: str) -> Iterator[Pod]:
    return (model.pod[name] for name in gateway.pods if name in model.pod and model.pod[name].node == node)


def _gateway(model: Model, gateway: Gateway, view: EnvoyView) -> Iterator[XdsResource]:
    """What a gateway has on one node, and the certificates that it shows there."""
    default = gateway.default_certificate or view.default_certificate
    for pod in _pods(model, gateway, view.node):
        yield from plan_gateway_listeners(model, gateway, pod, view.netns_folder, default)
    if gateway.https_ports:
        for certificate, _ in certificates(gateway, default).values():
            yield plan_certificate(certificate)
