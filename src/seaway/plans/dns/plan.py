"""The records of cluster DNS: Kubernetes DNS-Based Service Discovery, schema version 1.1.0.

https://github.com/kubernetes/dns/blob/master/docs/specification.md; section numbers below are that document's. Where it leaves a choice,
this follows CoreDNS's kubernetes plugin: TTL 5 s, dashed addresses as names of endpoints that have none, an endpoint's own port in SRV
records of headless Services, and the names of endpoints with a hostname also below Services that have a cluster IP. Pod records (2.6) are
those of its mode `pods verified`: an address answers only in the namespace of a pod that has it. Members of the mesh are told of hosts
of ServiceEntries too, by addresses that their proxies know; to all others these names are the world's.

A namespace exists for DNS when it holds a Service or a pod. Wire format, truncation and names outside are left to the server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import chain
from typing import TypeAlias

from seaway.core.memo import Memo
from seaway.core.names import is_dns_label
from seaway.model.cluster import Cluster
from seaway.model.index import Model
from seaway.model.mesh import Member
from seaway.model.service import Backend, Health, Service, ServiceType, health_of, is_ready
from seaway.model.workload import GatewayProxy
from seaway.protocols.dns_zone import DnsZone, MeshName, RecordSet

SCHEMA_VERSION = "1.1.0"
TTL_S = 5
VERSION_TTL_S = 28800
NAME_SERVER = "ns.dns"
"""CoreDNS's name for itself, below the zone."""

_PRIORITY_AND_WEIGHT = "0 100"

Rows = defaultdict[tuple[str, str], dict[str, None]]
"""Record data by name and type, in order of first mention and without repeats."""


def plan_dns(model: Model, health: Health, memo: Memo | None = None) -> DnsZone:
    """The complete zone of a cluster, its records ordered by name and type."""
    memo = memo or Memo()
    steady = memo.stage("steady", _steady_rows, model)
    domain = model.cluster.domain
    rows = tuple(
        one if isinstance(one, tuple) else memo(one.id, _service_rows, one, health_of(one, health), domain, _taken(model, one))
        for one in steady
    )
    zone = memo("zone", _zone, model, rows)
    memo.turn()
    return zone


Row: TypeAlias = tuple[str, str, str]
"""Name, type, data."""


def _steady_rows(model: Model, memo: Memo) -> tuple[tuple[Row, ...] | Service, ...]:
    """Of each Service its rows, or the Service itself where they depend on who is ready."""
    domain, nobody = model.cluster.domain, frozenset[str]()
    return tuple(one if _asks_health(one) else memo(one.id, _service_rows, one, Health(), domain, nobody) for one in model.services)


def _asks_health(service: Service) -> bool:
    return service.headless or any(one.hostname for one in service.backends)


def _taken(model: Model, service: Service) -> frozenset[str]:
    """Those of its backends' addresses that are a Service's."""
    return frozenset(one.address for one in service.backends if one.address in model.cluster_ips)


def _zone(model: Model, parts: tuple[tuple[Row, ...], ...]) -> DnsZone:
    """`parts` are the rows of each Service."""
    rows: Rows = defaultdict(dict)
    for name, kind, data in chain.from_iterable(parts):
        rows[name, kind][data] = None
    for pod in model.pods:
        if pod.ip:
            rows[f"{_dashed(pod.ip)}.{pod.id.namespace}.pod", _family(pod.ip)][pod.ip] = None
    rows[NAME_SERVER, _family(model.cluster.dns_address)][model.cluster.dns_address] = None
    records = [RecordSet(name, kind, TTL_S, tuple(data)) for (name, kind), data in rows.items()]
    records.append(RecordSet("dns-version", "TXT", VERSION_TTL_S, (SCHEMA_VERSION,)))
    ordered = tuple(sorted(records))
    reverse = _reverse_zones(model.cluster, ordered)
    empty = _empty_names(model)
    mesh = tuple(MeshName(one.name, one.addresses, one.namespace, one.exports) for one in model.mesh.names)
    members = tuple(sorted((model.pod[one.pod].ip, one.pod.namespace) for one in model.mesh.members if _asks(model, one))) if mesh else ()
    serial = _serial(model.cluster.domain, reverse, empty, ordered, mesh, members)
    return DnsZone(model.cluster.domain, NAME_SERVER, TTL_S, serial, reverse, empty, ordered, mesh, members)


