"""discovery.k8s.io/v1 EndpointSlice.

https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
"""

from __future__ import annotations

from seaway.resources.core_v1 import ObjectReference
from seaway.resources.meta import ObjectMeta, Struct

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


class EndpointConditions(Struct, frozen=True, kw_only=True):
    """`ready: null` counts as true."""

    ready: bool | None = None


class Endpoint(Struct, frozen=True, kw_only=True):
    addresses: tuple[str, ...]
    conditions: EndpointConditions = EndpointConditions()
    hostname: str | None = None
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointSlicePort(Struct, frozen=True, kw_only=True):
    name: str | None = None
    port: int | None = None
    protocol: str = "TCP"
    app_protocol: str | None = None


class EndpointSlice(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    address_type: str = "IPv4"
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointSlicePort, ...] = ()
