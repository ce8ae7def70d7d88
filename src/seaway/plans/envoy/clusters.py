"""Clusters: how Envoy connects to a service port. Which addresses stand behind it is said in `endpoints.py`."""

from __future__ import annotations

from seaway.model.index import Model
from seaway.model.names import cluster_name
from seaway.model.service import Service, ServicePort
from seaway.plans.envoy.proto import (
    ADS,
    Cluster,
    Fields,
    FilterStateAddressSelector,
    HttpProtocolOptions,
    extension,
    pack,
    seconds,
    wrapped,
)
from seaway.plans.envoy.resource import build_resource, provenance
from seaway.protocols.xds_resource import CLUSTER, XdsResource

CONNECT_TIMEOUT_S = 5  # ingress-nginx proxy-connect-timeout
POOL_IDLE_S = 60  # ingress-nginx upstream-keepalive-timeout
UNACKNOWLEDGED_MS = 10_000  # a peer that has vanished with its network sends no reset; TCP by itself would go on for a quarter of an hour
NO_LIMIT = 4294967295  # Envoy's own 1,024 connections and requests would refuse what the backend can take; Istio raises them alike

KEEPALIVE: Fields = {"keepalive_time": wrapped(10), "keepalive_interval": wrapped(5), "keepalive_probes": wrapped(3)}  # seconds

HTTP2_PROTOCOLS = frozenset({"kubernetes.io/h2c", "h2c", "http2", "grpc"})
"""appProtocol values, and port names or their first part (`grpc`, `grpc-api`), that mean HTTP/2 with prior knowledge.

https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol
"""

CIRCUIT_BREAKERS: Fields = {
    "thresholds": [
        {
            "max_connections": wrapped(NO_LIMIT),
            "max_pending_requests": wrapped(NO_LIMIT),
            "max_requests": wrapped(NO_LIMIT),
            "max_retries": wrapped(NO_LIMIT),
        }
    ]
}

# A pod that died while nobody could say so (control plane down) is left aside after five failed connects in a row, and tried again soon.
# Only failures to connect count: what an application answers is its own affair.
OUTLIER_DETECTION: Fields = {
    "split_external_local_origin_errors": True,
    "consecutive_local_origin_failure": wrapped(5),
    "enforcing_local_origin_success_rate": wrapped(0),
    "enforcing_consecutive_5xx": wrapped(0),
    "enforcing_consecutive_gateway_failure": wrapped(0),
    "enforcing_success_rate": wrapped(0),
    "interval": seconds(1),
    "base_ejection_time": seconds(5),
    "max_ejection_time": seconds(30),
    "max_ejection_percent": wrapped(50),
}


def callers_own_network() -> Fields:
    """BindConfig: the upstream socket opens in the network namespace that the listener put into filter state, else in Envoy's own."""
    user_timeout = {"description": "TCP_USER_TIMEOUT", "level": 6, "name": 18, "int_value": UNACKNOWLEDGED_MS, "state": "STATE_PREBIND"}
    return {
        "source_address": {"address": "0.0.0.0", "port_value": 0},
        "socket_options": [user_timeout],
        "local_address_selector": extension("envoy.upstream.local_address_selector.filter_state_override", FilterStateAddressSelector()),
    }


def plan_cluster(model: Model, service: Service, port: int) -> XdsResource:
    """The cluster of one service port, by its position."""
    name = cluster_name(service, port, model.cluster.domain)
    exposed = service.ports[port]
    protocol = "http2_protocol_options" if speaks_http2(exposed) else "http_protocol_options"
    options = HttpProtocolOptions(
        explicit_http_config={protocol: {}},
        common_http_protocol_options={"idle_timeout": seconds(POOL_IDLE_S)},
    )
    cluster = Cluster(
        name=name,
        type="EDS",
        eds_cluster_config={"eds_config": ADS, "service_name": name},
        connect_timeout=seconds(CONNECT_TIMEOUT_S),
        lb_policy="ROUND_ROBIN",  # ingress-nginx load-balance
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(options)},
        circuit_breakers=CIRCUIT_BREAKERS,
        outlier_detection=OUTLIER_DETECTION,
        upstream_bind_config=callers_own_network(),
        upstream_connection_options={"tcp_keepalive": KEEPALIVE},
        metadata=provenance(exposed.origin, service.owner),
    )
    return build_resource(CLUSTER, name, cluster, (service.owner,))


def speaks_http2(port: ServicePort) -> bool:
    """Whether the port's appProtocol, or without one its name, asks for HTTP/2."""
    if port.app_protocol:
        return port.app_protocol.lower() in HTTP2_PROTOCOLS
    return port.name.split("-", 1)[0].lower() in HTTP2_PROTOCOLS
