"""Messages of the access log service, field by field."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.service.accesslog.v3 import als_pb2
from google.protobuf import json_format

from seaway.drivers.flows.messages import log_name, read_batch, without_secrets
from seaway.protocols.flow_entry import FlowEntry, Reporter, Tag

COMMON: dict[str, Any] = {
    "start_time": "2027-01-01T00:00:00.5Z",
    "duration": "0.25s",
    "downstream_direct_remote_address": {"socket_address": {"address": "10.244.0.9", "port_value": 40000}},
    "downstream_remote_address": {"socket_address": {"address": "192.0.2.1", "port_value": 1}},
    "downstream_local_address": {"socket_address": {"address": "10.96.0.7", "port_value": 8080}},
    "upstream_remote_address": {"socket_address": {"address": "10.244.0.3", "port_value": 8080}},
    "upstream_request_attempt_count": 2,
    "route_name": "block_all",
    "custom_tags": {"flags": "UF,URX", "details": "via_upstream", "route": "{}", "of another version": "x"},
    "tls_properties": {
        "tls_version": "TLSv1_3",
        "tls_sni_hostname": "web",
        "peer_certificate_properties": {"subject_alt_name": [{"dns": "a"}, {"uri": "spiffe://cluster.local/ns/shop/sa/web"}]},
    },
}
DENIED = {"enforced_effective_policy_id": "shop/a file[0]@my file.yaml:3", "enforced_engine_result": "denied"}


def message(kind: str, entry: dict[str, Any], name: str = "") -> bytes:
    fields: dict[str, Any] = {kind: {"log_entry": [entry]}}
    if name:
        fields["identifier"] = {"node": {"id": "node-1@1"}, "log_name": name}
    made = als_pb2.StreamAccessLogsMessage()  # pyright: ignore[reportAttributeAccessIssue]
    return json_format.ParseDict(fields, made).SerializeToString()


def read(kind: str, entry: dict[str, Any], log: str = "inbound") -> FlowEntry:
    (one,) = read_batch(log, message(kind, entry))
    return one


def test_request() -> None:
    request = {"request_method": "POST", "authority": "web:8080", "path": "/new", "original_path": "/old?key=secret", "request_id": "7"}
    response = {"response_code": 503, "response_body_bytes": 19}
    found = read("http_logs", {"common_properties": COMMON, "protocol_version": "HTTP2", "request": request, "response": response})
    assert found == FlowEntry(
        reporter=Reporter.DESTINATION,
        http=True,
        time=1798761600.5,
        duration_s=0.25,
        caller="10.244.0.9:40000",
        called="10.96.0.7:8080",
        upstream="10.244.0.3:8080",
        protocol="HTTP/2",
        method="POST",
        host="web:8080",
        path="/old?key=…",
        request_id="7",
        status=503,
        peer="spiffe://cluster.local/ns/shop/sa/web",
        server_name="web",
        route_name="block_all",
        sent=19,
        attempts=2,
        tags={Tag.FLAGS: "UF,URX", Tag.DETAILS: "via_upstream", Tag.ROUTE: "{}"},
    )
    assert (found.flags, found.details) == (("UF", "URX"), "via_upstream")


def test_connection() -> None:
    common = {
        **COMMON,
        "connection_termination_details": "ended",
        "downstream_transport_failure_reason": "TLS",
        "upstream_remote_address": {},
    }
    found = read("tcp_logs", {"common_properties": common, "connection_properties": {"received_bytes": 3, "sent_bytes": 4}}, "outbound")
    assert (found.reporter, found.http, found.protocol) == (Reporter.SOURCE, False, "TLS")
    assert (found.termination, found.handshake_failure, found.received, found.sent, found.upstream) == ("ended", "TLS", 3, 4, "")


@pytest.mark.parametrize("namespace", ["envoy.filters.http.rbac", "envoy.filters.network.rbac"])
def test_rule_is_spelt_as_it_is_named(namespace: str) -> None:
    metadata = {"filter_metadata": {namespace: {**DENIED, "istio_ext_authz_shadow_effective_policy_id": "istio-ext-authz-shop/b[0]@c:1"}}}
    found = read("http_logs", {"common_properties": {**COMMON, "metadata": metadata}})
    assert (found.denied_by, found.asked_by) == ("shop/a file[0]@my file.yaml:3", "istio-ext-authz-shop/b[0]@c:1")


def test_rule_that_let_it_pass_did_not_deny() -> None:
    metadata = {"filter_metadata": {"envoy.filters.http.rbac": {**DENIED, "enforced_engine_result": "allowed"}}}
    assert read("http_logs", {"common_properties": {**COMMON, "metadata": metadata}}).denied_by == ""


def test_name_of_a_log() -> None:
    assert log_name(message("http_logs", {}, "gateway")) == "gateway"
    assert list(read_batch("somebody else's", message("http_logs", {}))) == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/a", "/a"), ("/a?", "/a?…"), ("/a?token=abc&b=&c", "/a?token=…&b=…&…"), ("/a?x=1?y=2", "/a?x=…"), ("", "")],
)
def test_values_of_a_query_are_not_shown(path: str, shown: str) -> None:
    assert without_secrets(path) == shown
