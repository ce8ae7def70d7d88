"""ServiceEntry: a service that Kubernetes does not know, inside the mesh or outside.

https://istio.io/latest/docs/reference/config/networking/service-entry/
"""

from __future__ import annotations

from seaway.resources.istio.selection import LabelsSelector
from seaway.resources.istio.workload_entry import WorkloadEntrySpec
from seaway.resources.meta import ObjectMeta, Struct


class ServicePort(Struct, frozen=True, kw_only=True):
    number: int
    protocol: str = ""
    name: str
    target_port: int | None = None


class ServiceEntrySpec(Struct, frozen=True, kw_only=True):
    """`location`: MESH_EXTERNAL or MESH_INTERNAL. `resolution`: NONE, STATIC, DNS, DNS_ROUND_ROBIN or DYNAMIC_DNS."""

    hosts: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    location: str | None = None
    resolution: str | None = None
    endpoints: tuple[WorkloadEntrySpec, ...] = ()
    workload_selector: LabelsSelector | None = None
    export_to: tuple[str, ...] = ()
    subject_alt_names: tuple[str, ...] = ()


class ServiceEntry(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: ServiceEntrySpec
