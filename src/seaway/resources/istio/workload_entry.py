"""WorkloadEntry and WorkloadGroup: workloads that are no pods, and the template that they are made from.

https://istio.io/latest/docs/reference/config/networking/workload-entry/
https://istio.io/latest/docs/reference/config/networking/workload-group/
"""

from __future__ import annotations

from seaway.resources.meta import ObjectMeta, Struct


class WorkloadEntrySpec(Struct, frozen=True, kw_only=True):
    """Also an endpoint of a ServiceEntry. `ports` are by name of a service's port."""

    address: str = ""
    ports: dict[str, int] = {}
    labels: dict[str, str] = {}
    network: str = ""
    locality: str = ""
    weight: int | None = None
    service_account: str = ""


class WorkloadEntry(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: WorkloadEntrySpec


class WorkloadGroupMetadata(Struct, frozen=True, kw_only=True):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ProbeHeader(Struct, frozen=True, kw_only=True):
    name: str = ""
    value: str = ""


class HTTPHealthCheckConfig(Struct, frozen=True, kw_only=True):
    path: str = ""
    port: int
    host: str = ""
    scheme: str = ""
    http_headers: tuple[ProbeHeader, ...] = ()


class TCPHealthCheckConfig(Struct, frozen=True, kw_only=True):
    host: str = ""
    port: int


class ExecHealthCheckConfig(Struct, frozen=True, kw_only=True):
    command: tuple[str, ...]


class GrpcHealthCheckConfig(Struct, frozen=True, kw_only=True):
    port: int | None = None
    service: str = ""


class ReadinessProbe(Struct, frozen=True, kw_only=True):
    """One of the four actions; times in seconds."""

    initial_delay_seconds: int | None = None
    timeout_seconds: int | None = None
    period_seconds: int | None = None
    success_threshold: int | None = None
    failure_threshold: int | None = None
    http_get: HTTPHealthCheckConfig | None = None
    tcp_socket: TCPHealthCheckConfig | None = None
    exec: ExecHealthCheckConfig | None = None
    grpc: GrpcHealthCheckConfig | None = None


class WorkloadGroupSpec(Struct, frozen=True, kw_only=True):
    metadata: WorkloadGroupMetadata | None = None
    template: WorkloadEntrySpec
    probe: ReadinessProbe | None = None


class WorkloadGroup(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: WorkloadGroupSpec
