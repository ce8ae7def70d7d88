"""The model of a cluster, and quick look-ups in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from seaway.model.authorization import WorkloadPolicy
from seaway.model.cluster import Cluster
from seaway.model.locality import LOCALITY_LABEL, NOWHERE, Locality, parse_locality
from seaway.model.mesh import NO_MESH, Inbound, Member, Mesh, Mtls, Scope
from seaway.model.policies.identities import Ground
from seaway.model.policies.language import Policy
from seaway.model.policies.masks import Labels
from seaway.model.policies.verdicts import VerdictTable, build_verdicts
from seaway.model.route import Gateway
from seaway.model.service import Service, ServiceName
from seaway.model.upstream import Upstream, UpstreamId
from seaway.model.workload import GatewayProxy, Pod, PodName


@dataclass(frozen=True)
class Model:
    """Everything that the planes are planned from. Tuples are ordered by identity, so that equal clusters give equal models."""

    cluster: Cluster
    pods: tuple[Pod, ...]
    services: tuple[Service, ...]
    gateways: tuple[Gateway, ...]
    mesh: Mesh = NO_MESH
    policies: tuple[Policy, ...] = ()
    """Network policies of all dialects."""
    namespaces: tuple[tuple[str, Labels], ...] = ()
    """Names with labels, which policies select by."""
    worked_out: VerdictTable | None = field(default=None, repr=False, compare=False)
    """The verdicts of these pods under these policies, where they are known already."""

    @cached_property
    def pod(self) -> Mapping[PodName, Pod]:
        return {pod.id: pod for pod in self.pods}

    @cached_property
    def service(self) -> Mapping[ServiceName, Service]:
        return {service.id: service for service in self.services}

    @cached_property
    def cluster_ips(self) -> frozenset[str]:
        return frozenset(service.cluster_ip for service in self.services)

    @cached_property
    def _pods_by_node(self) -> Mapping[str, tuple[Pod, ...]]:
        found: dict[str, list[Pod]] = {}
        for pod in self.pods:
            found.setdefault(pod.node, []).append(pod)
        return {node: tuple(pods) for node, pods in found.items()}

    @cached_property
    def pod_at(self) -> Mapping[str, Pod]:
        """Pods by address; those in the host's network are left out, since they share it."""
        return {pod.ip: pod for pod in self.pods if not pod.host_network}

    @cached_property
    def member(self) -> Mapping[PodName, Member]:
        """The pods that are in the mesh."""
        return {member.pod: member for member in self.mesh.members}

    @cached_property
    def inbound(self) -> Mapping[PodName, Inbound]:
        return {inbound.pod: inbound for inbound in self.mesh.inbounds}

    @cached_property
    def _announced(self) -> Mapping[PodName, Inbound]:
        return self.inbound if self.mesh.announced is None else {one.pod: one for one in self.mesh.announced}

    def takes_mtls(self, pod: PodName | None, port: int) -> bool:
        """Whether callers are told that this port of a pod takes mutual TLS. Gateways are called as those outside are."""
        if pod is None or pod not in self.pod or isinstance(self.pod[pod].runs, GatewayProxy):
            return False
        inbound = self._announced.get(pod)
        if inbound is None:
            return False
        mode = next((one.mtls for one in inbound.ports if one.port == port), inbound.other)
        return mode is not Mtls.DISABLE

    @cached_property
    def _localities(self) -> Mapping[str, Locality]:
        return {node.name: parse_locality(node.locality) for node in self.cluster.nodes}

    def locality_of(self, pod: PodName | None, node: str) -> Locality:
        """Where an endpoint is: as the pod's own label says (dots for slashes, which labels cannot hold), else where its node is."""
        own = dict(self.pod[pod].labels).get(LOCALITY_LABEL, "") if pod is not None and pod in self.pod else ""
        return parse_locality(own.replace(".", "/")) if own else self._localities.get(node, NOWHERE)

    @cached_property
    def upstream(self) -> Mapping[UpstreamId, Upstream]:
        return {upstream.id: upstream for upstream in self.mesh.upstreams}

    @cached_property
    def scope(self) -> Mapping[str, Scope]:
        return {scope.id: scope for scope in self.mesh.scopes}

    @cached_property
    def policy(self) -> Mapping[str, WorkloadPolicy]:
        return {policy.id: policy for policy in self.mesh.policies}

    @cached_property
    def ground(self) -> Ground:
        """What network policies are about."""
        return Ground(self.pods, self.namespaces, self.cluster.nodes)

    @cached_property
    def verdicts(self) -> VerdictTable:
        """Who may open a connection to whom. It follows from pods, namespaces and policies alone."""
        known = self.worked_out
        if known is not None and known.policies is self.policies and known.ground == self.ground:
            return known
        return build_verdicts(self.policies, self.ground)

    def pods_on(self, node: str) -> tuple[Pod, ...]:
        return self._pods_by_node.get(node, ())
