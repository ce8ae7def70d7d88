"""policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy, which replaces the two kinds of v1alpha1. Subjects and peers are the same.

https://network-policy-api.sigs.k8s.io/reference/spec/
"""

from __future__ import annotations

import msgspec

from seaway.resources.meta import ObjectMeta, Struct
from seaway.resources.policy_v1alpha1 import AdminNetworkPolicyPeer, AdminNetworkPolicySubject


class ClusterPortRange(Struct, frozen=True, kw_only=True):
    """`start` is below `end`."""

    start: int
    end: int


class ClusterPort(Struct, frozen=True, kw_only=True):
    """Exactly one field."""

    number: int | None = None
    range: ClusterPortRange | None = None


class ClusterNetworkPolicyTransport(Struct, frozen=True, kw_only=True):
    destination_port: ClusterPort


class ClusterNetworkPolicyProtocol(Struct, frozen=True, kw_only=True):
    """Exactly one field."""

    tcp: ClusterNetworkPolicyTransport | None = None
    udp: ClusterNetworkPolicyTransport | None = None
    sctp: ClusterNetworkPolicyTransport | None = None
    destination_named_port: str | None = None


class ClusterNetworkPolicyIngressRule(Struct, frozen=True, kw_only=True):
    name: str = ""
    action: str
    from_: tuple[AdminNetworkPolicyPeer, ...] = msgspec.field(name="from")
    protocols: tuple[ClusterNetworkPolicyProtocol, ...] = ()


class ClusterNetworkPolicyEgressRule(Struct, frozen=True, kw_only=True):
    name: str = ""
    action: str
    to: tuple[AdminNetworkPolicyPeer, ...]
    protocols: tuple[ClusterNetworkPolicyProtocol, ...] = ()


class ClusterNetworkPolicySpec(Struct, frozen=True, kw_only=True):
    """`tier` is Admin or Baseline; within it lower priorities come first."""

    tier: str
    priority: int
    subject: AdminNetworkPolicySubject
    ingress: tuple[ClusterNetworkPolicyIngressRule, ...] = ()
    egress: tuple[ClusterNetworkPolicyEgressRule, ...] = ()


class ClusterNetworkPolicy(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: ClusterNetworkPolicySpec
