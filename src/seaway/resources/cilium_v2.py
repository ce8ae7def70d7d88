"""cilium.io/v2 CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy.

https://docs.cilium.io/en/stable/security/policy/
"""

from __future__ import annotations

from typing import Any

import msgspec

from seaway.resources.meta import LabelSelector, ObjectMeta, Struct


class CIDRRule(Struct, frozen=True, kw_only=True):
    cidr: str | None = None
    except_: tuple[str, ...] = msgspec.field(name="except", default=())
    cidr_group_ref: str | None = None
    cidr_group_selector: LabelSelector | None = None


class FQDNSelector(Struct, frozen=True, kw_only=True):
    match_name: str = ""
    match_pattern: str = ""


class PortProtocol(Struct, frozen=True, kw_only=True):
    """`port` is a number as text, or a name; `protocol` ANY where absent."""

    port: str = "0"
    end_port: int | None = None
    protocol: str = ""


class HeaderMatch(Struct, frozen=True, kw_only=True):
    mismatch: str = ""
    name: str
    secret: Any = None
    value: str = ""


class PortRuleHTTP(Struct, frozen=True, kw_only=True):
    """Regular expressions over the whole text; all fields must hold."""

    path: str = ""
    method: str = ""
    host: str = ""
    headers: tuple[str, ...] = ()
    header_matches: tuple[HeaderMatch, ...] = ()


class L7Rules(Struct, frozen=True, kw_only=True):
    http: tuple[PortRuleHTTP, ...] = ()
    dns: tuple[FQDNSelector, ...] = ()
    kafka: Any = None
    l7proto: str = ""
    l7: Any = None


class PortRule(Struct, frozen=True, kw_only=True):
    ports: tuple[PortProtocol, ...] = ()
    rules: L7Rules | None = None
    server_names: tuple[str, ...] = ()
    terminating_tls: Any = msgspec.field(name="terminatingTLS", default=None)
    originating_tls: Any = msgspec.field(name="originatingTLS", default=None)
    listener: Any = None


class PortDenyRule(Struct, frozen=True, kw_only=True):
    ports: tuple[PortProtocol, ...] = ()


class ICMPField(Struct, frozen=True, kw_only=True):
    """`family` IPv4 where absent; `type` a number or a name such as EchoRequest."""

    family: str = "IPv4"
    type: int | str


class ICMPRule(Struct, frozen=True, kw_only=True):
    fields: tuple[ICMPField, ...] = ()


class K8sService(Struct, frozen=True, kw_only=True):
    service_name: str = ""
    namespace: str = ""


class K8sServiceSelector(Struct, frozen=True, kw_only=True):
    selector: LabelSelector = LabelSelector()
    namespace: str = ""


class CiliumService(Struct, frozen=True, kw_only=True):
    k8s_service: K8sService | None = None
    k8s_service_selector: K8sServiceSelector | None = None


class CiliumIngress(Struct, frozen=True, kw_only=True):
    """At most one member says from whom; an absent one is no condition, an empty one nobody."""

    from_endpoints: tuple[LabelSelector, ...] | None = None
    from_requires: tuple[LabelSelector, ...] | None = None
    from_cidr: tuple[str, ...] | None = msgspec.field(name="fromCIDR", default=None)
    from_cidr_set: tuple[CIDRRule, ...] | None = msgspec.field(name="fromCIDRSet", default=None)
    from_entities: tuple[str, ...] | None = None
    from_groups: Any = None
    from_nodes: tuple[LabelSelector, ...] | None = None
    to_ports: tuple[PortRule, ...] = ()
    icmps: tuple[ICMPRule, ...] = ()
    authentication: Any = None


class CiliumEgress(Struct, frozen=True, kw_only=True):
    """As for ingress."""

    to_endpoints: tuple[LabelSelector, ...] | None = None
    to_requires: tuple[LabelSelector, ...] | None = None
    to_cidr: tuple[str, ...] | None = msgspec.field(name="toCIDR", default=None)
    to_cidr_set: tuple[CIDRRule, ...] | None = msgspec.field(name="toCIDRSet", default=None)
    to_entities: tuple[str, ...] | None = None
    to_groups: Any = None
    to_nodes: tuple[LabelSelector, ...] | None = None
    to_services: tuple[CiliumService, ...] | None = None
    to_fqdns: tuple[FQDNSelector, ...] | None = msgspec.field(name="toFQDNs", default=None)
    to_ports: tuple[PortRule, ...] = ()
    icmps: tuple[ICMPRule, ...] = ()
    authentication: Any = None


class DefaultDeny(Struct, frozen=True, kw_only=True):
    ingress: bool | None = None
    egress: bool | None = None


class CiliumRule(Struct, frozen=True, kw_only=True):
    """One of the two selectors."""

    endpoint_selector: LabelSelector | None = None
    node_selector: LabelSelector | None = None
    ingress: tuple[CiliumIngress, ...] = ()
    ingress_deny: tuple[CiliumIngress, ...] = ()
    egress: tuple[CiliumEgress, ...] = ()
    egress_deny: tuple[CiliumEgress, ...] = ()
    enable_default_deny: DefaultDeny = DefaultDeny()
    labels: Any = None
    description: str = ""
    log: Any = None


class CiliumNetworkPolicy(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: CiliumRule | None = None
    specs: tuple[CiliumRule, ...] = ()


class CiliumClusterwideNetworkPolicy(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: CiliumRule | None = None
    specs: tuple[CiliumRule, ...] = ()
