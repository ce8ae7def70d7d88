"""Hosts as clients see them, each made once for all clients to whom it looks the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from seaway.core.names import Key
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.conflicts import Claim
from seaway.frontends.istio.destination_rules.build import DestinationRules
from seaway.frontends.istio.domains import domains_of, homes_of
from seaway.frontends.istio.registry import Host, HostPort
from seaway.frontends.istio.sight import Sight
from seaway.frontends.istio.virtual_services.build import VirtualServices
from seaway.model.mesh import MeshHost
from seaway.model.route import Route
from seaway.model.upstream import AppProtocol

NOBODY = Client("")
"""A client that sees what everybody sees."""

_Key = tuple[object, ...]


class Views:
    """What is the same for two clients is one object."""

    def __init__(self, virtual_services: VirtualServices, rules: DestinationRules, domain: str, sight: Sight) -> None:
        self._virtual_services = virtual_services
        self._rules = rules
        self._domain = domain
        self._sight = sight
        self._hosts: dict[_Key, MeshHost] = {}
        self._routes: dict[_Key, tuple[Route, ...]] = {}
        self._claims: dict[_Key, tuple[Claim, ...]] = {}
        self._limited: dict[_Key, VirtualServices] = {}
        self._of_host: dict[_Key, VirtualServices] = {}
        self._special: tuple[Client, frozenset[str]] = (NOBODY, frozenset())

    def mesh_host(self, client: Client, host: Host, number: int) -> MeshHost:
        """A host on one of its ports, with all of its spellings."""
        own = client.namespace if client.namespace in homes_of(host, self._domain) else ""
        seeing = self._seeing(client, host)
        look = (host.name, host.namespace, number, *_differences(seeing))
        key = (own, *look)
        found = self._hosts.get(key)
        if found is None:
            routes = self._routes.get(look)
            if routes is None:
                routes = self._about(seeing, host).http_routes(seeing, host, number, self._rules)
                self._routes[look] = routes
            domains = domains_of(host, own, self._domain)
            found = self._hosts[key] = MeshHost(host.name, domains, routes, _owners(host.key, routes), host.origin)
        return found

    def claims(self, client: Client, host: Host, port: HostPort) -> tuple[Claim, ...]:
        """Where connections to a port go that are not HTTP. A headless host without endpoints is called by nobody."""
        if host.headless and not host.addresses:
            return ()
        client = self._seeing(client, host)
        key = (host.name, host.namespace, port.number, *_differences(client))
        found = self._claims.get(key)
        if found is None:
            http = host.name if port.protocol is AppProtocol.DETECT else ""
            routes = self._about(client, host).tcp_routes(client, host, port.number, self._rules)
            found = tuple(Claim(replace(one, http=http) if http else one, host.name, host.key, port.origin) for one in routes)
            self._claims[key] = found
        return found

    def named(self, client: Client, number: int, companions: tuple[Host, ...]) -> Iterator[MeshHost]:
        """Hosts of a port that VirtualServices alone know. `companions` are those of its hosts that one of these may rule as well."""
        for one in self._virtual_services_of(client).named_hosts(client, number, companions, self._rules):
            yield MeshHost(one.name, (one.name,), one.routes, _owners(one.key, one.routes), one.origin)

    def _seeing(self, client: Client, host: Host) -> Client:
        """The client, or anybody in its place where the host looks the same to both."""
        if self._special[0] is not client:
            self._special = (client, self._sight.special(client))
        return client if host.name in self._special[1] else NOBODY

    def _about(self, client: Client, host: Host) -> VirtualServices:
        """Those that speak of a host, so that a host costs what is said of it and not what is said of all."""
        key = (host.name, *((client.namespace, client.sidecar) if client.egress else ()))
        if key not in self._of_host:
            self._of_host[key] = self._virtual_services_of(client).about(host.name)
        return self._of_host[key]

    def _virtual_services_of(self, client: Client) -> VirtualServices:
        """Those that a Sidecar leaves in sight."""
        if not client.egress:
            return self._virtual_services
        key = (client.namespace, client.sidecar)
        if key not in self._limited:
            self._limited[key] = self._virtual_services.limited(client.imports)
        return self._limited[key]


def _differences(client: Client) -> _Key:
    return (client.namespace, client.labels, client.sidecar if client.egress else None)


def _owners(host: Key, routes: tuple[Route, ...]) -> tuple[Key, ...]:
    """All objects without which the host would be another: the one that declares it, and those of its routes."""
    return tuple(dict.fromkeys((host, *(key for route in routes for key in (route.owner, *route.via)))))
