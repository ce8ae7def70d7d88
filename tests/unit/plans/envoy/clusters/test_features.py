"""Clusters, one feature of a treatment at a time."""

from __future__ import annotations

import pytest

from seaway.model.service import ServiceName
from seaway.model.upstream import (
    AppProtocol,
    ConsistentHash,
    Distribute,
    Ejection,
    Fixed,
    FixedEndpoint,
    FromRequest,
    HashBy,
    Keepalive,
    LocalityBalancing,
    MutualMesh,
    OfService,
    OriginalDestination,
    OriginateTls,
    Passthrough,
    Plain,
    Pool,
    Resolved,
    Simple,
    Warmup,
)

HEADER = HashBy("header", "x-user")


def test_a_plain_one(cluster):
    found = cluster()
    assert found["name"] == "outbound|80||web.shop.svc.cluster.local"
    assert (found["type"], found["lb_policy"], found["connect_timeout"]) == ("EDS", "LEAST_REQUEST", "10s")
    assert found["metadata"]["filter_metadata"]["seaway"]["from"] == "mesh.yaml:7"
    assert not found.keys() & {
        "common_lb_config",
        "outlier_detection",
        "transport_socket",
        "transport_socket_matches",
        "upstream_connection_options",
    }
    marks = {one["description"]: one["int_value"] for one in found["upstream_bind_config"]["socket_options"]}
    assert marks["SO_MARK"] == str(0x5EA1)


@pytest.mark.parametrize(
    ("balancing", "expected"),
    [
        pytest.param(Simple.ROUND_ROBIN, {"lb_policy": None}, id="round-robin"),
        pytest.param(Simple.RANDOM, {"lb_policy": "RANDOM"}, id="random"),
        pytest.param(ConsistentHash(HEADER), {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": "1024"}}, id="ring"),
        pytest.param(ConsistentHash(HEADER, 1024, 251), {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": "251"}}, id="maglev"),
        pytest.param(Passthrough(), {"type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}, id="passthrough"),
    ],
)
def test_load_balancing(cluster, balancing, expected):
    found = cluster(balancing=balancing)
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("balancing", "field"), [(Simple.ROUND_ROBIN, "round_robin_lb_config"), (Simple.LEAST_REQUEST, "least_request_lb_config")]
)
def test_warmup(cluster, balancing, field):
    slow = cluster(balancing=balancing, warmup=Warmup(30, 5, 2))[field]["slow_start_config"]
    assert slow["slow_start_window"] == "30s"
    assert slow["min_weight_percent"] == {"value": 5}
    assert slow["aggression"]["default_value"] == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param({"ejection": Ejection()}, {"healthy_panic_threshold": {}, "update_merge_window": "0s"}, id="ejection-ends-panic"),
        pytest.param(
            {"ejection": Ejection(min_health_percent=30)},
            {"healthy_panic_threshold": {"value": 30}, "update_merge_window": "0s"},
            id="panic",
        ),
        pytest.param({"ejection": Ejection(min_health_percent=None)}, None, id="envoys-own-panic"),
        pytest.param({"locality": LocalityBalancing(True)}, None, id="order-of-places-needs-no-weights"),
        pytest.param(
            {"locality": LocalityBalancing(True, (Distribute("a", (("a", 100),)),))}, {"locality_weighted_lb_config": {}}, id="distribute"
        ),
        pytest.param({"locality": LocalityBalancing(True, failover=(("a", "b"),))}, {"locality_weighted_lb_config": {}}, id="failover"),
        pytest.param({"locality": LocalityBalancing(True, priority_labels=("a",))}, {"locality_weighted_lb_config": {}}, id="labels"),
        pytest.param({"locality": LocalityBalancing(False, failover=(("a", "b"),))}, None, id="asleep"),
    ],
)
def test_common_balancing(cluster, words, expected):
    assert cluster(**words).get("common_lb_config") == expected


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        pytest.param(Pool(max_connections=100), {"max_connections": 100}, id="connections"),
        pytest.param(Pool(max_pending=5), {"max_pending_requests": 5}, id="pending"),
        pytest.param(Pool(max_requests=6), {"max_requests": 6}, id="requests"),
        pytest.param(Pool(max_retries=7), {"max_retries": 7}, id="retries"),
        pytest.param(
            Pool(retry_budget=(25, 4)), {"retry_budget": {"budget_percent": {"value": 25}, "min_retry_concurrency": 4}}, id="budget"
        ),
    ],
)
def test_circuit_breakers(cluster, pool, expected):
    (found,) = cluster(pool=pool)["circuit_breakers"]["thresholds"]
    everything = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), 4294967295)
    assert found == everything | expected


def test_keepalive_is_in_whole_seconds(cluster):
    found = cluster(pool=Pool(keepalive=Keepalive(3, 0.5, 0)))["upstream_connection_options"]["tcp_keepalive"]
    assert found == {"keepalive_probes": 3, "keepalive_time": 1}


