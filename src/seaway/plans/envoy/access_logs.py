"""What Envoy tells the node's agent of requests and connections: by default those that went wrong, all of them where the settings say so.

For a request that goes well a log costs some comparisons and no text: what is told is put together after the filters have let it
through. The logs of one kind are the same in all listeners, whatever pod they serve, since Envoy keeps a stream a log and worker.
Leaves to others: what the entries mean (`analysis/flows`).
"""

from __future__ import annotations

from functools import cache

from seaway.plans.envoy.mesh.tls import CALLER_SECRET
from seaway.plans.envoy.proto import (
    FLOW_LOG,
    CelFilter,
    Fields,
    HttpAccessLog,
    TcpAccessLog,
    duration,
    extension,
)
from seaway.plans.envoy.resource import METADATA_NAMESPACE
from seaway.protocols.flow_entry import Reporter, Tag

SHARE = "seaway.flows_per_million"
"""Runtime key: of a million requests, so many are told whatever becomes of them. It is set in the bootstrap."""

FLUSH_S = 0.2
"""How long entries may wait for others to go with them."""

_FIRST_ERROR = 400

_TAGS: dict[Tag, str] = {
    Tag.ROUTE: f"%METADATA(ROUTE:{METADATA_NAMESPACE})%",
    Tag.HOST: f"%METADATA(VIRTUAL_HOST:{METADATA_NAMESPACE})%",
    Tag.CLUSTER: f"%METADATA(CLUSTER:{METADATA_NAMESPACE})%",
    Tag.CLUSTER_NAME: "%UPSTREAM_CLUSTER_RAW%",
    Tag.LISTENER: f"%METADATA(LISTENER:{METADATA_NAMESPACE})%",
    Tag.CHAIN: f"%METADATA(LISTENER_FILTER_CHAIN:{METADATA_NAMESPACE})%",
    Tag.CALLER: f"%FILTER_STATE({CALLER_SECRET}:PLAIN)%",
    Tag.DETAILS: "%RESPONSE_CODE_DETAILS%",
    Tag.FLAGS: "%RESPONSE_FLAGS%",
    Tag.GRPC: "%GRPC_STATUS_NUMBER%",
}

_OF_CONNECTIONS = ("NR", "UF", "UH", "UO", "UC", "NC", "DF", "UT", "UAEX", "OM", "NFCF", "RL")
"""Flags that a connection of bytes may end with; those of HTTP connections are told with their requests."""


@cache
def request_log(reporter: Reporter) -> list[Fields]:
    """`access_log` of an HTTP connection manager."""
    comparison = {"op": "GE", "value": {"default_value": _FIRST_ERROR, "runtime_key": "seaway.flows_from_status"}}
    wrong: list[Fields] = [
        {"status_code_filter": {"comparison": comparison}},
        {"response_flag_filter": {}},
        {"and_filter": {"filters": [_SPEAKS_GRPC, {"grpc_status_filter": {"statuses": ["OK"], "exclude": True}}]}},
    ]
    return [{**extension("envoy.access_loggers.http_grpc", HttpAccessLog(common_config=_common(reporter))), "filter": _any_of(wrong)}]


@cache
def connection_log(reporter: Reporter) -> list[Fields]:
    """`access_log` of a listener: connections of bytes, and those that no filter chain takes or whose handshake fails."""
    ended = "connection.termination_details != '' || connection.transport_failure_reason != ''"
    expression = extension("envoy.access_loggers.extension_filters.cel", CelFilter(expression=ended))
    wrong: list[Fields] = [{"response_flag_filter": {"flags": _OF_CONNECTIONS}}, {"extension_filter": expression}]
    return [{**extension("envoy.access_loggers.tcp_grpc", TcpAccessLog(common_config=_common(reporter))), "filter": _any_of(wrong)}]


_SPEAKS_GRPC: Fields = {"header_filter": {"header": {"name": "content-type", "string_match": {"prefix": "application/grpc"}}}}


def _any_of(filters: list[Fields]) -> Fields:
    """One of these, or by chance."""
    sample = {"numerator": 0, "denominator": "MILLION"}
    chance = {"runtime_key": SHARE, "percent_sampled": sample, "use_independent_randomness": True}
    return {"or_filter": {"filters": [*filters, {"runtime_filter": chance}]}}


def _common(reporter: Reporter) -> Fields:
    return {
        "log_name": reporter.value,
        "transport_api_version": "V3",
        "grpc_service": {"envoy_grpc": {"cluster_name": FLOW_LOG}},
        "buffer_flush_interval": duration(FLUSH_S),
        "custom_tags": [{"tag": tag.value, "value": text} for tag, text in _TAGS.items()],
    }
