"""Needs that manifests declare: Services that workloads' variables, arguments and configuration name, and what gateways' routes lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seaway.analysis.reach.entries import path_text
from seaway.analysis.suggest.mentions import Mention, find_mentions
from seaway.analysis.suggest.needs import (
    End,
    Found,
    Need,
    Outside,
    Why,
    end_at,
    ends_of_service,
    ends_of_upstream,
    join_needs,
    workload_of,
)
from seaway.analysis.suggest.texts import Text, texts_of
from seaway.core.cidr import in_cidr, parse_ipv4
from seaway.core.names import Key
from seaway.model.index import Model
from seaway.model.names import service_host
from seaway.model.route import Gateway, TcpServer
from seaway.model.service import Service, ServiceName, ServiceType
from seaway.model.upstream import UpstreamId
from seaway.model.workload import Pod
from seaway.snapshot import Snapshot

_PORT_OF = re.compile(r"(.*?)_?(host|hostname|addr|address|server|service|endpoint)s?", re.IGNORECASE)
_LOOPBACK = "127.0.0.0/8"
_MOST_ALIASES = 8
"""So many ExternalNames in a row, which may also go in a circle."""


def declared_needs(model: Model, snapshot: Snapshot) -> tuple[tuple[Need, ...], tuple[str, ...]]:
    """All of them, and what is named of Services that lead nowhere. Services are found as the pod's own search list would find them."""
    lost: dict[str, None] = {}
    workloads = tuple(_of_workloads(model, snapshot, lost))
    gateways = (one for gateway in model.gateways for one in _of_gateway(model, gateway))
    services = (one for service in model.services for one in _of_service(model, service))
    return join_needs((*workloads, *gateways, *services)), tuple(lost)


def _of_workloads(model: Model, snapshot: Snapshot, lost: dict[str, None]) -> Iterator[Found]:
    """What leads nowhere is added to `lost`."""
    pods: dict[Key, Pod] = {}
    for pod in model.pods:
        pods.setdefault(pod.owner, pod)
    for owner, pod in sorted(pods.items(), key=lambda item: item[0]):
        resource = snapshot.objects.get(owner)
        if resource is None or pod.host_network:
            continue
        texts = tuple(texts_of(resource, snapshot))
        ports = {one.called.lower(): int(one.text) for one in texts if one.text.isdecimal() and len(one.text) < 6}
        caller = _Caller(model, pod)
        for text in texts:
            for mention in find_mentions(text.text, text.called):
                port = mention.port or _port_beside(text.called, ports)
                yield from caller.needs(Mention(mention.host, port, mention.url), text, lost)


def _port_beside(called: str, ports: Mapping[str, int]) -> int:
    """The value of DB_PORT for DB_HOST; 0 where there is none."""
    found = _PORT_OF.fullmatch(called)
    return ports.get(f"{found[1]}_port".lower().lstrip("_"), 0) if found is not None else 0


