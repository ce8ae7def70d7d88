"""What leaves a member: one listener in its pod, which knows a connection's service by where it was going, or by what it asks for.

HTTP is known by its Host header: all HTTP services on one port share a chain and a route table. What is not HTTP is known by address and
port. As in pilot/pkg/networking/core/listener.go of istio/istio, where it is a listener a port; one listener with a chain a port is the
same to callers, and one socket a pod. Members that see the same share chains and route tables: what sets pods apart is filter state.

Leaves to others: the routes themselves (`tables.py`), what is done behind a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from seaway.core.names import Key
from seaway.model.mesh import Member, MeshSettings, Scope, TcpRoute, Unknown
from seaway.model.names import OUTBOUND_PORT, outbound_listener, outbound_routes, upstream_cluster
from seaway.model.route import Destination
from seaway.model.upstream import ConsistentHash, Treatment, Upstream, UpstreamId
from seaway.plans.envoy.access_logs import connection_log
from seaway.plans.envoy.mesh.alpn import PLAIN_HTTP, TCP, client_alpn
from seaway.plans.envoy.mesh.chains import Looks, Match, chain, chains_of, forward, inspectors
from seaway.plans.envoy.mesh.passthrough import BLACK_HOLE, PASSTHROUGH
from seaway.plans.envoy.mesh.requests import outbound_manager
from seaway.plans.envoy.mesh.sockets import caller_state
from seaway.plans.envoy.proto import Fields, Listener, SetFilterState, TcpProxy, duration, extension, serialize, wrapped
from seaway.plans.envoy.resource import provenance, resource_of
from seaway.protocols.flow_entry import Reporter
from seaway.protocols.xds_resource import LISTENER, XdsResource

_RAW, _TLS = "raw_buffer", "tls"
_CONNECT_ATTEMPTS = 3
"""An endpoint that has just gone is not the end of a connection: another one is tried, before a byte has been sent."""


@dataclass(frozen=True, slots=True)
class OutboundChains:
    """What all members of a scope share: the chains as bytes, and which connections must be looked into."""

    chains: bytes
    tls: Looks
    http: Looks


def plan_outbound(member: Member, owner: Key, netns: str, settings: MeshSettings, shared: OutboundChains) -> XdsResource:
    """A member's listener. `owner` is its pod's."""
    own, *others = inspectors(shared.tls, shared.http)
    head = Listener(
        name=outbound_listener(member.pod),
        stat_prefix="outbound",
        address={"socket_address": {"address": "127.0.0.1", "port_value": OUTBOUND_PORT, "network_namespace_filepath": netns}},
        listener_filters=[own, caller_state(member, netns), *others],
        listener_filters_timeout=duration(settings.detection_timeout_s),
        continue_on_listener_filters_timeout=True,
        traffic_direction="OUTBOUND",
        access_log=connection_log(Reporter.SOURCE),
        metadata=provenance(member.origin, owner),
    )
    return resource_of(LISTENER, outbound_listener(member.pod), serialize(head) + shared.chains, (owner,))


def outbound_chains(scope: Scope, settings: MeshSettings, upstreams: tuple[Upstream, ...]) -> OutboundChains:
    """The chains of a scope. `upstreams` are those that its TCP routes lead to.

    Envoy goes by the most special match at each step and never back: beside a chain for HTTP in plaintext, one for anything has to say
    that it is for plaintext, too.
    """
    known = {one.id: one for one in upstreams}
    chains = [chain("itself", Match(OUTBOUND_PORT), [forward("outbound", BLACK_HOLE)])]
    tables = tuple(table for table in scope.http if table.everywhere)
    for table in tables:
        manager = outbound_manager(settings, outbound_routes(scope.id, table.port, table.address))
        at = provenance(table.hosts[0].origin, table.hosts[0].owners[0]) if len(table.hosts) == 1 else None
        where = (f"{table.address}/32",) if table.address else ()
        name = f"http {table.port} {table.address}".strip()
        chains.append(chain(name, Match(table.port, where, transport=_RAW, alpn=PLAIN_HTTP), [manager], at))
    http = frozenset(table.port for table in tables)
    tls = frozenset(route.port for route in scope.tcp if route.server_names)
    for route, match in _distinct(scope.tcp):
        at = provenance(route.origin, route.owners[0] if route.owners else None)
        if route.http:
            manager = outbound_manager(settings, outbound_routes(scope.id, route.port, route.http))
            looked = replace(match, transport=_RAW, alpn=PLAIN_HTTP)
            chains.append(chain(f"{_name(match)} http", looked, [manager], at))
        filters = to_destinations(route.destinations, known)
        beside_http = route.http or (route.port in http and not route.addresses and not route.server_names)
        transports = (_RAW, _TLS)[: 1 + (route.port in tls)] if beside_http else ("",)
        chains += [chain(f"{_name(match)} {one}".strip(), replace(match, transport=one), filters, at) for one in transports]
    default = chain("unknown", Match(), [forward("outbound", _unknown(scope))], provenance(scope.origin, None))
    looked_at = http | {route.port for route in scope.tcp if route.http}
    return OutboundChains(chains_of(chains, default), Looks(tls), Looks(looked_at))


def _unknown(scope: Scope) -> str:
    """The cluster for connections to nobody that the scope knows."""
    if scope.unknown is not Unknown.ALLOW_ANY:
        return BLACK_HOLE
    return upstream_cluster(scope.proxy) if scope.proxy is not None else PASSTHROUGH


def tcp_upstreams(scope: Scope) -> Iterator[UpstreamId]:
    """Where connections of the scope go that are not HTTP, unknown ones too."""
    yield from (one.to for route in scope.tcp for one in route.destinations)
    if scope.proxy is not None:
        yield scope.proxy


def _distinct(routes: tuple[TcpRoute, ...]) -> Iterator[tuple[TcpRoute, Match]]:
    """Each route with its match, without what an earlier one takes: Envoy refuses a listener in which two chains are for the same."""
    taken: set[tuple[int, str, str]] = set()
    for route in routes:
        names = route.server_names or ("",)
        addresses = tuple(one for one in route.addresses or ("",) if any((route.port, one, name) not in taken for name in names))
        free = tuple(name for name in names if all((route.port, one, name) not in taken for one in addresses))
        if not addresses or not free:
            continue
        taken.update((route.port, one, name) for one in addresses for name in free)
        yield route, Match(route.port, tuple(one for one in addresses if one), tuple(name for name in free if name))


def _name(match: Match) -> str:
    where = match.addresses[0].removesuffix("/32") if match.addresses else "*"
    return " ".join((f"tcp {where}:{match.port}", *match.server_names[:1]))


def to_destinations(destinations: tuple[Destination, ...], upstreams: Mapping[UpstreamId, Upstream]) -> list[Fields]:
    """The network filters that send connections to one cluster, or split them over several by weight: treated as the first one says."""
    fields: dict[str, object] = {}
    clusters = [(upstream_cluster(one.to), one.weight) for one in destinations if one.weight or len(destinations) == 1]
    if len(clusters) == 1:
        fields["cluster"] = clusters[0][0]
    else:
        fields["weighted_clusters"] = {"clusters": [{"name": name, "weight": weight} for name, weight in clusters]}
    known = [upstreams[one.to] for one in destinations if one.to in upstreams]
    if known:
        fields |= _treatment(known[0].treatment)
    proxy = TcpProxy(stat_prefix="outbound", max_connect_attempts=wrapped(_CONNECT_ATTEMPTS), **fields)
    opaque = [_offer_tcp()] if any(client_alpn(one) != TCP for one in known) else []
    return [*opaque, extension("envoy.filters.network.tcp_proxy", proxy)]


def _treatment(treatment: Treatment) -> Fields:
    fields: dict[str, object] = {"idle_timeout": duration(treatment.pool.tcp_idle_timeout_s or 0)}
    if isinstance(treatment.balancing, ConsistentHash) and treatment.balancing.by.kind == "source":
        fields["hash_policy"] = [{"source_ip": {}}]
    if treatment.tunnel is not None:
        tunnel = treatment.tunnel
        fields["tunneling_config"] = {"hostname": f"{tunnel.host}:{tunnel.port}", "use_post": tunnel.protocol == "POST"}
    return fields


def _offer_tcp() -> Fields:
    """Network filter: to the mesh, this connection is opaque, though others to the same cluster are HTTP."""
    key = "envoy.network.application_protocols"
    value: Fields = {
        "object_key": key,
        "factory_key": key,
        "format_string": {"text_format_source": {"inline_string": ",".join(TCP)}},
        "shared_with_upstream": "ONCE",
    }
    return extension("envoy.filters.network.set_filter_state", SetFilterState(on_new_connection=[value]))
