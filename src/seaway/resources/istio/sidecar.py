"""Sidecar: what a workload's proxy listens on, and which of the mesh's services it knows.

https://istio.io/latest/docs/reference/config/networking/sidecar/
"""

from __future__ import annotations

from seaway.resources.istio.destination_rule import ConnectionPoolSettings
from seaway.resources.istio.gateway import ServerTLSSettings
from seaway.resources.istio.selection import LabelsSelector
from seaway.resources.istio.virtual_service import Destination
from seaway.resources.meta import ObjectMeta, Struct


class SidecarPort(Struct, frozen=True, kw_only=True):
    """`target_port` does nothing upstream."""

    number: int | None = None
    protocol: str = ""
    name: str = ""
    target_port: int | None = None


class IstioIngressListener(Struct, frozen=True, kw_only=True):
    """`capture_mode`: DEFAULT, IPTABLES or NONE."""

    port: SidecarPort
    bind: str = ""
    capture_mode: str | None = None
    default_endpoint: str = ""
    tls: ServerTLSSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None


class IstioEgressListener(Struct, frozen=True, kw_only=True):
    """Hosts are `namespace/name`. `capture_mode` as above."""

    port: SidecarPort | None = None
    bind: str = ""
    capture_mode: str | None = None
    hosts: tuple[str, ...]


class OutboundTrafficPolicy(Struct, frozen=True, kw_only=True):
    """`mode`: REGISTRY_ONLY or ALLOW_ANY. `egress_proxy` is where traffic to unknown destinations is sent."""

    mode: str | None = None
    egress_proxy: Destination | None = None


class SidecarSpec(Struct, frozen=True, kw_only=True):
    workload_selector: LabelsSelector | None = None
    ingress: tuple[IstioIngressListener, ...] = ()
    egress: tuple[IstioEgressListener, ...] = ()
    inbound_connection_pool: ConnectionPoolSettings | None = None
    outbound_traffic_policy: OutboundTrafficPolicy | None = None


class Sidecar(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: SidecarSpec = SidecarSpec()
