"""Clusters of the mesh that stand for no host: the application behind a listener, wherever a caller was going, and nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.model.upstream import NO_LIMIT
from seaway.plans.envoy.mesh.sockets import TO_APPLICATION, TO_OTHERS, upstream_socket
from seaway.plans.envoy.proto import Cluster, Fields, HttpProtocolOptions, pack, seconds, wrapped
from seaway.plans.envoy.resource import build_resource
from seaway.protocols.xds_resource import CLUSTER, XdsResource

PASSTHROUGH = "PassthroughCluster"
BLACK_HOLE = "BlackHoleCluster"

HTTP1, HTTP2, DETECT, TCP = "inbound|http1", "inbound|http2", "inbound|detect", "inbound|tcp"
"""To the application, in what it speaks. All pods of a node share them: each connection is to the address that its caller meant."""

_CONNECT_S = 10  # MeshConfig's connectTimeout
_OPTIONS: dict[str, Fields] = {
    HTTP1: {"explicit_http_config": {"http_protocol_options": {}}},
    HTTP2: {"explicit_http_config": {"http2_protocol_options": {}}},
    DETECT: {"use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}}},
    TCP: {"explicit_http_config": {"http_protocol_options": {}}},
}

_NO_LIMITS: Fields = {
    "thresholds": [
        {name: wrapped(NO_LIMIT) for name in ("max_connections", "max_pending_requests", "max_requests", "max_retries")},
    ]
}


def plan_passthrough() -> Iterator[XdsResource]:
    """All of them; the same on every node."""
    for name, options in _OPTIONS.items():
        yield _original(name, TO_APPLICATION, options)
    yield _original(PASSTHROUGH, TO_OTHERS, _OPTIONS[DETECT])
    yield plan_black_hole()


def plan_black_hole() -> XdsResource:
    """A cluster of nobody: connections that are sent there end."""
    return build_resource(CLUSTER, BLACK_HOLE, Cluster(name=BLACK_HOLE, type="STATIC", connect_timeout=seconds(_CONNECT_S)), ())


def _original(name: str, mark: int, options: Fields) -> XdsResource:
    cluster = Cluster(
        name=name,
        type="ORIGINAL_DST",
        lb_policy="CLUSTER_PROVIDED",
        connect_timeout=seconds(_CONNECT_S),
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(HttpProtocolOptions(**options))},
        circuit_breakers=_NO_LIMITS,
        upstream_bind_config=upstream_socket(mark),
    )
    return build_resource(CLUSTER, name, cluster, ())
