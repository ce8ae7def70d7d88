"""All network policies of a snapshot as one tuple in the model's language, with what is wrong in them.

Left to others: what follows from them together (`model/policies/verdicts.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from seaway.core.codes.policies import SAME_PRIORITY
from seaway.core.finding import Finding, Findings, finding
from seaway.core.memo import Memo
from seaway.frontends.policies.admin import read_admin_policy, read_baseline_policy, read_cluster_policy
from seaway.frontends.policies.cilium import read_cilium_policy, read_clusterwide_policy
from seaway.frontends.policies.effects import Survey, check_dns, check_effects
from seaway.frontends.policies.names import check_names
from seaway.frontends.policies.network_policy import read_network_policy
from seaway.frontends.policies.reading import Reading
from seaway.frontends.policies.shapes import check_shape
from seaway.model.cluster import Cluster
from seaway.model.policies.identities import Ground
from seaway.model.policies.language import Policy, Tier
from seaway.model.policies.verdicts import VerdictTable, build_verdicts
from seaway.model.service import Service
from seaway.model.workload import Pod
from seaway.resources.cilium_v2 import CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy
from seaway.resources.core_v1 import Namespace
from seaway.resources.meta import Struct
from seaway.resources.networking_v1 import NetworkPolicy
from seaway.resources.policy_v1alpha1 import AdminNetworkPolicy, BaselineAdminNetworkPolicy
from seaway.resources.policy_v1alpha2 import ClusterNetworkPolicy
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class BuiltPolicies:
    """What the model gets, and what is to be said of it."""

    table: VerdictTable
    findings: Findings


READERS: tuple[tuple[type[Struct], Callable[[Any], Reading]], ...] = (
    (NetworkPolicy, read_network_policy),
    (AdminNetworkPolicy, read_admin_policy),
    (BaselineAdminNetworkPolicy, read_baseline_policy),
    (ClusterNetworkPolicy, read_cluster_policy),
    (CiliumNetworkPolicy, read_cilium_policy),
    (CiliumClusterwideNetworkPolicy, read_clusterwide_policy),
)
"""By kind, what reads its objects."""


def build_policies(snapshot: Snapshot, pods: tuple[Pod, ...], services: tuple[Service, ...], cluster: Cluster, memo: Memo) -> BuiltPolicies:
    """What follows from all policies for these pods, and what is wrong in them. The table holds the policies, ordered by key."""
    policies: list[Policy] = []
    findings: list[Finding] = []
    for kind, read in READERS:
        for resource in snapshot.of(kind):
            reading = memo(("policy", resource.key), read, resource)
            policies += reading.policies
            findings += reading.findings
    spaces = tuple((one.key.name, tuple(sorted(one.meta.labels.items()))) for one in snapshot.of(Namespace))
    table = build_verdicts(tuple(policies), Ground(pods, spaces, cluster.nodes), memo)
    findings += _mistakes(snapshot, policies, Survey(table, services, cluster))
    return BuiltPolicies(table, tuple(findings))


def _mistakes(snapshot: Snapshot, policies: list[Policy], survey: Survey) -> Findings:
    """What is read otherwise than it looks, and what comes to nothing."""
    if not policies:
        return ()
    by_key = {policy.key: policy for policy in policies}
    found: list[Finding] = []
    for resource in snapshot.of(NetworkPolicy):
        if (policy := by_key.get(resource.key)) is not None:
            found += (*check_shape(resource, policy), *check_effects(resource, policy, survey))
    return (*found, *check_dns(survey), *check_names(survey.table), *_same_priority(policies, survey))


def _same_priority(policies: list[Policy], survey: Survey) -> Iterator[Finding]:
    """Pairs of neighbours in a tier between which nothing decides."""
    tiered = sorted((one for one in policies if one.tier is not Tier.NAMESPACED), key=lambda one: (one.tier.value, one.priority))
    for first, second in pairwise(tiered):
        directions = {one.direction for one in first.sections} & {one.direction for one in second.sections}
        shared = survey.mask(first.subject) & survey.mask(second.subject)
        if (first.tier, first.priority) == (second.tier, second.priority) and directions and shared:
            yield finding(SAME_PRIORITY, second.origin, second.key, other=first.key, priority=first.priority)
