"""policy.networking.k8s.io/v1alpha1: AdminNetworkPolicy and BaselineAdminNetworkPolicy.

https://network-policy-api.sigs.k8s.io/reference/spec/
"""

from __future__ import annotations

import msgspec

from seaway.resources.meta import LabelSelector, ObjectMeta, Struct


class NamespacedPod(Struct, frozen=True, kw_only=True):
    """Pods by labels, in namespaces by labels; both must be given."""

    namespace_selector: LabelSelector
    pod_selector: LabelSelector


class AdminNetworkPolicySubject(Struct, frozen=True, kw_only=True):
    """Exactly one of the two."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None


class AdminNetworkPolicyPeer(Struct, frozen=True, kw_only=True):
    """Exactly one field. `nodes`, `networks` and `domain_names` are for egress only."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None
    nodes: LabelSelector | None = None
    networks: tuple[str, ...] = ()
    domain_names: tuple[str, ...] = ()


class PolicyPort(Struct, frozen=True, kw_only=True):
    protocol: str = "TCP"
    port: int


class PolicyPortRange(Struct, frozen=True, kw_only=True):
    protocol: str = "TCP"
    start: int
    end: int


class AdminNetworkPolicyPort(Struct, frozen=True, kw_only=True):
    """Exactly one field; a name counts over every protocol."""

    port_number: PolicyPort | None = None
    port_range: PolicyPortRange | None = None
    named_port: str | None = None


class AdminNetworkPolicyIngressRule(Struct, frozen=True, kw_only=True):
    name: str = ""
    action: str
    from_: tuple[AdminNetworkPolicyPeer, ...] = msgspec.field(name="from")
    ports: tuple[AdminNetworkPolicyPort, ...] = ()


class AdminNetworkPolicyEgressRule(Struct, frozen=True, kw_only=True):
    name: str = ""
    action: str
    to: tuple[AdminNetworkPolicyPeer, ...]
    ports: tuple[AdminNetworkPolicyPort, ...] = ()


class AdminNetworkPolicySpec(Struct, frozen=True, kw_only=True):
    """Lower priorities come first."""

    priority: int
    subject: AdminNetworkPolicySubject
    ingress: tuple[AdminNetworkPolicyIngressRule, ...] = ()
    egress: tuple[AdminNetworkPolicyEgressRule, ...] = ()


class AdminNetworkPolicy(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: AdminNetworkPolicySpec


class BaselineAdminNetworkPolicySpec(Struct, frozen=True, kw_only=True):
    subject: AdminNetworkPolicySubject
    ingress: tuple[AdminNetworkPolicyIngressRule, ...] = ()
    egress: tuple[AdminNetworkPolicyEgressRule, ...] = ()


class BaselineAdminNetworkPolicy(Struct, frozen=True, kw_only=True):
    """One object, named `default`."""

    metadata: ObjectMeta
    spec: BaselineAdminNetworkPolicySpec
