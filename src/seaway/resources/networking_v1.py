"""networking.k8s.io/v1 Ingress and IngressClass.

https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/
"""

from __future__ import annotations

from seaway.resources.meta import ObjectMeta, Struct

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
