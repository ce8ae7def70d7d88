"""The HTTP connection manager of a gateway's listeners: protocol, timeouts, who is trusted, and how paths are cleaned.

Defaults are those that users of ingress-nginx have; where Envoy cannot say the same, the safer side.
https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
"""

from __future__ import annotations

from seaway.plans.envoy.access_logs import request_log
from seaway.plans.envoy.filters.chain import http_filters
from seaway.plans.envoy.filters.rate_limits import limit_filter
from seaway.plans.envoy.forwarded import HTTPS_PORT, forwarded_headers
from seaway.plans.envoy.gateway_place import GatewayPlace
from seaway.plans.envoy.proto import ADS, Fields, HttpConnectionManager, Router, extension, seconds, wrapped
from seaway.plans.envoy.routes.filters import ROUTE_FILTERS, when_asked_for
from seaway.protocols.flow_entry import Reporter

KEEP_ALIVE_S = 75  # ingress-nginx keep-alive
STREAM_IDLE_S = 60
"""The longest silence of a request: ingress-nginx client-header-timeout, client-body-timeout and proxy-read-timeout.

Headers that drip in do not put it off (Envoy starts it with the stream and counts only whole headers), so it bounds slow clients too.
"""

HTTP2: Fields = {
    "max_concurrent_streams": wrapped(128),  # ingress-nginx http2-max-concurrent-streams
    "initial_stream_window_size": wrapped(65536),
    "initial_connection_window_size": wrapped(1048576),
}

# An empty list would mean the private ranges, where pods live: the limited broadcast address is nobody's.
NOBODY_INTERNAL: Fields = {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": wrapped(32)}]}

ROUTER = extension("envoy.filters.http.router", Router(suppress_envoy_headers=True, dynamic_stats=wrapped(False)))


def build_connection_manager(place: GatewayPlace, table: str, by_claims: bool, plain_port: int = 0) -> Fields:
    """The network filter for Ingresses; routes come by name over RDS, so that a change of routes moves no listener.

    `by_claims`: where a request goes depends on its token. `plain_port` is the port of plain HTTP, 0 where TLS ends.

    * Headers with an underscore are dropped, as nginx does: `x_user` and `x-user` are one variable to many a backend.
    * Paths are normalised and slashes merged before they are matched, and forwarded so. `%2F` stays as it is, for matching too.
    * Nobody is internal: `x-envoy-*` of a client never steers a request, however private the client's address is.
    * The router counts nothing by status code (`dynamic_stats`): nobody reads it, and each request would pay for it.
    * The client's address is the peer's. What it claims in X-Forwarded-For is set aside in `forwarded.py`.
    """
    manager = HttpConnectionManager(
        stat_prefix=place.routes(table),
        codec_type="AUTO",  # HTTP/1.1, and HTTP/2 by ALPN or with prior knowledge
        rds={"config_source": ADS, "route_config_name": place.routes(table)},
        access_log=request_log(Reporter.GATEWAY),
        early_header_mutation_extensions=[forwarded_headers(not plain_port, plain_port or HTTPS_PORT)],
        http_filters=[*gateway_filters(place, by_claims), ROUTER],
        common_http_protocol_options={"idle_timeout": seconds(KEEP_ALIVE_S), "headers_with_underscores_action": "DROP_HEADER"},
        http_protocol_options={"accept_http_10": True},
        http2_protocol_options=HTTP2,
        upgrade_configs=[{"upgrade_type": "websocket"}],
        stream_idle_timeout=seconds(STREAM_IDLE_S),
        use_remote_address=wrapped(True),
        xff_num_trusted_hops=0,
        skip_xff_append=True,
        internal_address_config=NOBODY_INTERNAL,
        generate_request_id=wrapped(True),
        preserve_external_request_id=True,
        server_header_transformation="PASS_THROUGH",
        normalize_path=wrapped(True),
        merge_slashes=True,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        strip_trailing_host_dot=True,
    )
    return extension("envoy.filters.network.http_connection_manager", manager)


def gateway_filters(place: GatewayPlace, by_claims: bool) -> list[Fields]:
    """All filters before the router: policies, of which gateways outside the mesh have limits alone, and features of routes.

    Where claims of a token decide the route, it is known only after the token has been verified.
    """
    outside: list[Fields] = [{**limit_filter(), "disabled": True}]
    policing = http_filters(place.slot, place.policy if by_claims else None) if place.guarded else outside
    return [*policing, *(ROUTE_FILTERS if by_claims else when_asked_for(ROUTE_FILTERS))]
