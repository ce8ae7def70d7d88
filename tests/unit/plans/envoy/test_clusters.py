"""How service ports become clusters and endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from seaway.plans.envoy.static import decode_resource
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS

if TYPE_CHECKING:
    from tests.unit.plans.envoy.conftest import Draft


def first(draft: Draft, type_url: str) -> dict[str, Any]:
    return cast(dict[str, Any], decode_resource(next(one for one in draft.plan() if one.type_url == type_url)))


@pytest.mark.parametrize(
    ("name", "app_protocol", "http2"),
    [
        ("http", "", False),
        ("", "", False),
        ("grpc", "", True),
        ("grpc-api", "", True),
        ("http2", "", True),
        ("h2c", "", True),
        ("grpcx", "", False),
        ("http", "kubernetes.io/h2c", True),
        ("http", "grpc", True),
        ("grpc", "http", False),
        ("http", "kubernetes.io/ws", False),
    ],
)
def test_the_ports_protocol_decides_http2(draft: Draft, name: str, app_protocol: str, http2: bool) -> None:
    web = draft.service("shop/web", draft.pod("shop/web-1", "10.244.0.10"), ports=((name, 80, 8080, app_protocol),))
    draft.host("*", draft.to("/", web))
    options = first(draft, CLUSTER)["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
    assert set(options["explicit_http_config"]) == {"http2_protocol_options" if http2 else "http_protocol_options"}


def test_cluster(shop: Draft) -> None:
    cluster = first(shop, CLUSTER)
    assert cluster["type"] == "EDS"
    assert cluster["eds_cluster_config"]["service_name"] == "outbound|80||web.shop.svc.cluster.local|ingress"
    assert cluster["connect_timeout"] == "5s"
    (user_timeout,) = cluster["upstream_bind_config"]["socket_options"]
    assert (user_timeout["description"], user_timeout["int_value"]) == ("TCP_USER_TIMEOUT", "10000")
    assert cluster["upstream_connection_options"]["tcp_keepalive"]["keepalive_time"] == 10
    selector = cluster["upstream_bind_config"]["local_address_selector"]["typed_config"]["@type"]
    assert selector == "type.googleapis.com/envoy.extensions.local_address_selectors.filter_state_override.v3.Config"
    assert cluster["metadata"]["filter_metadata"]["seaway"]["kind"] == "Service"
    assert cluster["circuit_breakers"]["thresholds"][0]["max_requests"] > 1_000_000


def test_endpoints_are_in_order_and_name_their_pods(shop: Draft) -> None:
    (locality,) = first(shop, ENDPOINTS)["endpoints"]
    assert set(locality) == {"lb_endpoints"}
    assert [
        (one["endpoint"]["address"]["socket_address"], one["metadata"]["filter_metadata"]["seaway"]["pod"])
        for one in locality["lb_endpoints"]
    ] == [
        ({"address": "10.244.0.10", "port_value": 8080}, "shop/web-2"),
        ({"address": "10.244.0.11", "port_value": 8080}, "shop/web-1"),
    ]


def test_two_ports_of_one_service_are_two_clusters(draft: Draft) -> None:
    pod = draft.pod("shop/web-1", "10.244.0.10")
    web = draft.service("shop/web", pod, ports=(("http", 80, 8080, ""), ("admin", 81, 8081, "")))
    draft.host("*", draft.to("/", web))
    assert [one.name for one in draft.plan() if one.type_url == CLUSTER] == ["outbound|80||web.shop.svc.cluster.local|ingress"]
