"""What a cluster speaks, and for how long on one connection."""

from __future__ import annotations

from google.protobuf.message import Message

from seaway.model.upstream import AppProtocol, OriginateTls, Pool, Upstream
from seaway.plans.envoy.clusters.outlier_detection import error_matcher
from seaway.plans.envoy.mesh.shortcut import Shortcut, upstream_filters
from seaway.plans.envoy.proto import Fields, HttpProtocolOptions, duration, pack, wrapped

NAME = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def protocol_options(upstream: Upstream, shortcut: Shortcut | None = None) -> dict[str, Message]:
    """`typed_extension_protocol_options`."""
    pool, protection = upstream.treatment.pool, upstream.treatment.protection
    fields: dict[str, object] = {
        "common_http_protocol_options": _common(pool),
        **_version(upstream),
        **error_matcher(upstream.treatment.ejection),
    }
    if isinstance(protection, OriginateTls):
        server = {"auto_sni": not protection.sni, "auto_san_validation": protection.match_host}
        if any(server.values()):
            fields["upstream_http_protocol_options"] = server
    if shortcut is not None:
        fields["http_filters"] = upstream_filters(shortcut)
    return {NAME: pack(HttpProtocolOptions(**fields))}


def _common(pool: Pool) -> Fields:
    fields: dict[str, object] = {"idle_timeout": duration(pool.idle_timeout_s or 0)}
    if pool.max_duration_s is not None:
        fields["max_connection_duration"] = duration(pool.max_duration_s)
    if pool.max_requests_per_connection:
        fields["max_requests_per_connection"] = wrapped(pool.max_requests_per_connection)
    return fields


def _version(upstream: Upstream) -> Fields:
    pool = upstream.treatment.pool
    http2 = _http2(pool)
    if speaks_http2(upstream):
        return {"explicit_http_config": {"http2_protocol_options": http2}}
    if pool.client_protocol or upstream.protocol is AppProtocol.DETECT:
        return {"use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": http2}}
    return {"explicit_http_config": {"http_protocol_options": {}}}


def speaks_http2(upstream: Upstream) -> bool:
    """Whether requests go out as HTTP/2 however they came in."""
    pool = upstream.treatment.pool
    return pool.upgrade_http2 or (upstream.protocol.http2 and not pool.client_protocol)


def _http2(pool: Pool) -> Fields:
    fields: dict[str, object] = {}
    if pool.max_concurrent_streams:
        fields["max_concurrent_streams"] = wrapped(pool.max_concurrent_streams)
    if pool.http2_keepalive is not None:
        interval, timeout = pool.http2_keepalive
        fields["connection_keepalive"] = {"interval": duration(interval), "timeout": duration(timeout)}
    return fields