@pytest.mark.parametrize(
    ("ejection", "expected"),
    [
        pytest.param(
            Ejection(consecutive_5xx=3),
            {
                "consecutive_5xx": 3,
                "enforcing_consecutive_5xx": 100,
                "enforcing_consecutive_gateway_failure": 0,
                "max_ejection_percent": 10,
            },
            id="5xx",
        ),
        pytest.param(Ejection(consecutive_5xx=0), {"consecutive_5xx": None, "enforcing_consecutive_5xx": 0}, id="5xx-off"),
        pytest.param(
            Ejection(consecutive_gateway=2), {"consecutive_gateway_failure": 2, "enforcing_consecutive_gateway_failure": 100}, id="gateway"
        ),
        pytest.param(
            Ejection(split_local=True, consecutive_local=4),
            {"split_external_local_origin_errors": True, "consecutive_local_origin_failure": 4, "enforcing_local_origin_success_rate": 0},
            id="local",
        ),
        pytest.param(
            Ejection(interval_s=1.5, base_s=60), {"interval": "1.500s", "base_ejection_time": "60s", "max_ejection_time": None}, id="times"
        ),
        pytest.param(Ejection(base_s=600), {"base_ejection_time": "600s", "max_ejection_time": "600s"}, id="longer-than-envoys-bound"),
        pytest.param(Ejection(), {"enforcing_success_rate": 0}, id="never-by-rates"),
    ],
)
def test_outlier_detection(cluster, ejection, expected):
    found = cluster(ejection=ejection)["outlier_detection"]
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("codes", "statuses"), [((), None), ((429,), ["429"]), ((429, 500), ["429", "500"])], ids=["none", "one", "several"]
)
def test_which_answers_are_failures(protocols, codes, statuses):
    found = protocols(ejection=Ejection(status_codes=codes)).get("outlier_detection", {}).get("error_matcher")
    rules = found["or_match"]["rules"] if found and "or_match" in found else [found] if found else None
    said = rules and [one["http_response_headers_match"]["headers"][0]["string_match"]["exact"] for one in rules]
    assert said == statuses


@pytest.mark.parametrize(
    ("protocol", "pool", "kind"),
    [
        pytest.param(AppProtocol.HTTP, Pool(), "http", id="http"),
        pytest.param(AppProtocol.HTTP2, Pool(), "http2", id="http2"),
        pytest.param(AppProtocol.GRPC, Pool(), "http2", id="grpc"),
        pytest.param(AppProtocol.TCP, Pool(), "http", id="tcp"),
        pytest.param(AppProtocol.DETECT, Pool(), "downstream", id="detect"),
        pytest.param(AppProtocol.HTTP, Pool(upgrade_http2=True), "http2", id="upgrade"),
        pytest.param(AppProtocol.DETECT, Pool(upgrade_http2=True), "http2", id="upgrade-of-what-is-guessed"),
        pytest.param(AppProtocol.HTTP, Pool(client_protocol=True), "downstream", id="clients-own"),
        pytest.param(AppProtocol.HTTP2, Pool(client_protocol=True), "downstream", id="clients-own-over-http2"),
    ],
)
def test_versions(protocols, protocol, pool, kind):
    found = protocols(protocol=protocol, pool=pool)
    explicit = found.get("explicit_http_config", {})
    said = "downstream" if "use_downstream_protocol_config" in found else "http2" if "http2_protocol_options" in explicit else "http"
    assert said == kind


def test_http2_options(protocols):
    found = protocols(protocol=AppProtocol.HTTP2, pool=Pool(max_concurrent_streams=9, http2_keepalive=(30, 5)))
    assert found["explicit_http_config"]["http2_protocol_options"] == {
        "max_concurrent_streams": 9,
        "connection_keepalive": {"interval": "30s", "timeout": "5s"},
    }


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        pytest.param(Pool(), {"idle_timeout": "3600s"}, id="usual"),
        pytest.param(Pool(idle_timeout_s=None), {"idle_timeout": "0s"}, id="never-idle"),
        pytest.param(
            Pool(max_duration_s=60, max_requests_per_connection=1),
            {"max_connection_duration": "60s", "max_requests_per_connection": 1, "idle_timeout": "3600s"},
            id="bounds",
        ),
    ],
)
def test_connections(protocols, pool, expected):
    assert protocols(pool=pool)["common_http_protocol_options"] == expected


