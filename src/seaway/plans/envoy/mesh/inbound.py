"""What comes to a member: one listener in its pod, with chains by port, by whether it is TLS of a peer, and by what is spoken.

Which chains there are for a mode and a protocol is upstream's table (`getFilterChainMatchOptions` in pilot/pkg/networking/core of
istio/istio). Plaintext finds no chain at a STRICT port, and is closed at once. Requests come by routes of their own (`inbound_routes`),
which hold the policy: a policy that changes moves no listener.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.authorization import WorkloadPolicy
from seaway.model.mesh import Inbound, InboundPort, Member, MeshSettings, Mtls
from seaway.model.names import INBOUND_PORT, inbound_listener, inbound_routes
from seaway.model.upstream import AppProtocol
from seaway.plans.envoy.access_logs import connection_log
from seaway.plans.envoy.citations import policy_lines, strict_lines
from seaway.plans.envoy.filters.chain import http_filters, network_filters, per_route, policy_owners
from seaway.plans.envoy.mesh.alpn import ISTIO_ANY, ISTIO_HTTP, PLAIN_HTTP, SERVED
from seaway.plans.envoy.mesh.chains import Looks, Match, chain, chains_of, forward, inspectors
from seaway.plans.envoy.mesh.passthrough import BLACK_HOLE, DETECT, HTTP1, HTTP2, TCP
from seaway.plans.envoy.mesh.requests import inbound_manager
from seaway.plans.envoy.mesh.sockets import caller_state
from seaway.plans.envoy.mesh.tls import mesh_server_context
from seaway.plans.envoy.proto import Fields, Listener, RouteConfiguration, duration, seconds, serialize, wrapped
from seaway.plans.envoy.resource import build_resource, metadata, provenance, resource_of
from seaway.plans.envoy.routes.retries import READS
from seaway.protocols.flow_entry import Reporter
from seaway.protocols.xds_resource import LISTENER, ROUTES, XdsResource

_OPAQUE_PEERS = tuple(word for word in ISTIO_ANY if word not in ISTIO_HTTP)
_RAW, _TLS = "raw_buffer", "tls"

_CLUSTERS = {"http1": HTTP1, "http2": HTTP2, "grpc-web": HTTP2, "detect": DETECT}
_RETRIED = frozenset({"http1", "detect"})


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Under whose name and by what policy a pod's connections are taken. `slot` names the place, whatever the policy."""

    spiffe: str
    slot: str
    policy: WorkloadPolicy


@dataclass(frozen=True, slots=True)
class _Way:
    """One chain of a port: which connections, whether their TLS ends here, and whether they are HTTP."""

    transport: str
    alpn: tuple[str, ...] = ()
    ends_tls: bool = False
    http: bool = False


_WAYS: dict[tuple[Mtls, str], tuple[_Way, ...]] = {
    (Mtls.STRICT, "http"): (_Way(_TLS, (), True, True),),
    (Mtls.STRICT, "tcp"): (_Way(_TLS, (), True),),
    (Mtls.STRICT, "detect"): (_Way(_TLS, ISTIO_HTTP, True, True), _Way(_TLS, (), True)),
    (Mtls.PERMISSIVE, "http"): (_Way(_TLS, ISTIO_ANY, True, True), _Way(_RAW, http=True)),
    (Mtls.PERMISSIVE, "tcp"): (_Way(_TLS, ISTIO_ANY, True), _Way(_TLS), _Way(_RAW)),
    (Mtls.PERMISSIVE, "detect"): (
        _Way(_TLS, ISTIO_HTTP, True, True),
        _Way(_TLS, _OPAQUE_PEERS, True),
        _Way(_RAW, PLAIN_HTTP, http=True),
        _Way(_RAW),
        _Way(_TLS),
    ),
    (Mtls.DISABLE, "http"): (_Way(_RAW, http=True),),
    (Mtls.DISABLE, "tcp"): (_Way(_RAW),),
    (Mtls.DISABLE, "detect"): (_Way(_RAW, PLAIN_HTTP, http=True), _Way(_RAW)),
}


def plan_inbound(of: tuple[Member, Inbound], owner: Key, netns: str, settings: MeshSettings, shared: bytes) -> XdsResource:
    """A member's listener. `owner` is its pod's; `shared` are its chains, which pods under the same rules have in common."""
    member, inbound = of
    own, *others = inspectors(*_looks(inbound))
    head = Listener(
        name=inbound_listener(member.pod),
        stat_prefix="inbound",
        address={"socket_address": {"address": "0.0.0.0", "port_value": INBOUND_PORT, "network_namespace_filepath": netns}},
        listener_filters=[own, caller_state(member, netns), *others],
        listener_filters_timeout=duration(settings.detection_timeout_s),
        continue_on_listener_filters_timeout=True,
        traffic_direction="INBOUND",
        access_log=connection_log(Reporter.DESTINATION),
        metadata=provenance(member.origin, owner, strict_lines(inbound)),
    )
    return resource_of(LISTENER, inbound_listener(member.pod), serialize(head) + shared, (owner, *inbound.owners))


