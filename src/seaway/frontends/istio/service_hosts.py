"""Services as hosts of the mesh: their full names, TCP ports, addresses, and who runs behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping

from seaway.frontends.istio.app_protocols import service_protocol
from seaway.frontends.istio.exports import OWN
from seaway.frontends.istio.registry import Host, HostPort, Resolution
from seaway.frontends.istio.settings import Settings
from seaway.model.names import service_host, spiffe_id
from seaway.model.service import Service, ServiceType
from seaway.model.upstream import OfService
from seaway.model.workload import Pod, PodName, Protocol
from seaway.snapshot import Snapshot

EXPORT_ANNOTATION = "networking.istio.io/exportTo"


def service_hosts(snapshot: Snapshot, services: tuple[Service, ...], pods: Mapping[PodName, Pod], settings: Settings) -> Iterator[Host]:
    """One host a Service, in their order. Those of type ExternalName are names of other hosts, and none themselves."""
    for service in services:
        if service.type is ServiceType.EXTERNAL_NAME:
            continue
        accounts = {(pod.id.namespace, pod.service_account) for one in service.backends if one.pod and (pod := pods.get(one.pod))}
        written = snapshot.objects.get(service.owner)
        addresses = (service.cluster_ip,) if service.cluster_ip else tuple(one.address for one in service.backends)
        yield Host(
            name=service_host(service.id, settings.domain),
            namespace=service.id.namespace,
            ports=tuple(_ports(service)),
            addresses=tuple(f"{address}/32" for address in dict.fromkeys(addresses)),
            headless=service.headless,
            external=False,
            resolution=Resolution.STATIC,
            export_to=_exports(service, settings),
            identities=tuple(sorted(spiffe_id(settings.mesh.trust_domain, *account) for account in accounts)),
            service=service.id,
            created=(written.meta.creation_timestamp or "") if written else "",
            key=service.owner,
            origin=service.origin,
        )


def service_aliases(services: tuple[Service, ...], settings: Settings, hosts: Container[str]) -> dict[str, tuple[str, ...]]:
    """By host, the names of ExternalName Services that lead to it, over others of their type too. One that ends nowhere is no name."""
    targets = {
        service_host(one.id, settings.domain): one.external_name.lower() for one in services if one.type is ServiceType.EXTERNAL_NAME
    }
    found: defaultdict[str, list[str]] = defaultdict(list)
    for alias in sorted(targets):
        passed = {alias}
        end = targets[alias]
        while end in targets and end not in passed:
            passed.add(end)
            end = targets[end]
        if end in hosts:
            found[end].append(alias)
    return {host: tuple(names) for host, names in found.items()}


def _exports(service: Service, settings: Settings) -> frozenset[str]:
    """The annotation is taken as it is: nobody validates it."""
    written = dict(service.annotations).get(EXPORT_ANNOTATION, "")
    names = [one.strip() for one in written.split(",")] if written else settings.services_to
    return frozenset(service.id.namespace if name == OWN else name for name in names)


def _ports(service: Service) -> Iterator[HostPort]:
    for position, port in enumerate(service.ports):
        protocol = service_protocol(port.port, port.name, port.app_protocol)
        if port.protocol is Protocol.TCP and protocol is not None:
            yield HostPort(port.port, port.name, protocol, OfService(service.id, position), port.origin)
