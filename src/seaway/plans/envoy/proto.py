"""Envoy's protobuf messages, by name, and how they are nested in one another.

The generated modules make their classes while they are imported, out of a type checker's sight: this is the one place that names them.
A message is built in one go, nested ones as plain mappings (`Listener(address={"pipe": {"path": "/x"}})`); protobuf refuses fields and
values that do not exist. What the messages say is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Protocol, TypeAlias, cast

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import config_source_pb2, extension_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.access_loggers.filters.cel.v3 import cel_pb2
from envoy.extensions.access_loggers.grpc.v3 import als_pb2
from envoy.extensions.clusters.dns.v3 import dns_cluster_pb2
from envoy.extensions.clusters.dynamic_forward_proxy.v3 import cluster_pb2 as forward_proxy_cluster_pb2
from envoy.extensions.filters.http.cors.v3 import cors_pb2
from envoy.extensions.filters.http.ext_authz.v3 import ext_authz_pb2 as http_ext_authz_pb2
from envoy.extensions.filters.http.fault.v3 import fault_pb2
from envoy.extensions.filters.http.grpc_web.v3 import grpc_web_pb2
from envoy.extensions.filters.http.header_mutation.v3 import header_mutation_pb2
from envoy.extensions.filters.http.jwt_authn.v3 import config_pb2 as jwt_authn_pb2
from envoy.extensions.filters.http.rbac.v3 import rbac_pb2 as http_rbac_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.http.upstream_codec.v3 import upstream_codec_pb2
from envoy.extensions.filters.listener.http_inspector.v3 import http_inspector_pb2
from envoy.extensions.filters.listener.original_dst.v3 import original_dst_pb2
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2
from envoy.extensions.filters.network.ext_authz.v3 import ext_authz_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.filters.network.rbac.v3 import rbac_pb2
from envoy.extensions.filters.network.set_filter_state.v3 import set_filter_state_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from envoy.extensions.http.early_header_mutation.header_mutation.v3 import header_mutation_pb2 as early_header_mutation_pb2
from envoy.extensions.local_address_selectors.filter_state_override.v3 import config_pb2
from envoy.extensions.network.dns_resolver.cares.v3 import cares_dns_resolver_pb2
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2
from envoy.extensions.retry.priority.previous_priorities.v3 import previous_priorities_config_pb2
from envoy.extensions.transport_sockets.proxy_protocol.v3 import upstream_proxy_protocol_pb2
from envoy.extensions.transport_sockets.raw_buffer.v3 import raw_buffer_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2, tls_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from google.protobuf import any_pb2, json_format, struct_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from xds.type.v3 import typed_struct_pb2

Fields: TypeAlias = Mapping[str, object]
"""A nested message that is not built yet: its fields by name."""


class MessageType(Protocol):
    """A message class, as far as we use it: built from its fields."""

    def __call__(self, **fields: object) -> Message: ...


def _message(module: ModuleType, name: str) -> MessageType:
    return cast(MessageType, getattr(module, name))


Cluster = _message(cluster_pb2, "Cluster")
ClusterLoadAssignment = _message(endpoint_pb2, "ClusterLoadAssignment")
Listener = _message(listener_pb2, "Listener")
RouteConfiguration = _message(route_pb2, "RouteConfiguration")
VirtualHost = _message(route_components_pb2, "VirtualHost")
Secret = _message(secret_pb2, "Secret")

CelFilter = _message(cel_pb2, "ExpressionFilter")
ConfigSource = _message(config_source_pb2, "ConfigSource")
Cors = _message(cors_pb2, "Cors")
CorsPolicy = _message(cors_pb2, "CorsPolicy")
EarlyHeaderMutation = _message(early_header_mutation_pb2, "HeaderMutation")
FilterConfig = _message(route_components_pb2, "FilterConfig")
DownstreamTlsContext = _message(tls_pb2, "DownstreamTlsContext")
FilterStateAddressSelector = _message(config_pb2, "Config")
HttpAccessLog = _message(als_pb2, "HttpGrpcAccessLogConfig")
HttpExtAuthz = _message(http_ext_authz_pb2, "ExtAuthz")
HeaderMutation = _message(header_mutation_pb2, "HeaderMutation")
HttpRbac = _message(http_rbac_pb2, "RBAC")
HttpRbacPerRoute = _message(http_rbac_pb2, "RBACPerRoute")
JwtAuthentication = _message(jwt_authn_pb2, "JwtAuthentication")
NetworkExtAuthz = _message(ext_authz_pb2, "ExtAuthz")
NetworkRbac = _message(rbac_pb2, "RBAC")
TypedExtensionConfig = _message(extension_pb2, "TypedExtensionConfig")
GrpcWeb = _message(grpc_web_pb2, "GrpcWeb")
HttpConnectionManager = _message(http_connection_manager_pb2, "HttpConnectionManager")
HttpFault = _message(fault_pb2, "HTTPFault")
HttpProtocolOptions = _message(http_protocol_options_pb2, "HttpProtocolOptions")
ProxyProtocolTransport = _message(upstream_proxy_protocol_pb2, "ProxyProtocolUpstreamTransport")
CaresResolver = _message(cares_dns_resolver_pb2, "CaresDnsResolverConfig")
DnsCluster = _message(dns_cluster_pb2, "DnsCluster")
DynamicForwardProxyCluster = _message(forward_proxy_cluster_pb2, "ClusterConfig")
HttpInspector = _message(http_inspector_pb2, "HttpInspector")
OriginalDst = _message(original_dst_pb2, "OriginalDst")
Packed = _message(any_pb2, "Any")
PreviousHostsPredicate = _message(previous_hosts_pb2, "PreviousHostsPredicate")
PreviousPriorities = _message(previous_priorities_config_pb2, "PreviousPrioritiesConfig")
RawBuffer = _message(raw_buffer_pb2, "RawBuffer")
Router = _message(router_pb2, "Router")
UpstreamCodec = _message(upstream_codec_pb2, "UpstreamCodec")
Struct = _message(struct_pb2, "Struct")
SetFilterState = _message(set_filter_state_pb2, "Config")
TcpAccessLog = _message(als_pb2, "TcpGrpcAccessLogConfig")
TcpProxy = _message(tcp_proxy_pb2, "TcpProxy")
TlsInspector = _message(tls_inspector_pb2, "TlsInspector")
TypedStruct = _message(typed_struct_pb2, "TypedStruct")
UpstreamTlsContext = _message(tls_pb2, "UpstreamTlsContext")

ADS: Fields = {"ads": {}, "resource_api_version": "V3"}
"""ConfigSource: from the aggregated stream that the bootstrap opens."""

NODE_AGENT = "node-agent"
"""Name of the bootstrap's cluster that leads to the node's agent."""

FLOW_LOG = "flow-log"
"""Name of the bootstrap's cluster that leads to where the agent hears of flows: a flood of them must not hold up certificates."""

