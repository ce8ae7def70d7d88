"""Clusters: how Envoy connects to an upstream. Which addresses stand behind it is said in `endpoints.py`."""

from __future__ import annotations

from google.protobuf.message import Message

from seaway.model.names import upstream_cluster
from seaway.model.upstream import OUTSIDE_MESH, AppProtocol, Ejection, Keepalive, MutualMesh, Pool, Simple, Upstream
from seaway.plans.envoy.citations import treatment_lines
from seaway.plans.envoy.endpoints import callers_choose
from seaway.plans.envoy.mesh.sockets import TO_OTHERS, mesh_socket, upstream_socket
from seaway.plans.envoy.proto import (
    ADS,
    Cluster,
    Fields,
    FilterStateAddressSelector,
    HttpProtocolOptions,
    duration,
    extension,
    pack,
    wrapped,
)
from seaway.plans.envoy.resource import build_resource, provenance
from seaway.protocols.xds_resource import CLUSTER, XdsResource

UNACKNOWLEDGED_MS = 10_000  # a peer that has vanished with its network sends no reset; TCP by itself would go on for a quarter of an hour


def callers_own_network() -> Fields:
    """BindConfig: the upstream socket opens in the network namespace that the listener put into filter state, else in Envoy's own."""
    user_timeout = {"description": "TCP_USER_TIMEOUT", "level": 6, "name": 18, "int_value": UNACKNOWLEDGED_MS, "state": "STATE_PREBIND"}
    return {
        "source_address": {"address": "0.0.0.0", "port_value": 0},
        "socket_options": [user_timeout],
        "local_address_selector": extension("envoy.upstream.local_address_selector.filter_state_override", FilterStateAddressSelector()),
    }


def plan_cluster(upstream: Upstream, all_take_mtls: bool = False) -> XdsResource:
    """The cluster of one upstream. `all_take_mtls` is asked where endpoints are not known beforehand."""
    name = upstream_cluster(upstream.id)
    pool = upstream.treatment.pool
    fields: dict[str, object] = {}
    if pool.keepalive is not None:
        fields["upstream_connection_options"] = {"tcp_keepalive": _keepalive(pool.keepalive)}
    if upstream.treatment.ejection is not None:
        fields["outlier_detection"] = _outlier_detection(upstream.treatment.ejection)
    if callers_choose(upstream):
        fields |= {"type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}
    else:
        fields |= {"type": "EDS", "eds_cluster_config": {"eds_config": ADS, "service_name": name}}
        if isinstance(upstream.treatment.balancing, Simple):
            fields["lb_policy"] = upstream.treatment.balancing.value
    if isinstance(upstream.treatment.protection, MutualMesh):
        fields |= mesh_socket(upstream, upstream.treatment.protection, all_take_mtls)
    cluster = Cluster(
        name=name,
        connect_timeout=duration(pool.connect_timeout_s),
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(_protocol_options(upstream))},
        circuit_breakers=circuit_breakers(pool),
        upstream_bind_config=callers_own_network() if upstream.id.variant == OUTSIDE_MESH else upstream_socket(TO_OTHERS),
        metadata=provenance(upstream.origin, upstream.owners[0] if upstream.owners else None, treatment_lines(upstream)),
        **fields,
    )
    return build_resource(CLUSTER, name, cluster, upstream.owners)


def circuit_breakers(pool: Pool) -> Fields:
    """The pool's limits."""
    limits = {
        "max_connections": pool.max_connections,
        "max_pending_requests": pool.max_pending,
        "max_requests": pool.max_requests,
        "max_retries": pool.max_retries,
    }
    return {"thresholds": [{name: wrapped(limit) for name, limit in limits.items()}]}


def _protocol_options(upstream: Upstream) -> Message:
    common = {} if upstream.treatment.pool.idle_timeout_s is None else {"idle_timeout": duration(upstream.treatment.pool.idle_timeout_s)}
    if upstream.protocol is AppProtocol.DETECT:
        either: Fields = {"http_protocol_options": {}, "http2_protocol_options": {}}
        return HttpProtocolOptions(use_downstream_protocol_config=either, common_http_protocol_options=common)
    protocol = "http2_protocol_options" if upstream.protocol.http2 else "http_protocol_options"
    return HttpProtocolOptions(explicit_http_config={protocol: {}}, common_http_protocol_options=common)


def _keepalive(keepalive: Keepalive) -> Fields:
    values = {
        "keepalive_probes": keepalive.probes,
        "keepalive_time": int(keepalive.time_s),
        "keepalive_interval": int(keepalive.interval_s),
    }
    return {name: wrapped(value) for name, value in values.items() if value}


def _outlier_detection(ejection: Ejection) -> Fields:
    """Success rates never decide; the counts do, each where it is not 0."""
    fields: dict[str, object] = {
        "split_external_local_origin_errors": ejection.split_local,
        "consecutive_local_origin_failure": wrapped(ejection.consecutive_local or 5),
        "enforcing_local_origin_success_rate": wrapped(0),
        "enforcing_consecutive_5xx": wrapped(100 if ejection.consecutive_5xx else 0),
        "enforcing_consecutive_gateway_failure": wrapped(100 if ejection.consecutive_gateway else 0),
        "enforcing_success_rate": wrapped(0),
        "interval": duration(ejection.interval_s),
        "base_ejection_time": duration(ejection.base_s),
        "max_ejection_percent": wrapped(ejection.max_percent),
    }
    if ejection.max_s is not None:
        fields["max_ejection_time"] = duration(ejection.max_s)
    if ejection.consecutive_5xx:
        fields["consecutive_5xx"] = wrapped(ejection.consecutive_5xx)
    if ejection.consecutive_gateway:
        fields["consecutive_gateway_failure"] = wrapped(ejection.consecutive_gateway)
    return fields