ONE = FixedEndpoint("db.example.org", 5432, 3, "eu/eu-1")


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        pytest.param(OfService(ServiceName("a", "b"), 0), {"type": "EDS"}, id="service"),
        pytest.param(Fixed(()), {"type": "EDS"}, id="addresses"),
        pytest.param(OriginalDestination(), {"type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}, id="original"),
        pytest.param(OriginalDestination(90), {"original_dst_lb_config": {"upstream_port_override": 90}}, id="another-port"),
    ],
)
def test_discovery(cluster, endpoints, expected):
    found = cluster(endpoints=endpoints)
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("endpoints", "first_only"),
    [
        pytest.param(Resolved((ONE,)), False, id="all-addresses"),
        pytest.param(Resolved((ONE,), True), True, id="first-address"),
        pytest.param(Resolved((ONE, ONE), True), True, id="one-name-twice"),
        pytest.param(Resolved((ONE, FixedEndpoint("other.example.org", 1)), True), False, id="two-names"),
    ],
)
def test_names_are_asked_of_the_clusters_dns(cluster, endpoints, first_only):
    found = cluster(endpoints=endpoints)
    config = found["cluster_type"]["typed_config"]
    assert (config["dns_refresh_rate"], config["respect_dns_ttl"]) == ("30s", True)
    assert config.get("all_addresses_in_single_endpoint", False) is first_only
    (address,) = config["typed_dns_resolver_config"]["typed_config"]["resolvers"]
    assert address["socket_address"] == {"address": "10.96.0.10", "port_value": 53}
    assert found["wait_for_warm_on_init"] is False
    (endpoint, *_) = found["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"]["address"] == "db.example.org"
    assert endpoint["load_balancing_weight"] == 3


def test_whoever_a_request_asks_for(cluster):
    found = cluster(endpoints=FromRequest())
    assert "type" not in found
    assert found["cluster_type"]["name"] == "envoy.clusters.dynamic_forward_proxy"
    assert found["lb_policy"] == "CLUSTER_PROVIDED"


MESH = MutualMesh(("spiffe://cluster.local/ns/shop/sa/web",), "outbound_.80_._.web.shop.svc.cluster.local", automatic=True)


def names(found):
    return [one["name"] for one in found.get("transport_socket_matches", [])] or found.get("transport_socket", {}).get("name")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param({"protection": Plain()}, None, id="plain"),
        pytest.param({"protection": MESH}, ["mesh", "plaintext"], id="automatic"),
        pytest.param({"protection": MESH, "all_take_mtls": True}, "envoy.transport_sockets.tls", id="all-can"),
        pytest.param({"protection": OriginateTls()}, "envoy.transport_sockets.tls", id="world"),
        pytest.param({"protection": Plain(), "proxy_protocol": 1}, "envoy.transport_sockets.upstream_proxy_protocol", id="proxy-protocol"),
        pytest.param({"protection": MESH, "proxy_protocol": 2}, ["mesh", "plaintext"], id="proxy-protocol-in-the-mesh"),
    ],
)
def test_transport_sockets(cluster, words, expected):
    assert names(cluster(**words)) == expected


def test_proxy_protocol_goes_around_what_is_there(cluster):
    found = cluster(protection=OriginateTls(), proxy_protocol=2)["transport_socket"]["typed_config"]
    assert found["config"] == {"version": "V2"}
    assert found["transport_socket"]["name"] == "envoy.transport_sockets.tls"
    both = cluster(protection=MESH, proxy_protocol=1)["transport_socket_matches"]
    assert [one["transport_socket"]["typed_config"]["transport_socket"]["name"] for one in both] == [
        "envoy.transport_sockets.tls",
        "envoy.transport_sockets.raw_buffer",
    ]


@pytest.mark.parametrize(
    ("protection", "sni", "server", "validation"),
    [
        pytest.param(
            OriginateTls(),
            None,
            {"auto_sni": True, "auto_san_validation": True},
            {"trusted_ca": {"filename": "/etc/ssl/certs/ca-certificates.crt"}},
            id="the-requests-host",
        ),
        pytest.param(
            OriginateTls(sni="a.example", names=("a.example", "10.0.0.1", "spiffe://x/y"), match_host=False, trust="ROOT", crl="LIST"),
            "a.example",
            None,
            {
                "trusted_ca": {"inline_string": "ROOT"},
                "crl": {"inline_string": "LIST"},
                "match_typed_subject_alt_names": [
                    {"san_type": "DNS", "matcher": {"exact": "a.example"}},
                    {"san_type": "DNS", "matcher": {"exact": "10.0.0.1"}},
                    {"san_type": "IP_ADDRESS", "matcher": {"exact": "10.0.0.1"}},
                    {"san_type": "URI", "matcher": {"exact": "spiffe://x/y"}},
                ],
            },
            id="names",
        ),
        pytest.param(OriginateTls(verify=False, match_host=False), None, {"auto_sni": True}, None, id="unverified"),
    ],
)
def test_tls_to_the_world(cluster, protocols, protection, sni, server, validation):
    context = cluster(protection=protection)["transport_socket"]["typed_config"]
    assert context.get("sni") == sni
    assert context["common_tls_context"].get("validation_context") == validation
    assert protocols(protection=protection).get("upstream_http_protocol_options") == server


def test_gateways_outside_the_mesh_are_not_marked(cluster):
    found = cluster(variant="ingress")["upstream_bind_config"]["socket_options"]
    assert [one["description"] for one in found] == ["TCP_USER_TIMEOUT"]


def test_names_do_not_depend_on_the_treatment(cluster):
    assert cluster(balancing=Simple.RANDOM)["name"] == cluster(protection=OriginateTls(), pool=Pool(max_connections=1))["name"]
