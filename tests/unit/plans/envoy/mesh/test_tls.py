"""Whose certificate is shown and whose is accepted, as Envoy's transport sockets say it."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format

from seaway.model.names import ROOT_SECRET, spiffe_id
from seaway.plans.envoy.mesh.tls import NOBODY, call_as, mesh_client_context, mesh_server_context
from seaway.plans.envoy.proto import Cluster, Fields, Listener

WEB = spiffe_id("cluster.local", "shop", "web")
API = spiffe_id("cluster.local", "shop", "api")


def _config(extension: Fields) -> dict[str, Any]:
    """The extension's message as JSON, the mesh's own kinds of message in it too."""
    message = Cluster(name="x", transport_socket=extension)
    return json_format.MessageToDict(message, preserving_proto_field_name=True)["transport_socket"]["typed_config"]


def _server(require_client: bool = True) -> dict[str, Any]:
    return _config(mesh_server_context(WEB, require_client, ("h2", "http/1.1"), ("cluster.local", "old.example")))


def _client() -> dict[str, Any]:
    return _config(mesh_client_context((API, WEB), "outbound_.80_._.api", ("istio", "h2")))


def test_a_listener_shows_its_own_identity() -> None:
    (secret,) = _server()["common_tls_context"]["tls_certificate_sds_secret_configs"]
    assert secret["name"] == "server|spiffe://cluster.local/ns/shop/sa/web"
    assert secret["sds_config"]["api_config_source"]["api_type"] == "DELTA_GRPC"


def test_a_listener_accepts_its_trust_domains_only() -> None:
    validation = _server()["common_tls_context"]["combined_validation_context"]
    names = validation["default_validation_context"]["match_typed_subject_alt_names"]
    assert names == [
        {"san_type": "URI", "matcher": {"prefix": "spiffe://cluster.local/"}},
        {"san_type": "URI", "matcher": {"prefix": "spiffe://old.example/"}},
    ]
    assert validation["validation_context_sds_secret_config"]["name"] == ROOT_SECRET


def test_a_client_certificate_is_required_where_it_is_said() -> None:
    assert _server(require_client=True)["require_client_certificate"] is True
    assert _server(require_client=False)["require_client_certificate"] is False


def test_no_session_is_resumed() -> None:
    assert _server()["disable_stateless_session_resumption"] is True
    assert _server()["disable_stateful_session_resumption"] is True
    assert _client()["max_session_keys"] == 0


def test_a_cluster_accepts_the_named_peers_only() -> None:
    context = _client()
    names = context["common_tls_context"]["combined_validation_context"]["default_validation_context"]["match_typed_subject_alt_names"]
    assert [one["matcher"]["exact"] for one in names] == [API, WEB]
    assert context["sni"] == "outbound_.80_._.api"
    assert context["common_tls_context"]["alpn_protocols"] == ["istio", "h2"]


def test_a_cluster_shows_its_callers_identity() -> None:
    selector = _client()["common_tls_context"]["custom_tls_certificate_selector"]
    config = selector["typed_config"]["value"]
    assert config["config_source"]["initial_fetch_timeout"] == "0s"
    assert config["certificate_mapper"]["typed_config"]["default_value"] == NOBODY


def test_the_caller_is_named_by_its_certificate() -> None:
    message = Listener(filter_chains=[{"filters": [call_as(API)]}])
    (chain,) = json_format.MessageToDict(message, preserving_proto_field_name=True)["filter_chains"]
    value, known = chain["filters"][0]["typed_config"]["on_new_connection"]
    assert value["format_string"]["text_format_source"]["inline_string"] == "client|spiffe://cluster.local/ns/shop/sa/api"
    assert (value["factory_key"], value["shared_with_upstream"]) == ("envoy.hashable_string", "ONCE")
    assert (known["object_key"], known["format_string"]["text_format_source"]["inline_string"]) == ("seaway.caller", API)
