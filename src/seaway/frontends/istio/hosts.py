"""All hosts of the mesh in one registry: Services and ServiceEntries, those that go by one name in the order in which they count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from seaway.core.finding import Findings
from seaway.frontends.istio.ages import created
from seaway.frontends.istio.registry import Host, Registry
from seaway.frontends.istio.service_entries import read_service_entries
from seaway.frontends.istio.service_hosts import service_aliases, service_hosts
from seaway.frontends.istio.settings import Settings
from seaway.model.mesh import HostName
from seaway.model.service import Service
from seaway.model.workload import Pod, PodName
from seaway.snapshot import Snapshot

NO_LEASES: Mapping[str, str] = MappingProxyType({})


def build_registry(
    snapshot: Snapshot,
    services: tuple[Service, ...],
    pods: Mapping[PodName, Pod],
    settings: Settings,
    leases: Mapping[str, str] = NO_LEASES,
) -> tuple[Registry, Findings]:
    """Every host that some client may call, by name: those of objects that the snapshot holds. `leases` are `Registry.given` of the last
    build.
    """
    seen = tuple(service for service in services if service.owner in snapshot.objects)
    entries = read_service_entries(snapshot, pods, settings, leases)
    named: defaultdict[str, list[Host]] = defaultdict(list)
    for host in (*service_hosts(snapshot, seen, pods, settings), *entries.hosts):
        named[host.name].append(host)
    aliases = service_aliases(seen, settings, named)
    hosts = {name: tuple(_aliased(_ordered(named[name]), aliases.get(name, ()))) for name in sorted(named)}
    return Registry(settings.domain, hosts, entries.addresses.given), entries.findings


def host_names(registry: Registry) -> tuple[HostName, ...]:
    """What DNS tells members of hosts of ServiceEntries; a Service's name is everybody's, and ranges are no addresses to connect to."""
    found: list[HostName] = []
    for same in registry.hosts.values():
        if any(host.service is not None for host in same):
            continue
        for host in same:
            addresses = tuple(one.removesuffix("/32") for one in host.addresses if one.endswith("/32"))
            if addresses and host.export_to:
                found.append(HostName(host.name, addresses, host.namespace, tuple(sorted(host.export_to)), host.key, host.origin))
    return tuple(found)


def _aliased(hosts: Iterable[Host], aliases: tuple[str, ...]) -> Iterator[Host]:
    return (replace(host, aliases=aliases) for host in hosts) if aliases else iter(hosts)


def _ordered(hosts: Sequence[Host]) -> Sequence[Host]:
    """A Service first, then the oldest. Entries of one namespace and resolution are one host: ports that the first lacks are added."""
    if len(hosts) == 1:
        return hosts
    ordered = sorted(hosts, key=lambda one: (one.service is None, created(one.created), one.key.name, one.namespace))
    joined: dict[object, Host] = {}
    for host in ordered:
        key = host.service or (host.namespace, host.resolution, host.external)
        joined[key] = _joined(joined[key], host) if key in joined else host
    return tuple(joined.values())


def _joined(first: Host, other: Host) -> Host:
    numbers = {port.number for port in first.ports}
    return replace(
        first,
        ports=(*first.ports, *(port for port in other.ports if port.number not in numbers)),
        addresses=tuple(dict.fromkeys((*first.addresses, *other.addresses))),
        identities=tuple(sorted({*first.identities, *other.identities})),
    )
