"""networking.k8s.io/v1 Ingress, IngressClass and NetworkPolicy.

https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/
https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
"""

from __future__ import annotations

import msgspec

from seaway.resources.meta import LabelSelector, ObjectMeta, Struct

DEFAULT_CLASS_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"


class ServiceBackendPort(Struct, frozen=True, kw_only=True):
    name: str | None = None
    number: int | None = None


class IngressServiceBackend(Struct, frozen=True, kw_only=True):
    name: str
    port: ServiceBackendPort = ServiceBackendPort()


class TypedLocalObjectReference(Struct, frozen=True, kw_only=True):
    kind: str
    name: str
    api_group: str | None = None


class IngressBackend(Struct, frozen=True, kw_only=True):
    service: IngressServiceBackend | None = None
    resource: TypedLocalObjectReference | None = None


class HTTPIngressPath(Struct, frozen=True, kw_only=True):
    backend: IngressBackend
    path_type: str
    path: str = ""


class HTTPIngressRuleValue(Struct, frozen=True, kw_only=True):
    paths: tuple[HTTPIngressPath, ...] = ()


class IngressRule(Struct, frozen=True, kw_only=True):
    host: str = ""
    http: HTTPIngressRuleValue | None = None


class IngressTLS(Struct, frozen=True, kw_only=True):
    hosts: tuple[str, ...] = ()
    secret_name: str = ""


class IngressSpec(Struct, frozen=True, kw_only=True):
    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTLS, ...] = ()


class Ingress(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: IngressSpec = IngressSpec()


class IngressClassSpec(Struct, frozen=True, kw_only=True):
    controller: str = ""


class IngressClass(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: IngressClassSpec = IngressClassSpec()


class IPBlock(Struct, frozen=True, kw_only=True):
    cidr: str
    except_: tuple[str, ...] = msgspec.field(name="except", default=())


class NetworkPolicyPeer(Struct, frozen=True, kw_only=True):
    """Selectors of one item are ANDed; one that is there and empty selects everything, which an absent one does not."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class NetworkPolicyPort(Struct, frozen=True, kw_only=True):
    protocol: str | None = None
    port: int | str | None = None
    end_port: int | None = None


class NetworkPolicyIngressRule(Struct, frozen=True, kw_only=True):
    from_: tuple[NetworkPolicyPeer, ...] = msgspec.field(name="from", default=())
    ports: tuple[NetworkPolicyPort, ...] = ()


class NetworkPolicyEgressRule(Struct, frozen=True, kw_only=True):
    to: tuple[NetworkPolicyPeer, ...] = ()
    ports: tuple[NetworkPolicyPort, ...] = ()


class NetworkPolicySpec(Struct, frozen=True, kw_only=True):
    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[str, ...] = ()
    ingress: tuple[NetworkPolicyIngressRule, ...] = ()
    egress: tuple[NetworkPolicyEgressRule, ...] = ()


class NetworkPolicy(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: NetworkPolicySpec = NetworkPolicySpec()
