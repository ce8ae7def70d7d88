"""Sockets in pods' namespaces, certificates by server name, and the HTTP connection manager."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from seaway.model.names import certificate_secret
from seaway.model.route import Certificate, TlsHost
from seaway.model.service import Health
from seaway.model.workload import GatewayProxy
from seaway.plans.envoy.static import decode_resource
from seaway.protocols.xds_resource import LISTENER, SECRET

if TYPE_CHECKING:
    from tests.unit.plans.envoy.conftest import Draft


def listener(draft: Draft, port: int) -> dict[str, Any]:
    found = next(one for one in draft.plan() if one.type_url == LISTENER and one.name.endswith(f"/{port}"))
    return cast(dict[str, Any], decode_resource(found))


def filters(chain: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"].rsplit(".", 1)[-1]: one["typed_config"] for one in chain["filters"]}


def test_the_socket_and_upstream_connections_are_in_the_pods_namespace(shop: Draft) -> None:
    built = listener(shop, 80)
    netns = "/run/seaway/ns/ingress_gateway-0"
    assert built["address"]["socket_address"] == {"address": "0.0.0.0", "port_value": 80, "network_namespace_filepath": netns}
    (state,) = filters(built["filter_chains"][0])["set_filter_state"]["on_new_connection"]
    assert state == {
        "object_key": "envoy.network.upstream_bind_override.network_namespace",
        "factory_key": "envoy.hashable_string",
        "format_string": {"text_format_source": {"inline_string": netns}},
        "shared_with_upstream": "ONCE",
    }


def test_a_pod_in_its_nodes_network_listens_there(shop: Draft) -> None:
    shop.pod("ingress/gateway-0", "192.168.0.2", GatewayProxy(shop.GATEWAY), host_network=True)
    assert listener(shop, 80)["address"]["socket_address"]["network_namespace_filepath"] == "/run/seaway/ns/node_node-1"


def test_all_pods_share_the_routes(shop: Draft) -> None:
    for name in ("gateway-0", "gateway-1"):
        shop.pod(f"ingress/{name}", "10.244.0.3", GatewayProxy(shop.GATEWAY))
    built = [one for one in shop.plan() if one.type_url == LISTENER and one.name.endswith("/80")]
    managers = [filters(cast(dict[str, Any], decode_resource(one))["filter_chains"][0])["http_connection_manager"] for one in built]
    assert [one.name for one in built] == ["gateway/ingress/gateway-0/80", "gateway/ingress/gateway-1/80"]
    assert [one["rds"]["route_config_name"] for one in managers] == ["ingress/gateway/http"] * 2


def test_the_edge_trusts_nobody(shop: Draft) -> None:
    manager = filters(listener(shop, 80)["filter_chains"][0])["http_connection_manager"]
    assert manager["use_remote_address"] is True
    assert manager["skip_xff_append"] is True
    assert manager["internal_address_config"] == {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]}
    assert manager["normalize_path"] is True
    assert manager["merge_slashes"] is True
    assert manager["path_with_escaped_slashes_action"] == "KEEP_UNCHANGED"
    assert manager["common_http_protocol_options"]["headers_with_underscores_action"] == "DROP_HEADER"
    assert manager["upgrade_configs"] == [{"upgrade_type": "websocket"}]
    assert "strip_any_host_port" not in manager


CASES = [
    pytest.param([], {}, id="default-certificate-only"),
    pytest.param([("shop.example.com", 1)], {"shop-tls": ["shop.example.com"]}, id="one-host"),
    pytest.param([("b.example.com", 1), ("a.example.com", 1)], {"shop-tls": ["a.example.com", "b.example.com"]}, id="grouped-and-sorted"),
    pytest.param(
        [("*.example.com", 2), ("shop.example.com", 1)],
        {"shop-tls": ["shop.example.com"], "wild-tls": ["*.example.com"]},
        id="wildcard",
    ),
    pytest.param(
        [("*.example.com", 2), ("bare.example.com", None)],
        {"default": ["bare.example.com"], "wild-tls": ["*.example.com"]},
        id="host-without-certificate-inside-a-wildcard",
    ),
    pytest.param([("Shop.example.com", 1), ("shop.example.com", 2)], {"shop-tls": ["shop.example.com"]}, id="first-of-two-wins"),
    pytest.param([("*", 1)], {}, id="any-host-is-the-default-certificates"),
]


@pytest.mark.parametrize(("hosts", "want"), CASES)
def test_certificates_by_server_name(
    shop: Draft, certificates: tuple[Certificate, ...], hosts: list[tuple[str, int | None]], want: dict[str, list[str]]
) -> None:
    shop.tls = [TlsHost(host, None if which is None else certificates[which], shop.origin()) for host, which in hosts]
    built = listener(shop, 443)
    chains = {one["name"]: one["filter_chain_match"]["server_names"] for one in built.get("filter_chains", [])}
    assert chains == {certificate_secret(name): names for name, names in want.items()}
    assert built["default_filter_chain"]["name"] == certificate_secret("default")
    assert [one["name"] for one in built["listener_filters"]] == ["envoy.filters.listener.tls_inspector"]


def test_tls_parameters(shop: Draft) -> None:
    context = listener(shop, 443)["default_filter_chain"]["transport_socket"]["typed_config"]["common_tls_context"]
    assert context["alpn_protocols"] == ["h2", "http/1.1"]
    assert context["tls_params"]["tls_minimum_protocol_version"] == "TLSv1_2"
    assert context["tls_certificate_sds_secret_configs"] == [
        {"name": certificate_secret("default"), "sds_config": {"ads": {}, "resource_api_version": "V3"}}
    ]


def test_a_percent_sign_in_a_path_is_no_formatter(shop: Draft) -> None:
    view = replace(shop.view(), netns_folder="/run/50%/ns")
    plan = shop.plan(netns_folder=view.netns_folder)
    built = cast(dict[str, Any], decode_resource(next(one for one in plan if one.name.endswith("/80") and one.type_url == LISTENER)))
    (state,) = filters(built["filter_chains"][0])["set_filter_state"]["on_new_connection"]
    assert state["format_string"]["text_format_source"]["inline_string"] == "/run/50%%/ns/ingress_gateway-0"
    assert built["address"]["socket_address"]["network_namespace_filepath"] == "/run/50%/ns/ingress_gateway-0"


def test_a_gateways_own_default_certificate(shop: Draft, certificates: tuple[Certificate, ...]) -> None:
    shop.tls = [TlsHost("bare.example.com", None, shop.origin())]
    model = shop.model()
    model = replace(model, gateways=tuple(replace(one, default_certificate=certificates[2]) for one in model.gateways))
    plan = shop.planned(model, Health())
    built = cast(dict[str, Any], decode_resource(next(one for one in plan if one.name.endswith("/443") and one.type_url == LISTENER)))
    own = certificate_secret("wild-tls")
    assert built["default_filter_chain"]["name"] == own
    assert {one["name"]: one["filter_chain_match"]["server_names"] for one in built["filter_chains"]} == {own: ["bare.example.com"]}
    assert [one.name for one in plan if one.type_url == SECRET] == [own]
