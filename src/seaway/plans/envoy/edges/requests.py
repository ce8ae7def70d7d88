"""The HTTP connection manager of a gateway's servers, with the defaults that users of Istio have.

As buildGatewayConnectionManager in pilot/pkg/networking/core/gateway.go of istio/istio: the client's certificate is told to backends, its
address is appended to X-Forwarded-For, paths are cleaned as the mesh has it, and no stream ends for its silence.
"""

from __future__ import annotations

from seaway.model.mesh import MeshSettings
from seaway.plans.envoy.access_logs import request_log
from seaway.plans.envoy.connection_manager import HTTP2, NOBODY_INTERNAL, gateway_filters
from seaway.plans.envoy.gateway_place import GatewayPlace
from seaway.plans.envoy.mesh.requests import path_rules
from seaway.plans.envoy.proto import ADS, Fields, HttpConnectionManager, Router, extension, seconds, wrapped
from seaway.protocols.flow_entry import Reporter


def edge_manager(settings: MeshSettings, place: GatewayPlace, table: str, by_claims: bool) -> Fields:
    """The network filter; routes come by name over RDS. `by_claims`: where a request goes depends on its token."""
    router = extension("envoy.filters.http.router", Router(dynamic_stats=wrapped(False)))
    manager = HttpConnectionManager(
        stat_prefix=place.routes(table),
        codec_type="AUTO",
        rds={"config_source": ADS, "route_config_name": place.routes(table)},
        access_log=request_log(Reporter.GATEWAY),
        http_filters=[*gateway_filters(place, by_claims), router],
        http_protocol_options={"accept_http_10": True},
        http2_protocol_options=HTTP2,
        upgrade_configs=[{"upgrade_type": "websocket"}],
        stream_idle_timeout=seconds(0),
        use_remote_address=wrapped(True),
        internal_address_config=NOBODY_INTERNAL,
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"subject": wrapped(True), "cert": True, "dns": True, "uri": True},
        server_header_transformation="PASS_THROUGH",
        proxy_100_continue=True,
        **path_rules(settings),
    )
    return extension("envoy.filters.network.http_connection_manager", manager)
