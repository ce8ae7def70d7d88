"""Manifests to the model: what all frontends find, in order. This is where a snapshot gets its meaning."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seaway.core.finding import Findings, ordered
from seaway.core.memo import Memo
from seaway.frontends.ingress.controllers import Controller, find_controllers, gateway_objects, lacks_proxy, wanted_ports
from seaway.frontends.ingress.gateways import build_gateways
from seaway.frontends.ingress.upstreams import build_upstreams
from seaway.frontends.istio.build import Ground, build_mesh
from seaway.frontends.kubernetes.config import read_config
from seaway.frontends.kubernetes.endpoints import build_services, select_pods
from seaway.frontends.kubernetes.implied import with_implied, with_objects
from seaway.frontends.kubernetes.placement import place_pods
from seaway.frontends.kubernetes.pods import Grounds, build_pods
from seaway.frontends.kubernetes.service_links import service_links
from seaway.frontends.kubernetes.services import build_fronts
from seaway.frontends.kubernetes.workloads import draft_pods
from seaway.frontends.policies.build import build_policies
from seaway.frontends.read_only import READ_ONLY_KINDS, note_read_only
from seaway.model.cluster import Cluster, Leases
from seaway.model.index import Model
from seaway.resources.core_v1 import ServiceAccount
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Built:
    """A model, what is wrong with it, the leases for the next build, and the snapshot with the objects that were implied."""

    model: Model
    findings: Findings
    leases: Leases
    snapshot: Snapshot


def build_model(snapshot: Snapshot, cluster: Cluster, leases: Leases, memo: Memo | None = None) -> Built:
    """What the manifests mean. An object that the API server would refuse is left out, with a finding; all else is built.

    The same snapshot, cluster and leases always give the same result. `findings` does not repeat those of the snapshot.
    With the `memo` of the last call only what has changed is built.
    """
    memo = memo or Memo()
    snapshot, controllers, implied_findings = _complete(snapshot, cluster, memo)
    drafts = draft_pods(snapshot, cluster, memo)
    placement = place_pods(drafts.pods, cluster, leases)
    fronts = build_fronts(snapshot, cluster, leases, memo)
    selected = select_pods(fronts.services, drafts.pods)
    grounds = Grounds(
        cluster=cluster,
        dns_address=fronts.dns_address,
        config=read_config(snapshot, memo),
        gateways={controller.workload: controller.name for controller in controllers},
        accounts=frozenset((one.key.namespace, one.key.name) for one in snapshot.of(ServiceAccount)),
        links=service_links(front.service for front in fronts.services),
        targets=selected.targets,
    )
    pods, pod_findings = build_pods(placement.pods, grounds, memo)
    services, service_findings = build_services(selected, drafts, {pod.id: pod for pod in pods}, snapshot, memo)
    gateways, gateway_findings = build_gateways(snapshot, controllers, pods, services, cluster.domain, memo)
    outside = build_upstreams(gateways, services, cluster.domain, memo)
    built = build_mesh(Ground(snapshot, cluster, pods, services, gateways, outside, leases.hosts))
    policies = build_policies(snapshot, pods, services, cluster, memo)
    findings = (
        *implied_findings,
        *drafts.findings,
        *placement.findings,
        *fronts.findings,
        *pod_findings,
        *service_findings,
        *gateway_findings,
        *built.findings,
        *policies.findings,
        *note_read_only(snapshot, READ_ONLY_KINDS),
    )
    memo.turn()
    given = replace(fronts.leases, pods=placement.leases.pods, last_pods=placement.leases.last_pods, hosts=built.leases)
    ground = policies.table.ground
    model = Model(cluster, pods, services, built.gateways, built.mesh, policies.table.policies, ground.namespaces, policies.table)
    return Built(model, ordered(findings), given, snapshot)


def _complete(snapshot: Snapshot, cluster: Cluster, memo: Memo) -> tuple[Snapshot, tuple[Controller, ...], Findings]:
    """The snapshot with all that is implied, and the ingress controllers in it: Seaway's own gateway where there is no other, or none that
    serves Istio's Gateways.
    """
    controllers = find_controllers(snapshot, memo)
    if not controllers or lacks_proxy(snapshot, controllers):
        snapshot = with_objects(snapshot, memo("gateway", gateway_objects, wanted_ports(snapshot)))
        controllers = find_controllers(snapshot, memo)
    snapshot, findings = with_implied(snapshot, cluster, memo)
    return snapshot, controllers, findings
