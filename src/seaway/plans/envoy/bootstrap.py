"""What Envoy is started with: who it is, where its control plane is, and its own limits. No listener, no route: those come over ADS."""

from __future__ import annotations

import json
from dataclasses import dataclass

from seaway.plans.envoy.access_logs import SHARE
from seaway.plans.envoy.proto import FLOW_LOG, NODE_AGENT, RATE_COUNTER, Fields

CONTROL_PLANE = "control-plane"
"""Name of the static cluster whose connection state tells whether the control plane is there."""

# A control plane that is stopped, not dead, keeps its socket open: only a ping that stays unanswered shows it, 10 s after it fell silent.
KEEPALIVE: Fields = {"interval": "5s", "timeout": "5s"}
CONNECTIONS_PER_WORKER = 25_000

# Counters and gauges that status and tests read. What is not here is not even allocated: no histogram is, since each costs every request.
STATS: tuple[Fields, ...] = (
    {"prefix": "server."},
    {"prefix": "listener_manager."},
    {"prefix": "cluster_manager."},
    {"prefix": "control_plane."},
    {"prefix": "overload."},
    {"prefix": "listener."},
    {"prefix": "tcp."},
    {"suffix": ".downstream_cx_total"},
    {"suffix": ".downstream_cx_active"},
    {"suffix": ".downstream_rq_total"},
    {"suffix": ".downstream_rq_active"},
    {"suffix": ".upstream_cx_total"},
    {"suffix": ".upstream_cx_active"},
    {"suffix": ".upstream_cx_connect_fail"},
    {"suffix": ".upstream_rq_total"},
    {"suffix": ".upstream_rq_active"},
    {"suffix": ".upstream_rq_retry"},
    {"contains": ".membership_"},
    {"contains": ".outlier_detection."},
    {"suffix": ".update_rejected"},
    {"suffix": ".update_success"},
)

RUNTIME: Fields = {
    # RE2 bounds what an expression costs, and refuses by itself what needs too much memory; Envoy's own bound (100) refuses usual paths.
    "re2.max_program_size.error_level": 4294967295,
    "re2.max_program_size.warn_level": 4294967295,
    # HTTP/2 rapid reset (CVE-2023-44487): who resets most of 500 streams within a second of opening them is disconnected.
    "overload.premature_reset_total_stream_count": 500,
    "overload.premature_reset_min_stream_lifetime_seconds": 1,
}


@dataclass(frozen=True, slots=True)
class Sockets:
    """Absolute paths (the kernel takes at most 107 bytes): of the control plane's, of those of the node's agent, of Envoy's own, and of the
    one at which all nodes' requests are counted, "" where there is none.
    """

    xds: str
    sds: str
    flows: str
    admin: str
    limits: str = ""


def render_bootstrap(node: str, sockets: Sockets, concurrency: int, flows_per_million: int = 0) -> str:
    """Envoy's bootstrap as JSON.

    `concurrency` is the number of workers that Envoy is started with (`--concurrency`); the limit on connections grows with it. So many
    of a million flows are told of that have nothing wrong with them.
    """
    bootstrap: Fields = {
        "node": {"id": node, "cluster": "seaway"},
        "admin": {"address": {"pipe": {"path": sockets.admin, "mode": 0o600}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": CONTROL_PLANE, "retry_policy": _reconnect()}}],
            },
            "cds_config": {"ads": {}, "resource_api_version": "V3"},
            "lds_config": {"ads": {}, "resource_api_version": "V3"},
        },
        "static_resources": {
            "clusters": [
                over_socket(CONTROL_PLANE, sockets.xds),
                over_socket(NODE_AGENT, sockets.sds),
                over_socket(FLOW_LOG, sockets.flows),
                *((over_socket(RATE_COUNTER, sockets.limits),) if sockets.limits else ()),
            ]
        },
        "layered_runtime": {"layers": [{"name": "seaway", "static_layer": {**RUNTIME, SHARE: flows_per_million}}]},
        "overload_manager": overload_manager(concurrency),
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": list(STATS)}}},
    }
    return json.dumps(bootstrap, indent=2) + "\n"


def overload_manager(concurrency: int) -> Fields:
    """A limit on all client connections together, without which a flood of them would take Envoy's file descriptors and memory."""
    limit = {
        "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        "max_active_downstream_connections": CONNECTIONS_PER_WORKER * concurrency,
    }
    return {"resource_monitors": [{"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": limit}]}


def _reconnect() -> Fields:
    """A control plane that comes back is found within a second; Envoy's own pauses grow to 30 s."""
    return {"retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}}


def over_socket(name: str, socket: str) -> Fields:
    """A cluster of one gRPC server behind a unix socket. Lost, it is connected to again; what came from it stays in use."""
    options = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {"connection_keepalive": KEEPALIVE}},
    }
    endpoint = {"endpoint": {"address": {"pipe": {"path": socket}}}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
