"""Parts of Envoy's configuration with their lines, and which pieces are a pod's own."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.app.envoy_parts import Part, parts_of_cluster, parts_of_listener, parts_of_routes, rules_in
from seaway.app.envoy_reach import Reach, reach_of

Config = dict[str, Any]


def cited(**words: str) -> Config:
    return {"metadata": {"filter_metadata": {"seaway": words}}}


def rbac(kind: str, **rules: Any) -> Config:
    return {"@type": f"type.googleapis.com/envoy.extensions.filters.{kind}", **rules}


TO_WEB: Config = {"typed_config": {"@type": "…TcpProxy", "cluster": "web"}}
MANAGER: Config = {"typed_config": {"@type": "…HttpConnectionManager", "rds": {"route_config_name": "inbound/web"}}}
DENY: Config = {"typed_config": rbac("network.rbac.v3.RBAC", rules={"action": "DENY", "policies": {"shop/no[0]@a.yaml:7": {}}})}
MUTUAL: Config = {"typed_config": {"common_tls_context": {}, "require_client_certificate": True}}


def test_chains() -> None:
    listener = {
        "filter_chains": [
            {
                "name": "8080 0",
                "filter_chain_match": {"destination_port": 8080, "transport_protocol": "tls", "application_protocols": ["istio"]},
                "filters": [MANAGER],
                "transport_socket": MUTUAL,
                **cited(**{"from": "pa.yaml:3"}),
            },
            {"filters": [DENY, TO_WEB], "filter_chain_match": {"prefix_ranges": [{"address_prefix": "10.0.0.1", "prefix_len": 32}]}},
        ],
        "default_filter_chain": {
            "name": "unknown",
            "filters": [{"typed_config": {"weighted_clusters": {"clusters": [{"name": "a"}, {"name": "b"}]}}}],
        },
    }
    assert list(parts_of_listener(listener)) == [
        Part("chain 8080 0: port 8080 tls istio (mutual TLS) -> routes inbound/web", "pa.yaml:3"),
        Part("chain (only one): 10.0.0.1/32 -> web", ""),
        Part("DENY shop/no[0]", "a.yaml:7"),
        Part("chain unknown: all others -> a, b", ""),
    ]


def test_rules_over_routes() -> None:
    held = {
        "rules": {"policies": {"shop/yes[1]@b.yaml:9": {}}},
        "shadow_rules": {"action": "DENY", "policies": {"shop/dry[0]@c.yaml:2": {}}},
    }
    routes = {"typed_per_filter_config": {"x": rbac("http.rbac.v3.RBACPerRoute", rbac=held), "y": {"@type": "another"}}}
    assert list(parts_of_routes(routes)) == [Part("ALLOW shop/yes[1]", "b.yaml:9"), Part("DENY shop/dry[0] (not enforced)", "c.yaml:2")]
    assert list(rules_in({})) == []


@pytest.mark.parametrize(
    ("cluster", "parts"),
    [
        ({}, []),
        (cited(pool="dr.yaml:4", ejection="dr.yaml:6"), [Part("connection pool", "dr.yaml:4"), Part("outlier detection", "dr.yaml:6")]),
        (
            {
                "transport_socket_matches": [
                    {
                        "name": "mesh",
                        "transport_socket": {"typed_config": {"common_tls_context": {"custom_tls_certificate_selector": {}}, "sni": "x"}},
                    },
                    {"name": "plaintext", "transport_socket": {}},
                ],
                **cited(**{"from": "svc.yaml:1"}),
            },
            [Part("mutual TLS as x to endpoints that can", "svc.yaml:1"), Part("plaintext to the rest", "svc.yaml:1")],
        ),
        (
            {"transport_socket": {"typed_config": {"common_tls_context": {}}}, **cited(tls="dr.yaml:8")},
            [Part("TLS to all endpoints", "dr.yaml:8")],
        ),
    ],
    ids=["nothing", "treatment", "automatic", "always"],
)
def test_clusters(cluster: Config, parts: list[Part]) -> None:
    assert list(parts_of_cluster(cluster)) == parts


def test_what_a_pod_uses() -> None:
    listeners = [
        {
            "name": "inbound/shop/web",
            "filter_chains": [{"filters": [MANAGER], "transport_socket": {"tls_certificate_sds_secret_configs": [{"name": "server|x"}]}}],
        },
        {"name": "outbound/shop/web", "listener_filters": [{"inline_string": "client|x"}], "filter_chains": [{"filters": [TO_WEB]}]},
        {"name": "outbound/shop/web-2", "filter_chains": [{"cluster": "another"}]},
        {"name": "host/80"},
    ]
    split = {"route": {"weighted_clusters": {"clusters": [{"name": "v1", "weight": 1}, {"name": "v2", "weight": 1}]}}}
    routes = [{"name": "inbound/web", "virtual_hosts": [{"routes": [split]}]}, {"name": "foreign", "cluster": "foreign"}]
    clusters = [{"name": "web", "validation_context_sds_secret_config": {"name": "ROOTCA"}}, {"name": "another"}]
    assert reach_of("shop/web", listeners, routes, clusters) == Reach(
        frozenset({"inbound/shop/web", "outbound/shop/web"}),
        frozenset({"inbound/web"}),
        frozenset({"web", "v1", "v2"}),
        frozenset({"server|x", "client|x", "ROOTCA"}),
    )
    assert reach_of("shop/we", listeners, routes, clusters) is None
    assert reach_of("edge/gw", [{"name": "gateway/edge/gw/80"}], [], []) is not None