RATE_COUNTER = "rate-counter"
"""Name of the bootstrap's cluster that leads to where requests of all nodes are counted."""

SDS: Fields = {
    "resource_api_version": "V3",
    "initial_fetch_timeout": {"seconds": 0},  # none: what has no certificate yet waits for it, behind what serves now
    "api_config_source": {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [
            {
                "envoy_grpc": {
                    "cluster_name": NODE_AGENT,
                    "retry_policy": {"retry_back_off": {"base_interval": {"nanos": 100_000_000}, "max_interval": {"seconds": 1}}},
                }
            }
        ],
    },
}
"""ConfigSource: workloads' certificates and roots, from the node's agent, which makes the keys."""


def serialize(message: Message) -> bytes:
    """Wire form; equal messages give equal bytes."""
    return message.SerializeToString(deterministic=True)


def pack(message: Message) -> Message:
    """A message inside google.protobuf.Any (`Any.Pack` would not order maps)."""
    return Packed(type_url=type_url(message), value=serialize(message))


def type_url(message: Message) -> str:
    """By which Any, and lists of types that are allowed, name the message's type."""
    return f"type.googleapis.com/{cast(Descriptor, message.DESCRIPTOR).full_name}"


def extension(name: str, config: Message) -> Fields:
    """A named extension with its configuration: filters, transport sockets, predicates."""
    return {"name": name, "typed_config": pack(config)}


def described(name: str, type_name: str, fields: Fields) -> Fields:
    """A named extension whose message `xds-protos` does not have: its fields as JSON has them, which Envoy reads by its own descriptors."""
    return {"name": name, "typed_config": described_message(type_name, fields)}


def described_message(type_name: str, fields: Fields) -> Message:
    """Such a message inside google.protobuf.Any."""
    value = json_format.ParseDict(dict(fields), Struct())
    return pack(TypedStruct(type_url=f"type.googleapis.com/{type_name}", value=value))


def as_json(message: Message) -> Fields:
    """The message as its JSON form has it."""
    return cast(Fields, json_format.MessageToDict(message, preserving_proto_field_name=True))


def wrapped(value: bool | int) -> Fields:
    """BoolValue or UInt32Value: protobuf's way to tell 0 and false from unset."""
    return {"value": value}


def seconds(value: int) -> Fields:
    """A Duration of whole seconds."""
    return {"seconds": value}


def duration(value_s: float) -> Fields:
    """A Duration, to the nanosecond."""
    whole, nanos = divmod(round(value_s * 1_000_000_000), 1_000_000_000)
    return {"seconds": whole, **({"nanos": nanos} if nanos else {})}
