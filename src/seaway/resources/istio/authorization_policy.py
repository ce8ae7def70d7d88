"""AuthorizationPolicy: who may do what to a workload.

https://istio.io/latest/docs/reference/config/security/authorization-policy/
"""

from __future__ import annotations

import msgspec

from seaway.resources.istio.selection import PolicyTargetReference, WorkloadSelector
from seaway.resources.meta import ObjectMeta, Struct


class Source(Struct, frozen=True, kw_only=True):
    """Fields are ANDed, the values of one ORed."""

    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    request_principals: tuple[str, ...] = ()
    not_request_principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    not_namespaces: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    not_service_accounts: tuple[str, ...] = ()
    trust_domains: tuple[str, ...] = ()
    not_trust_domains: tuple[str, ...] = ()
    ip_blocks: tuple[str, ...] = ()
    not_ip_blocks: tuple[str, ...] = ()
    remote_ip_blocks: tuple[str, ...] = ()
    not_remote_ip_blocks: tuple[str, ...] = ()


class From(Struct, frozen=True, kw_only=True):
    source: Source | None = None


class Operation(Struct, frozen=True, kw_only=True):
    """As Source. Ports are text."""

    hosts: tuple[str, ...] = ()
    not_hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    not_ports: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    not_methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    not_paths: tuple[str, ...] = ()


class To(Struct, frozen=True, kw_only=True):
    operation: Operation | None = None


class Condition(Struct, frozen=True, kw_only=True):
    key: str
    values: tuple[str, ...] = ()
    not_values: tuple[str, ...] = ()


class Rule(Struct, frozen=True, kw_only=True):
    """`from` and `to` are None where absent: an empty list is a mistake, an absent one is no condition."""

    from_: tuple[From, ...] | None = msgspec.field(name="from", default=None)
    to: tuple[To, ...] | None = None
    when: tuple[Condition, ...] = ()


class CustomProvider(Struct, frozen=True, kw_only=True):
    """Name of one of MeshConfig's `extensionProviders`, for `action: CUSTOM`."""

    name: str = ""


class AuthorizationPolicySpec(Struct, frozen=True, kw_only=True):
    """`action`: ALLOW, DENY, AUDIT or CUSTOM. `target_ref` is the deprecated form of `target_refs`."""

    selector: WorkloadSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    rules: tuple[Rule, ...] = ()
    action: str | None = None
    provider: CustomProvider | None = None


class AuthorizationPolicy(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: AuthorizationPolicySpec = AuthorizationPolicySpec()
