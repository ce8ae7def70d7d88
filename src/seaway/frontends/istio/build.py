"""The mesh: everything that Istio's objects say, from the parts that this folder's modules find.

The order is that of need: who is in the mesh, which hosts there are, how they are treated and routed, what each client sees of that, and
what each member accepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from seaway.core.finding import Findings
from seaway.frontends.istio.authorization.build import build_policies
from seaway.frontends.istio.authorization.scene import Workloads
from seaway.frontends.istio.cacerts import build_authority
from seaway.frontends.istio.clients import Client, clients_of
from seaway.frontends.istio.destination_rules.build import DestinationRules, build_destination_rules
from seaway.frontends.istio.discovery import discovered
from seaway.frontends.istio.enrolment import enrol
from seaway.frontends.istio.gateway_calls import call_as_members
from seaway.frontends.istio.hosts import build_registry
from seaway.frontends.istio.inbounds import People, build_inbounds
from seaway.frontends.istio.proxy_annotations import check_proxy_annotations
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.scopes import Sources, build_scope, scope_id
from seaway.frontends.istio.settings import read_mesh_settings
from seaway.frontends.istio.virtual_services.build import build_virtual_services
from seaway.model.cluster import Cluster
from seaway.model.mesh import Mesh, Scope
from seaway.model.route import Destination, Forward, Gateway, Mirror, Route
from seaway.model.service import Service
from seaway.model.upstream import NOWHERE, OUTSIDE_MESH, Upstream, UpstreamId
from seaway.model.workload import Pod, PodName
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Ground:
    """What the mesh is laid over: the rest of the model. `outside` are the upstreams of gateways that are not in the mesh."""

    snapshot: Snapshot
    cluster: Cluster
    pods: tuple[Pod, ...]
    services: tuple[Service, ...]
    gateways: tuple[Gateway, ...]
    outside: tuple[Upstream, ...]


def build_mesh(ground: Ground) -> tuple[Mesh, tuple[Gateway, ...], Findings]:
    """The mesh of a cluster, and the gateways with what those in the mesh call.

    Where no pod is in it, it holds no scopes, and no upstreams but those that gateways call.
    """
    pods = {pod.id: pod for pod in ground.pods}
    settings, setting_findings = read_mesh_settings(ground.snapshot, ground.cluster.domain)
    members, outsiders, enrolment_findings = enrol(ground.snapshot, ground.pods, settings)
    snapshot, discovery_findings = discovered(ground.snapshot, settings)
    registry, registry_findings = build_registry(snapshot, ground.services, pods, settings)
    rules, rule_findings = build_destination_rules(snapshot, registry, settings, ground.services, pods)
    virtual_services, route_findings = build_virtual_services(snapshot, registry, settings)
    authority, authority_findings = build_authority(snapshot, settings.mesh.root_namespace)
    clients = clients_of(members, pods)
    sources = Sources(registry, virtual_services, rules, settings)
    scopes = {scope_id(client): client for client in clients.values()}
    built = tuple(build_scope(scopes[name], sources) for name in sorted(scopes))
    workloads = Workloads(tuple(pods[one.pod] for one in members), ground.pods, ground.services)
    policies, policy_findings = build_policies(snapshot, workloads, registry, settings, partial(_identified, clients, registry, rules))
    inbounds, inbound_findings = build_inbounds(snapshot, People(members, pods, policies.of), ground.services, settings)
    gateways = call_as_members(ground.gateways, members, registry, rules)
    asked = (one.to for policy in policies.policies for one in policy.authorizers)
    called = {*_of_gateways(gateways), *_of_scopes(built), *asked}
    mesh = Mesh(
        settings=settings.mesh,
        members=tuple(replace(one, scope=scope_id(clients[one.pod])) if one.pod in clients else one for one in members),
        outsiders=outsiders,
        inbounds=inbounds,
        policies=policies.policies,
        scopes=built,
        upstreams=_upstreams(ground, called, rules),
        authority=authority,
    )
    findings = (
        *setting_findings,
        *discovery_findings,
        *authority_findings,
        *enrolment_findings,
        *check_proxy_annotations(ground.snapshot, members, pods),
        *registry_findings,
        *rule_findings,
        *rules.check(sorted(called)),
        *route_findings,
        *policy_findings,
        *inbound_findings,
    )
    return mesh, gateways, findings


def _identified(clients: Mapping[PodName, Client], registry: Registry, rules: DestinationRules, pod: PodName, to: UpstreamId) -> UpstreamId:
    """The upstream that a pod means by a host and port of the registry."""
    return rules.identify(clients.get(pod, Client(pod.namespace)), registry.hosts[to.host][0], to.port, to.subset)


def _upstreams(ground: Ground, wanted: set[UpstreamId], rules: DestinationRules) -> tuple[Upstream, ...]:
    """Those of gateways outside the mesh are there already; the others are as the rules have them."""
    inside = (rules.build(one) for one in wanted if one.variant != OUTSIDE_MESH)
    return tuple(sorted((*ground.outside, *inside), key=lambda one: one.id))


def _of_gateways(gateways: tuple[Gateway, ...]) -> Iterator[UpstreamId]:
    for gateway in gateways:
        for host in gateway.hosts:
            yield from _of_routes(host.routes)


def _of_scopes(scopes: tuple[Scope, ...]) -> Iterator[UpstreamId]:
    """Hosts and routes that scopes share are looked into once."""
    hosts = {id(host): host for scope in scopes for table in scope.http for host in table.hosts}
    for host in hosts.values():
        yield from _of_routes(host.routes)
    routes = {id(route): route for scope in scopes for route in scope.tcp}
    for route in routes.values():
        yield from _called(route.destinations)


def _of_routes(routes: tuple[Route, ...]) -> Iterator[UpstreamId]:
    for route in routes:
        if isinstance(route.action, Forward):
            yield from _called(route.action.destinations)
        yield from _called(route.policy.mirrors)


def _called(places: Iterable[Destination | Mirror]) -> Iterator[UpstreamId]:
    """Those that exist: what else a route names is answered without any."""
    return (one.to for one in places if one.to.variant != NOWHERE)