def _asks(model: Model, member: Member) -> bool:
    """Gateways are not told: no proxy stands between them and an address that stands for a host."""
    pod = model.pod.get(member.pod)
    return pod is not None and bool(pod.ip) and not pod.host_network and not isinstance(pod.runs, GatewayProxy)


def _service_rows(service: Service, health: Health, domain: str, cluster_ips: frozenset[str]) -> tuple[Row, ...]:
    """The records of one Service. `cluster_ips` are those of its backends' addresses that are a Service's."""
    return tuple(_rows(service, health, domain, cluster_ips))


def _rows(service: Service, health: Health, domain: str, cluster_ips: frozenset[str]) -> Iterator[Row]:
    host = f"{service.id.name}.{service.id.namespace}.svc"
    if service.type is ServiceType.EXTERNAL_NAME:
        target = service.external_name.removesuffix(".").lower()
        if _is_name(target):  # what could not be put into a record was reported when the Service was read
            yield host, "CNAME", f"{target}."
        return
    ready = [one for one in service.backends if service.publish_not_ready or is_ready(one, health)]
    if service.cluster_ip:
        yield host, _family(service.cluster_ip), service.cluster_ip
        yield ip_address(service.cluster_ip).reverse_pointer + ".", "PTR", f"{host}.{domain}."
        for port in service.ports:
            if port.name:
                yield f"_{port.name}._{port.protocol.value.lower()}.{host}", "SRV", f"{_PRIORITY_AND_WEIGHT} {port.port} {host}"
        for backend in ready:
            if backend.hostname:
                yield f"{backend.hostname}.{host}", _family(backend.address), backend.address
        return
    for backend in ready:
        yield from _endpoint_rows(service, backend, host)
        if backend.address not in cluster_ips:
            yield ip_address(backend.address).reverse_pointer + ".", "PTR", f"{_endpoint_label(backend)}.{host}.{domain}."


def _endpoint_rows(service: Service, backend: Backend, host: str) -> Iterator[Row]:
    """Section 2.4. A backend without any of the ports still has its addresses, as an EndpointSlice without ports has."""
    target = f"{_endpoint_label(backend)}.{host}"
    yield host, _family(backend.address), backend.address
    yield target, _family(backend.address), backend.address
    for port, number in zip(service.ports, backend.ports, strict=True):
        if port.name and number:
            yield f"_{port.name}._{port.protocol.value.lower()}.{host}", "SRV", f"{_PRIORITY_AND_WEIGHT} {number} {target}"


def _endpoint_label(backend: Backend) -> str:
    return backend.hostname or _dashed(backend.address)


def _dashed(address: str) -> str:
    return address.replace(".", "-").replace(":", "-")


def _family(address: str) -> str:
    return "AAAA" if ":" in address else "A"


def _is_name(text: str) -> bool:
    """Fits into a DNS name. Underscores are allowed, as in names of mail and federation records that people do point at."""
    return len(text) <= 253 and all(is_dns_label(label.replace("_", "a")) for label in text.split("."))


def _empty_names(model: Model) -> tuple[str, ...]:
    """`svc`, `pod` and each namespace below them exist whether or not they hold records: NODATA, where other names are NXDOMAIN."""
    namespaces = {service.id.namespace for service in model.services} | {pod.id.namespace for pod in model.pods}
    return tuple(sorted(("svc", "pod", *(f"{name}.{kind}" for name in namespaces for kind in ("svc", "pod")))))


def _reverse_zones(cluster: Cluster, records: tuple[RecordSet, ...]) -> tuple[str, ...]:
    """Zones of the cluster's own ranges, and of each further address that has a PTR: for the rest of the world others are asked."""
    networks = [ip_network(cidr, strict=False) for cidr in (cluster.pod_cidr, cluster.service_cidr)]
    zones = {zone for network in networks for zone in _zones_of(network)}
    for record in records:
        if record.type == "PTR":
            labels = record.name.removesuffix(".").split(".")
            if zones.isdisjoint(".".join(labels[cut:]) for cut in range(len(labels))):
                zones.add(".".join(labels))
    return tuple(sorted(zones))


def _zones_of(network: IPv4Network | IPv6Network) -> Iterator[str]:
    """The reverse zones that cover a range: one, or as many as it spans at the next label border (at most 128)."""
    bits = 8 if network.version == 4 else 4
    border = -(-network.prefixlen // bits) * bits
    for part in network.subnets(new_prefix=border) if border else ():
        labels = part.network_address.reverse_pointer.split(".")
        yield ".".join(labels[(part.max_prefixlen - border) // bits :])


def _serial(*parts: object) -> int:
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=4).digest(), "big")
