"""The HTTP connection managers inside members: what a proxy beside an application does with requests, in and out.

As `buildHTTPConnectionManager` in pilot/pkg/networking/core of istio/istio has it for sidecars. Unlike a gateway's, they trust what comes
from their own pod, add nothing to X-Forwarded-For, and end no stream for its silence.
"""

from __future__ import annotations

from seaway.model.mesh import MeshSettings, PathNormalization
from seaway.plans.envoy.access_logs import request_log
from seaway.plans.envoy.connection_manager import NOBODY_INTERNAL
from seaway.plans.envoy.proto import ADS, Fields, HttpConnectionManager, Router, extension, seconds, wrapped
from seaway.plans.envoy.routes.filters import GRPC_WEB, ROUTE_FILTERS, when_asked_for
from seaway.protocols.flow_entry import Reporter


def outbound_manager(settings: MeshSettings, routes: str) -> Fields:
    """Network filter for what leaves a member. What its application claims of a certificate (XFCC) is removed."""
    return _manager(settings, "outbound", routes, {"http_filters": [*when_asked_for(ROUTE_FILTERS), _router()]})


def inbound_manager(settings: MeshSettings, routes: str, policing: list[Fields], grpc_web: bool) -> Fields:
    """Network filter for what comes to a member: `policing` stands before all else. The caller's certificate is told to the application."""
    translating = [GRPC_WEB] if grpc_web else []
    fields: Fields = {
        "http_filters": [*policing, *translating, _router()],
        "forward_client_cert_details": "APPEND_FORWARD",
        "set_current_client_cert_details": {"subject": wrapped(True), "dns": True, "uri": True},
    }
    return _manager(settings, "inbound", routes, fields)


def path_rules(settings: MeshSettings) -> Fields:
    """How paths are cleaned before anything looks at them: the same on both sides, so that routes and policies see one path."""
    match settings.path_normalization:
        case PathNormalization.NONE:
            return {"normalize_path": wrapped(False)}
        case PathNormalization.BASE:
            return {"normalize_path": wrapped(True)}
        case PathNormalization.MERGE_SLASHES:
            return {"normalize_path": wrapped(True), "merge_slashes": True}
        case PathNormalization.DECODE_AND_MERGE_SLASHES:
            action = "UNESCAPE_AND_FORWARD"
            return {"normalize_path": wrapped(True), "merge_slashes": True, "path_with_escaped_slashes_action": action}


def _router() -> Fields:
    """It counts nothing by status code: nobody reads it, and each request would pay for it."""
    return extension("envoy.filters.http.router", Router(dynamic_stats=wrapped(False)))


def _manager(settings: MeshSettings, prefix: str, routes: str, fields: Fields) -> Fields:
    manager = HttpConnectionManager(
        stat_prefix=prefix,
        codec_type="AUTO",
        access_log=request_log(Reporter(prefix)),
        rds={"config_source": ADS, "route_config_name": routes},
        http_protocol_options={"accept_http_10": True},
        upgrade_configs=[{"upgrade_type": "websocket"}],
        stream_idle_timeout=seconds(0),
        use_remote_address=wrapped(False),
        internal_address_config=NOBODY_INTERNAL,
        server_header_transformation="PASS_THROUGH",
        proxy_100_continue=True,
        **path_rules(settings),
        **fields,
    )
    return extension("envoy.filters.network.http_connection_manager", manager)