def inbound_chains(keeper: Doorkeeper, ports: tuple[InboundPort, ...], other: tuple[Mtls, Origin], settings: MeshSettings) -> bytes:
    """All chains of a pod: of the ports that are known, and of all others."""
    domains = (settings.trust_domain, *settings.trust_domain_aliases)
    socket = mesh_server_context(keeper.spiffe, True, SERVED, domains)
    chains = [chain("itself", Match(INBOUND_PORT), [forward("inbound", BLACK_HOLE)])]
    rest = InboundPort(0, AppProtocol.DETECT, *other)
    for port in (*ports, rest):
        name = str(port.port or "other")
        for number, way in enumerate(_WAYS[port.mtls, _sort(port.protocol)]):
            match = Match(port.port, transport=way.transport, alpn=way.alpn)
            filters = _http(keeper, port.protocol, settings) if way.http else _tcp(keeper.policy)
            allowed = {} if way.http else policy_lines(keeper.policy)
            chains.append(
                chain(f"{name} {number}", match, filters, provenance(port.origin, None, allowed), socket if way.ends_tls else None)
            )
    return chains_of(chains)


def plan_inbound_routes(keeper: Doorkeeper, kinds: frozenset[str]) -> tuple[XdsResource, ...]:
    """The routes of a place, one for each kind of HTTP port there: everything to the application, if the policy lets it."""
    return tuple(_inbound_routes(keeper, kind) for kind in sorted(kinds))


def _inbound_routes(keeper: Doorkeeper, kind: str) -> XdsResource:
    name = inbound_routes(keeper.slot, kind)
    action: Fields = {"cluster": _CLUSTERS[kind], "timeout": seconds(0), "max_stream_duration": _NO_END}
    routes: list[Fields] = [{"match": {"prefix": "/"}, "route": action, "name": "default"}]
    if kind in _RETRIED:
        reads: Fields = {"prefix": "/", "headers": [READS]}
        routes = [
            {"match": reads, "route": {**action, "retry_policy": _retries("reset")}, "name": "default"},
            {"match": {"prefix": "/"}, "route": {**action, "retry_policy": _retries("reset-before-request")}, "name": "default"},
        ]
    host: Fields = {
        "name": "application",
        "domains": ["*"],
        "routes": routes,
        "metadata": metadata(policy_lines(keeper.policy)),
    }
    configuration = RouteConfiguration(name=name, virtual_hosts=[host], typed_per_filter_config=per_route(keeper.slot, keeper.policy))
    return build_resource(ROUTES, name, configuration, policy_owners(keeper.policy))


def _retries(word: str) -> Fields:
    """The application may end an idle connection just as a request is sent on it. One that only reads is sent again at any rate."""
    return {"retry_on": word, "num_retries": wrapped(2)}


def http_kinds(inbound: Inbound) -> frozenset[str]:
    """The kinds of HTTP ports that a pod has; any port that is not known may turn out to be HTTP."""
    kinds = (_kind(port.protocol) for port in inbound.ports if port.protocol.http or port.protocol is AppProtocol.DETECT)
    return frozenset((*kinds, "detect"))


_NO_END: Fields = {"max_stream_duration": seconds(0), "grpc_timeout_header_max": seconds(0)}


def _http(keeper: Doorkeeper, protocol: AppProtocol, settings: MeshSettings) -> list[Fields]:
    routes = inbound_routes(keeper.slot, _kind(protocol))
    policing = http_filters(keeper.slot)
    return [inbound_manager(settings, routes, policing, protocol is AppProtocol.GRPC_WEB)]


def _tcp(policy: WorkloadPolicy) -> list[Fields]:
    return [*network_filters(policy), forward("inbound", TCP)]


def _kind(protocol: AppProtocol) -> str:
    if protocol is AppProtocol.GRPC_WEB:
        return "grpc-web"
    if protocol.http2:
        return "http2"
    return "http1" if protocol.http else "detect"


def _sort(protocol: AppProtocol) -> str:
    if protocol is AppProtocol.DETECT:
        return "detect"
    return "http" if protocol.http else "tcp"


def _looks(inbound: Inbound) -> tuple[Looks, Looks]:
    """Where TLS is looked for, and where HTTP in plaintext is."""
    known = frozenset(port.port for port in inbound.ports)
    tls = frozenset(port.port for port in inbound.ports if port.mtls is not Mtls.DISABLE)
    http = frozenset(port.port for port in inbound.ports if port.mtls is not Mtls.STRICT and port.protocol is AppProtocol.DETECT)
    others_tls, others_http = inbound.other is not Mtls.DISABLE, inbound.other is not Mtls.STRICT
    return Looks(tls, others_tls, known - tls), Looks(http, others_http, known - http)
