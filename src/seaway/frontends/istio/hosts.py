"""All hosts of the mesh in one registry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from seaway.core.finding import Findings
from seaway.frontends.istio.registry import Host, Registry
from seaway.frontends.istio.service_hosts import service_hosts
from seaway.frontends.istio.settings import Settings
from seaway.model.service import Service
from seaway.model.workload import Pod, PodName
from seaway.snapshot import Snapshot


def build_registry(
    snapshot: Snapshot, services: tuple[Service, ...], pods: Mapping[PodName, Pod], settings: Settings
) -> tuple[Registry, Findings]:
    """Every host that some client may call, by name: those of objects that the snapshot holds."""
    hosts: defaultdict[str, list[Host]] = defaultdict(list)
    seen = tuple(service for service in services if service.owner in snapshot.objects)
    for host in service_hosts(snapshot, seen, pods, settings):
        hosts[host.name].append(host)
    return Registry(settings.domain, {name: tuple(hosts[name]) for name in sorted(hosts)}), ()