@dataclass(frozen=True, slots=True)
class _Caller:
    model: Model
    pod: Pod

    def needs(self, mention: Mention, text: Text, lost: dict[str, None]) -> Iterator[Found]:
        source = workload_of(self.pod)
        shown = f"{mention.host}:{mention.port}" if mention.port else mention.host
        why = Why(f"{text.where} of {self.pod.owner.kind} {source} names {shown}", text.origin)
        ends = tuple(self._ends(mention))
        if not ends and (service := find_service(self.model, self.pod.id.namespace, mention.host)) is not None:
            lost[f"{why}: Service {service.id} has no such port, or nobody behind it"] = None
        for end, protocol, port in ends:
            yield source, end, protocol, port, why

    def _ends(self, mention: Mention, aliases: int = 0) -> Iterator[tuple[End, str, int]]:
        if parse_ipv4(mention.host) is not None:
            yield from self._at_address(mention)
            return
        service = find_service(self.model, self.pod.id.namespace, mention.host)
        if service is None:
            yield from self._of_other_host(mention)
        elif service.type is not ServiceType.EXTERNAL_NAME:
            yield from self._of_service(service, mention.port)
        elif aliases < _MOST_ALIASES:
            yield from self._ends(Mention(service.external_name, mention.port, url=True), aliases + 1)

    def _of_other_host(self, mention: Mention) -> Iterator[tuple[End, str, int]]:
        """One of a ServiceEntry, whose endpoints may be known; or one outside."""
        known = tuple(ends_of_upstream(self.model, UpstreamId(mention.host, mention.port)))
        for end, port in known:
            yield end, "TCP", port
        if not known and mention.url and mention.port and "." in mention.host and not self._is_ours(mention.host):
            yield Outside("", mention.host), "TCP", mention.port

    def _is_ours(self, host: str) -> bool:
        return host.endswith((".svc", f".{self.model.cluster.domain}", ".localhost"))

    def _at_address(self, mention: Mention) -> Iterator[tuple[End, str, int]]:
        service = next((one for one in self.model.services if mention.host in (one.cluster_ip, one.load_balancer_ip)), None)
        if service is not None:
            yield from self._of_service(service, mention.port)
        elif mention.port and not in_cidr(mention.host, _LOOPBACK) and mention.host != "0.0.0.0":
            end = end_at(self.model, mention.host)
            if end is not None:
                yield end, "TCP", mention.port

    def _of_service(self, service: Service, port: int) -> Iterator[tuple[End, str, int]]:
        numbers = [at for at, one in enumerate(service.ports) if one.port == port]
        if not numbers and service.headless and port:  # its names are pods' addresses: the port is theirs
            numbers = [at for at in range(len(service.ports)) if any(one.ports[at] == port for one in service.backends)]
        for number in numbers if port else range(len(service.ports)):
            protocol = service.ports[number].protocol.value
            for end, its_port in (*ends_of_service(self.model, service, number), *self._by_routes(service.id, service.ports[number].port)):
                yield end, protocol, its_port

    def _by_routes(self, service: ServiceName, port: int) -> Iterator[tuple[End, int]]:
        """Where the caller's own proxy sends what is for the Service."""
        member = self.model.member.get(self.pod.id)
        scope = self.model.scope.get(member.scope) if member is not None else None
        name = service_host(service, self.model.cluster.domain)
        for table in scope.http if scope is not None else ():
            for host in table.hosts if table.port == port else ():
                for route in host.routes if host.name == name else ():
                    for to in route.leads_to:
                        yield from ends_of_upstream(self.model, to)


def find_service(model: Model, namespace: str, host: str) -> Service | None:
    """The Service that a name means to a pod of this namespace: `name`, `name.ns`, `name.ns.svc` or all of it, also behind a pod's name."""
    for suffix in (f".svc.{model.cluster.domain}", ".svc"):
        if host.endswith(suffix):
            parts = host.removesuffix(suffix).split(".")
            return _known(model, parts[-1], parts[:-1]) if len(parts) > 1 else None
    parts = host.split(".")
    return _known(model, namespace, parts) or (_known(model, parts[-1], parts[:-1]) if len(parts) > 1 else None)


def _known(model: Model, namespace: str, parts: list[str]) -> Service | None:
    """Of `service`, or of `pod.service` where that is headless."""
    service = model.service.get(ServiceName(namespace, parts[-1])) if 0 < len(parts) < 3 else None
    return service if service is not None and (len(parts) == 1 or service.headless) else None


def _of_gateway(model: Model, gateway: Gateway) -> Iterator[Found]:
    """Whoever is outside may call a gateway, and a gateway what its routes lead to."""
    pods = [pod for one in gateway.pods if (pod := model.pod.get(one)) is not None and not pod.host_network]
    ports = sorted({*gateway.http_ports, *gateway.https_ports, *(edge.number for edge in gateway.edges)})
    for caller in sorted({workload_of(pod) for pod in pods}):
        for to, why in _ways(gateway):
            for end, port in ends_of_upstream(model, to):
                yield caller, end, "TCP", port, why
        for port in ports:
            yield Outside(""), caller, "TCP", port, Why(f"the gateway {gateway.name} listens there", gateway.origin)


def _ways(gateway: Gateway) -> Iterator[tuple[UpstreamId, Why]]:
    for host in gateway.every_host:
        for route in host.routes:
            for to in route.leads_to:
                by = f"{route.owner.kind} {route.owner.namespace}/{route.owner.name}"
                shown = f"{by} leads {host.host} {path_text(route.match)} to {to.host}:{to.port}"
                yield to, Why(shown, route.origin)
    for server in gateway.servers:
        for one in server.does.destinations if isinstance(server.does, TcpServer) else ():
            yield one.to, Why(f"a server of gateway {gateway.name} leads to {one.to.host}:{one.to.port}", gateway.origin)


def _of_service(model: Model, service: Service) -> Iterator[Found]:
    """Whoever is outside may call what a node port or a load balancer leads to; only from its source ranges where it has some."""
    if service.type not in (ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER):
        return
    ranges = service.source_ranges if service.type is ServiceType.LOAD_BALANCER else ()
    for number, port in enumerate(service.ports):
        why = Why(f"Service {service.id} is of type {service.type.value}", port.origin)
        for end, its_port in ends_of_service(model, service, number):
            for source in ranges or ("",):
                yield Outside(source), end, port.protocol.value, its_port, why
