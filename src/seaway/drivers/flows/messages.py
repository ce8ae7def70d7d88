"""Messages of Envoy's access log service as entries. Whoever wants to read flows does it, and not the agent that keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from envoy.service.accesslog.v3 import als_pb2

from seaway.protocols.flow_entry import DENIED_LIMIT, LIMITS, FlowEntry, Reporter, Tag

_Message = getattr(als_pb2, "StreamAccessLogsMessage")  # noqa: B009  # made at import, out of a type checker's sight

_HTTP_VERSIONS = ("HTTP", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3")
_METHODS = ("", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
_RBAC = ("envoy.filters.http.rbac", "envoy.filters.network.rbac")
_ASKED = "istio_ext_authz_shadow_effective_policy_id"
_TAGS = {tag.value: tag for tag in Tag}


def log_name(message: bytes) -> str:
    """Which log a stream is of: its first message says so."""
    return _Message.FromString(message).identifier.log_name


def read_batch(log: str, message: bytes) -> Iterator[FlowEntry]:
    """The entries of a message of this log; none of a log that is not one of ours."""
    reporter = next((one for one in Reporter if one.value == log), None)
    if reporter is None:
        return
    batch = _Message.FromString(message)
    for one in batch.http_logs.log_entry:
        yield _request(reporter, one)
    for one in batch.tcp_logs.log_entry:
        yield _connection(reporter, one)


def _request(reporter: Reporter, entry: Any) -> FlowEntry:
    request, response = entry.request, entry.response
    return FlowEntry(
        http=True,
        protocol=_HTTP_VERSIONS[entry.protocol_version],
        method=_METHODS[request.request_method],
        host=request.authority,
        path=without_secrets(request.original_path or request.path),
        request_id=request.request_id,
        status=response.response_code.value,
        received=request.request_body_bytes,
        sent=response.response_body_bytes,
        **_common(reporter, entry.common_properties),
    )


def _connection(reporter: Reporter, entry: Any) -> FlowEntry:
    carried = entry.connection_properties
    tls = entry.common_properties.tls_properties.tls_version
    return FlowEntry(
        http=False,
        protocol="TLS" if tls else "TCP",
        received=carried.received_bytes,
        sent=carried.sent_bytes,
        **_common(reporter, entry.common_properties),
    )


def _common(reporter: Reporter, common: Any) -> dict[str, Any]:
    peers: Sequence[Any] = common.tls_properties.peer_certificate_properties.subject_alt_name
    denied_by, asked_by = _rules(common.metadata.filter_metadata)
    return {
        "reporter": reporter,
        "time": common.start_time.seconds + common.start_time.nanos / 1e9,
        "duration_s": common.duration.seconds + common.duration.nanos / 1e9,
        "caller": _address(common.downstream_direct_remote_address),
        "called": _address(common.downstream_local_address),
        "upstream": _address(common.upstream_remote_address),
        "termination": common.connection_termination_details,
        "handshake_failure": common.downstream_transport_failure_reason,
        "upstream_failure": common.upstream_transport_failure_reason,
        "denied_by": denied_by,
        "asked_by": asked_by,
        "limited_by": _limit(common.metadata.filter_metadata),
        "peer": next((one.uri for one in peers if one.uri), ""),
        "server_name": common.tls_properties.tls_sni_hostname,
        "route_name": common.route_name,
        "attempts": common.upstream_request_attempt_count,
        "tags": {_TAGS[name]: text for name, text in common.custom_tags.items() if name in _TAGS},
    }


def _rules(metadata: Any) -> tuple[str, str]:
    """The rules of authorization that refused, and that had an authorizer asked: as they are named, which `details` do not spell."""
    found = [metadata[name].fields for name in _RBAC if name in metadata]
    denied = [one["enforced_effective_policy_id"] for one in found if one["enforced_engine_result"].string_value == "denied"]
    asked = [one[_ASKED] for one in found if _ASKED in one]
    return _first(denied), _first(asked)


def _limit(metadata: Any) -> str:
    return metadata[LIMITS].fields[DENIED_LIMIT].string_value if LIMITS in metadata else ""


def _first(values: Sequence[Any]) -> str:
    return next((cast(str, one.string_value) for one in values), "")


def _address(address: Any) -> str:
    if not address.HasField("socket_address"):
        return address.pipe.path
    return f"{address.socket_address.address}:{address.socket_address.port_value}"


def without_secrets(path: str) -> str:
    """The path with the names of its query's parameters, and without their values."""
    path, question, query = path.partition("?")
    parameters = (f"{name}=…" if equals else "…" for name, equals, _ in (one.partition("=") for one in query.split("&")))
    return f"{path}?{'&'.join(parameters)}" if question else path
