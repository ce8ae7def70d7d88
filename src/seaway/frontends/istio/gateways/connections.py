"""Servers of bytes: where connections go by the `tcp` rules that are bound to them, and by the `tls` rules where TLS is passed through.

Source: buildGatewayNetworkFiltersFromTCPRoutes, …FromTLSRoutes and builtAutoPassthroughFilterChains in pilot/pkg/networking/core/gateway.go
of https://github.com/istio/istio. Labels of callers and subnets play no part at a gateway.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.istio.destination_rules.build import DestinationRules
from seaway.frontends.istio.destination_rules.protection import server_name
from seaway.frontends.istio.gateways.hosts import Bound
from seaway.frontends.istio.gateways.reading import is_server_name
from seaway.frontends.istio.gateways.rules import ServerRules
from seaway.frontends.istio.host_names import covers
from seaway.frontends.istio.registry import Host
from seaway.frontends.istio.virtual_services.connections import split
from seaway.frontends.istio.virtual_services.routes import Caller
from seaway.frontends.istio.virtual_services.rules import ConnectionMatch
from seaway.model.route import Destination


@dataclass(frozen=True, slots=True)
class Way:
    """Connections for `names` (none: all of the server's) go to these destinations, as the object says at `origin`."""

    names: tuple[str, ...]
    destinations: tuple[Destination, ...]
    owner: Key
    origin: Origin


def tcp_way(server: ServerRules, bound: Bound) -> Way | None:
    """Where all connections of a server go: by the first rule that is for it."""
    for virtual in bound.to(server):
        for rule in virtual.tcp:
            if not rule.matches or any(_is_for(one, server) for one in rule.matches):
                return Way((), split(rule.shares, _caller(server, bound), bound.lookups), rule.place.key, rule.place.origin)
    return None


def passed_ways(server: ServerRules, bound: Bound, taken: frozenset[str]) -> Iterator[Way]:
    """Where TLS goes that is passed through, by the name that it asks for. `taken` are names that others of the port have already."""
    seen = set(taken)
    for virtual in bound.to(server):
        for rule in virtual.tls:
            for match in rule.matches:
                names = tuple(name for name in match.server_names if is_server_name(name))
                if names and _is_for(match, server) and not seen & set(names):
                    seen.update(names)
                    destinations = split(rule.shares, _caller(server, bound), bound.lookups)
                    yield Way(names, destinations, rule.place.key, rule.place.origin)


def automatic_ways(server: ServerRules, bound: Bound) -> Iterator[Way]:
    """Every port and subset of the cluster's hosts within the server's, by the name that proxies of the mesh ask for."""
    registry, rules, client = bound.lookups.registry, bound.lookups.rules, bound.client
    for name in registry.hosts:
        host = registry.called(name, client.namespace)
        if host is None or host.external or not any(covers(one, name) for one in server.names):
            continue
        for number, subset in _parts(host, rules, bound):
            to = rules.opaque(rules.identify(client, host, number, subset))
            yield Way((server_name(to),), (Destination(to),), host.key, host.origin)


def _parts(host: Host, rules: DestinationRules, bound: Bound) -> Iterator[tuple[int, str]]:
    for port in host.ports:
        for subset in ("", *rules.subsets_of(bound.client, host)):
            yield port.number, subset


def _caller(server: ServerRules, bound: Bound) -> Caller:
    return Caller(bound.client, server.number, server.gateway, server.tls is not None)


def _is_for(match: ConnectionMatch, server: ServerRules) -> bool:
    return match.port in (0, server.number) and (not match.sources.gateways or server.gateway in match.sources.gateways)
