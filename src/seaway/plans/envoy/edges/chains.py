"""Filter chains of a gateway's servers: which connections, what ends their TLS, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seaway.core.names import Key
from seaway.model.index import Model
from seaway.model.route import ClosedServer, EdgePort, Gateway, HttpServer, Server, TcpServer
from seaway.plans.envoy.connection_manager import build_connection_manager
from seaway.plans.envoy.edges.requests import edge_manager
from seaway.plans.envoy.edges.tls import HTTP_ALPN, server_socket
from seaway.plans.envoy.filters.chain import network_filters, policy_owners
from seaway.plans.envoy.gateway_place import GatewayPlace, routes_by_claims
from seaway.plans.envoy.mesh.alpn import ISTIO_ANY
from seaway.plans.envoy.mesh.chains import Match, chain, forward
from seaway.plans.envoy.mesh.outbound import to_destinations
from seaway.plans.envoy.mesh.passthrough import BLACK_HOLE
from seaway.plans.envoy.proto import Fields
from seaway.plans.envoy.resource import provenance
from seaway.plans.envoy.timeouts import HANDSHAKE


@dataclass(frozen=True, slots=True)
class Door:
    """A pod of a gateway: under whose name and by what policy it takes connections. `leaving` are filters before all others."""

    model: Model
    gateway: Gateway
    place: GatewayPlace
    spiffe: str
    leaving: tuple[Fields, ...]


def server_chains(edge: EdgePort, door: Door) -> Iterator[Fields]:
    """One chain a server; that of a plain port takes every connection."""
    for server in edge.servers:
        yield _chain(server, edge, door)


def chain_owners(edge: EdgePort, door: Door) -> set[Key]:
    """The objects that the chains consist of; routes have owners of their own."""
    owners = {key for server in edge.servers for key in server.owners}
    guarded = any(isinstance(server.does, TcpServer) for server in edge.servers)
    return owners | policy_owners(door.place.policy) if guarded else owners


def _chain(server: Server, edge: EdgePort, door: Door) -> Fields:
    match = Match(server_names=server.names, transport="tls" if edge.by_name else "", alpn=ISTIO_ANY if server.peers_only else ())
    http = isinstance(server.does, HttpServer)
    closed = isinstance(server.does, ClosedServer)
    fields: dict[str, object] = {}
    if server.tls is not None and not closed:
        fields["transport_socket"] = server_socket(server, door.spiffe, door.model.mesh.settings, HTTP_ALPN if http else ())
        fields["transport_socket_connect_timeout"] = HANDSHAKE
    cited = provenance(server.origin, server.owners[0] if server.owners else None)
    return {**chain(server.id, match, [*door.leaving, *_filters(server, door, edge.number)], cited), **fields}


def _filters(server: Server, door: Door, port: int) -> list[Fields]:
    match server.does:
        case HttpServer(shared=True):
            return [build_connection_manager(door.place, server.id, routes_by_claims(door.gateway), port)]
        case HttpServer():
            return [edge_manager(door.model.mesh.settings, door.place, server.id, routes_by_claims(door.gateway))]
        case TcpServer(destinations, guarded):
            policing = network_filters(door.place.policy) if guarded else []
            return [*policing, *to_destinations(destinations, door.model.upstream)]
        case ClosedServer():
            return [forward("gateway", BLACK_HOLE)]
