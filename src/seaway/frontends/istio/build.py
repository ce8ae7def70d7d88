"""The mesh: everything that Istio's objects say, from the parts that this folder's modules find.

The order is that of need: who is in the mesh, which hosts there are, how they are treated and routed, what each client sees of that, and
what each member accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from seaway.core.finding import Findings
from seaway.frontends.istio.authorization.build import Policies, build_policies
from seaway.frontends.istio.authorization.scene import Workloads
from seaway.frontends.istio.cacerts import build_authority
from seaway.frontends.istio.called import of_gateways, of_policies, of_scopes
from seaway.frontends.istio.clients import Client, clients_of
from seaway.frontends.istio.destination_rules.build import DestinationRules, build_destination_rules
from seaway.frontends.istio.destination_rules.checks import count_of, hosts_of
from seaway.frontends.istio.destination_rules.ejections import check_ejections
from seaway.frontends.istio.discovery import discovered
from seaway.frontends.istio.enrolment import enrol
from seaway.frontends.istio.gateway_calls import call_as_members
from seaway.frontends.istio.gateways.build import Surroundings, build_edges
from seaway.frontends.istio.hosts import build_registry, host_names
from seaway.frontends.istio.inbounds import People, build_inbounds
from seaway.frontends.istio.proxy_annotations import check_proxy_annotations
from seaway.frontends.istio.rate_limits.build import read_rate_limits
from seaway.frontends.istio.rate_limits.traps import Guarded, find_limit_traps
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.scopes import Scopes, Sources, scope_id
from seaway.frontends.istio.settings import read_mesh_settings
from seaway.frontends.istio.sidecars import Sidecars, read_sidecars
from seaway.frontends.istio.turned_away import check_empty_namespaces, check_gateways, outside_the_mesh
from seaway.frontends.istio.virtual_services.build import build_virtual_services
from seaway.model.authorization import OPEN
from seaway.model.cluster import Cluster
from seaway.model.mesh import Inbound, Member, Mesh, Scope
from seaway.model.route import Gateway
from seaway.model.service import Service
from seaway.model.upstream import OUTSIDE_MESH, Upstream, UpstreamId
from seaway.model.workload import Pod, PodName
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Ground:
    """What the mesh is laid over: the rest of the model. `outside` are the upstreams of gateways that are not in the mesh, `leases` the
    addresses of ServiceEntries' hosts.
    """

    snapshot: Snapshot
    cluster: Cluster
    pods: tuple[Pod, ...]
    services: tuple[Service, ...]
    gateways: tuple[Gateway, ...]
    outside: tuple[Upstream, ...]
    leases: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltMesh:
    """`gateways` are those of the ground, with what those in the mesh call. `leases` are those of the next build."""

    mesh: Mesh
    gateways: tuple[Gateway, ...]
    leases: tuple[tuple[str, str], ...]
    findings: Findings


def build_mesh(ground: Ground) -> BuiltMesh:
    """The mesh of a cluster. Where no pod is in it, it holds no scopes, and no upstreams but those that gateways call."""
    pods = {pod.id: pod for pod in ground.pods}
    settings, setting_findings = read_mesh_settings(ground.snapshot, ground.cluster.domain)
    members, outsiders, enrolment_findings = enrol(ground.snapshot, ground.pods, settings)
    snapshot, discovery_findings = discovered(ground.snapshot, settings)
    registry, registry_findings = build_registry(snapshot, ground.services, pods, settings, dict(ground.leases))
    rules, rule_findings = build_destination_rules(snapshot, registry, settings, ground.services, pods)
    virtual_services, route_findings = build_virtual_services(snapshot, registry, settings)
    authority, authority_findings = build_authority(snapshot, settings.mesh.root_namespace)
    sidecars, sidecar_findings = read_sidecars(snapshot, settings)
    scoped = _scope(members, pods, sidecars, Sources(registry, virtual_services, rules, settings))
    workloads = Workloads(tuple(pods[one.pod] for one in members), ground.pods, ground.services)
    identify = partial(_identified, scoped.clients, registry, rules)
    limits, limit_findings = read_rate_limits(snapshot, workloads, settings)
    policies, policy_findings = build_policies(snapshot, workloads, registry, settings, identify, limits)
    inbounds, inbound_findings = build_inbounds(snapshot, People(members, pods), ground.services, settings)
    callers = outside_the_mesh(ground.gateways, ground.outside, members)
    inhabited = frozenset(pod.namespace for pod in pods)
    gateways = call_as_members(_guarded(ground.gateways, policies), members, registry, rules)
    around = Surroundings(snapshot, registry, virtual_services, rules, members, pods, ground.services, _verifying(policies))
    gateways, gateway_findings = build_edges(gateways, around)
    called = {*of_gateways(gateways), *of_scopes(scoped.scopes), *of_policies(policies.policies)}
    mesh = Mesh(
        settings=settings.mesh,
        members=tuple(replace(one, policy=policies.of.get(one.pod, "")) for one in scoped.members),
        outsiders=outsiders,
        inbounds=inbounds,
        policies=policies.policies,
        scopes=scoped.scopes,
        upstreams=_upstreams(ground, called, rules),
        names=host_names(registry),
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
        *_ejecting(rules, ground, pods),
        *route_findings,
        *sidecar_findings,
        *scoped.findings,
        *policy_findings,
        *inbound_findings,
        *check_gateways(callers, ground.services, inbounds),
        *check_empty_namespaces(callers, ground.snapshot, settings.mesh.root_namespace, inhabited),
        *limit_findings,
        *find_limit_traps(limits, workloads, _guards(policies, inbounds)),
        *gateway_findings,
    )
    return BuiltMesh(mesh, gateways, tuple(registry.given.items()), findings)


def _ejecting(rules: DestinationRules, ground: Ground, pods: Mapping[PodName, Pod]) -> Findings:
    services = {one.id: one for one in ground.services}
    return check_ejections(
        rules.by_name.values(), partial(hosts_of, registry=rules.registry), partial(count_of, services=services, pods=pods)
    )


def _guarded(gateways: tuple[Gateway, ...], policies: Policies) -> tuple[Gateway, ...]:
    """Gateways with their policies. All pods of one are under the same: its pods share what they serve."""
    named = ((one, next((policies.of[pod] for pod in one.pods if pod in policies.of), OPEN.id)) for one in gateways)
    return tuple(replace(one, policy=policy) if policy != one.policy else one for one, policy in named)


def _guards(policies: Policies, inbounds: tuple[Inbound, ...]) -> Guarded:
    by_id = {one.id: one for one in policies.policies}
    return Guarded({pod: by_id[name] for pod, name in policies.of.items()}, {one.pod: one for one in inbounds})


def _verifying(policies: Policies) -> frozenset[PodName]:
    """The pods at which tokens are verified."""
    known = {one.id for one in policies.policies if one.tokens}
    return frozenset(pod for pod, policy in policies.of.items() if policy in known)


def _identified(clients: Mapping[PodName, Client], registry: Registry, rules: DestinationRules, pod: PodName, to: UpstreamId) -> UpstreamId:
    """The upstream that a pod means by a host and port of the registry."""
    return rules.identify(clients.get(pod, Client(pod.namespace)), registry.hosts[to.host][0], to.port, to.subset)


@dataclass(frozen=True, slots=True)
class _Scoped:
    """Members with the names of their scopes, the clients that they are, and the scopes."""

    members: tuple[Member, ...]
    clients: Mapping[PodName, Client]
    scopes: tuple[Scope, ...]
    findings: Findings


def _scope(members: tuple[Member, ...], pods: Mapping[PodName, Pod], sidecars: Sidecars, sources: Sources) -> _Scoped:
    label_keys = sources.rules.label_keys | sources.virtual_services.label_keys
    clients = clients_of(members, pods, sidecars, label_keys)
    first: dict[str, PodName] = {}
    for pod, client in clients.items():
        first.setdefault(scope_id(client), pod)
    scopes = Scopes(sources)
    built = tuple(scopes.build(clients[first[name]], sidecars.of(pods[first[name]])) for name in sorted(first))
    named = tuple(replace(one, scope=scope_id(clients[one.pod])) if one.pod in clients else one for one in members)
    return _Scoped(named, clients, built, tuple(scopes.findings))


def _upstreams(ground: Ground, wanted: set[UpstreamId], rules: DestinationRules) -> tuple[Upstream, ...]:
    """Those of gateways outside the mesh are there already; the others are as the rules have them."""
    inside = (rules.build(one) for one in wanted if one.variant != OUTSIDE_MESH)
    return tuple(sorted((*ground.outside, *inside), key=lambda one: one.id))
