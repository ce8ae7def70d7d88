"""Where requests go on to, and how they are treated on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from seaway.model.route import (
    Abort,
    Action,
    Cors,
    Delay,
    Destination,
    Fault,
    Forward,
    HeaderOps,
    Mirror,
    NoRetries,
    Redirect,
    Respond,
    Retries,
    Rewrite,
    RewritePrefix,
    RoutePolicy,
    Text,
)
from seaway.model.upstream import HashBy

if TYPE_CHECKING:
    from tests.unit.plans.envoy.routes.conftest import Planned


def test_a_route_names_its_line(planned: Planned) -> None:
    route = planned()
    assert route["name"] == "shop.yaml:7"
    assert route["metadata"]["filter_metadata"]["seaway"] == {
        "from": "shop.yaml:7",
        "field": "spec.http[0]",
        "kind": "VirtualService",
        "namespace": "shop",
        "name": "web",
    }
    assert planned(name="canary.first")["name"] == "canary.first"


def test_one_destination(planned: Planned) -> None:
    assert planned()["route"] == {"cluster": "outbound|80||web.shop.svc.cluster.local", "timeout": "0s"}


def test_shares(planned: Planned) -> None:
    ops = HeaderOps(remove=("x",), set=(("a", "1"),), add=(("b", "2"),))
    heavy, light = Destination(planned.WEB, 90), Destination(planned.API, 10, ops, ops, "api.example.com")
    assert planned(Forward((heavy, light, Destination(planned.WEB, 0)), None))["route"]["weighted_clusters"]["clusters"] == [
        {"name": "outbound|80||web.shop.svc.cluster.local", "weight": 90},
        {
            "name": "outbound|8080|v2|api.shop.svc.cluster.local",
            "weight": 10,
            "host_rewrite_literal": "api.example.com",
            **{
                f"{way}_headers_to_{do}": what
                for way in ("request", "response")
                for do, what in (
                    ("remove", ["x"]),
                    (
                        "add",
                        [
                            {"header": {"key": "a", "value": "1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
                            {"header": {"key": "b", "value": "2"}},
                        ],
                    ),
                )
            },
        },
    ]


def test_headers_of_a_single_destination_follow_the_routes(planned: Planned) -> None:
    forward = Forward((Destination(planned.WEB, 1, HeaderOps(set=(("b", "2"),)), HeaderOps(remove=("d",))),), None, "other.example.com")
    route = planned(forward, RoutePolicy(request=HeaderOps(add=(("a", "1"),)), response=HeaderOps(remove=("c",))))
    assert [one["header"]["key"] for one in route["request_headers_to_add"]] == ["a", "b"]
    assert route["response_headers_to_remove"] == ["c", "d"]
    assert route["route"]["host_rewrite_literal"] == "other.example.com"


@pytest.mark.parametrize(
    ("policy", "want"),
    [
        pytest.param(RoutePolicy(timeout_s=1.5), {"timeout": "1.500s"}, id="timeout"),
        pytest.param(
            RoutePolicy(timeout_s=3, grpc_timeout=True),
            {"timeout": "3s", "max_stream_duration": {"grpc_timeout_header_max": "3s"}},
            id="grpc-timeout",
        ),
        pytest.param(RoutePolicy(retries=NoRetries()), {}, id="no-retries"),
        pytest.param(
            RoutePolicy(retries=Retries(2, ("5xx", "retriable-status-codes"), (503, 429), 2, 0.1, 1, False, 7)),
            {
                "retry_policy": {
                    "retry_on": "5xx,retriable-status-codes",
                    "num_retries": 2,
                    "host_selection_retry_max_attempts": "7",
                    "retriable_status_codes": [503, 429],
                    "per_try_timeout": "2s",
                    "retry_back_off": {"base_interval": "0.100s", "max_interval": "1s"},
                }
            },
            id="retries",
        ),
        pytest.param(
            RoutePolicy(retries=Retries(1, ("reset",), other_localities=True)),
            {
                "retry_policy": {
                    "retry_on": "reset",
                    "num_retries": 1,
                    "host_selection_retry_max_attempts": "5",
                    "retry_host_predicate": [
                        {
                            "name": "envoy.retry_host_predicates.previous_hosts",
                            "typed_config": {
                                "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                            },
                        }
                    ],
                    "retry_priority": {
                        "name": "envoy.retry_priorities.previous_priorities",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                            "update_frequency": 2,
                        },
                    },
                }
            },
            id="other-localities",
        ),
        pytest.param(
            RoutePolicy(
                hash_by=(
                    HashBy("header", "x-user"),
                    HashBy("query", "u"),
                    HashBy("source"),
                    HashBy("cookie", "c"),
                    HashBy("cookie", "d", "/", 0, (("SameSite", "Lax"),)),
                )
            ),
            {
                "hash_policy": [
                    {"header": {"header_name": "x-user"}},
                    {"query_parameter": {"name": "u"}},
                    {"connection_properties": {"source_ip": True}},
                    {"cookie": {"name": "c"}},
                    {"cookie": {"name": "d", "path": "/", "ttl": "0s", "attributes": [{"name": "SameSite", "value": "Lax"}]}},
                ]
            },
            id="hashes",
        ),
    ],
)
def test_treatment(planned: Planned, policy: RoutePolicy, want: dict[str, Any]) -> None:
    assert planned(policy=policy)["route"] == {"cluster": "outbound|80||web.shop.svc.cluster.local", "timeout": "0s", **want}


def test_mirrors(planned: Planned) -> None:
    policies = planned(policy=RoutePolicy(mirrors=(Mirror(planned.API, 0.5), Mirror(planned.WEB))))["route"]["request_mirror_policies"]
    assert policies == [
        {
            "cluster": cluster,
            "runtime_fraction": {"default_value": {"numerator": number, "denominator": "MILLION"}},
            "trace_sampled": False,
            "disable_shadow_host_suffix_append": True,
        }
        for cluster, number in (
            ("outbound|8080|v2|api.shop.svc.cluster.local", 5000),
            ("outbound|80||web.shop.svc.cluster.local", 1_000_000),
        )
    ]


@pytest.mark.parametrize(
    ("rewrite", "want"),
    [
        (RewritePrefix("/b"), {"prefix_rewrite": "/b"}),
        (Rewrite("^/(.*)", r"/b/\1"), {"regex_rewrite": {"pattern": {"regex": "^/(.*)"}, "substitution": r"/b/\1"}}),
    ],
    ids=repr,
)
def test_rewrites(planned: Planned, rewrite: Rewrite | RewritePrefix, want: dict[str, Any]) -> None:
    assert planned(Forward((Destination(planned.WEB),), rewrite))["route"].items() >= want.items()


def test_a_fault_is_configuration_of_its_filter(planned: Planned) -> None:
    route = planned(policy=RoutePolicy(fault=Fault(Delay(7, 0.0001), Abort(500, None, 100))))
    assert route["typed_per_filter_config"]["envoy.filters.http.fault"] == {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
        "delay": {"fixed_delay": "7s", "percentage": {"numerator": 1, "denominator": "MILLION"}},
        "abort": {"http_status": 500, "percentage": {"numerator": 1_000_000, "denominator": "MILLION"}},
    }
    grpc = planned(policy=RoutePolicy(fault=Fault(None, Abort(200, 14, 50))))["typed_per_filter_config"]["envoy.filters.http.fault"]
    assert grpc["abort"]["grpc_status"] == 14


def test_cors_is_configuration_of_its_filter(planned: Planned) -> None:
    cors = Cors((Text("exact", "https://a"), Text("regex", ".*")), ("GET", "PUT"), ("x-a",), ("x-b", "x-c"), 86400, True, False)
    assert planned(policy=RoutePolicy(cors=cors))["typed_per_filter_config"]["envoy.filters.http.cors"] == {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
        "allow_origin_string_match": [{"exact": "https://a"}, {"safe_regex": {"regex": ".*"}}],
        "allow_methods": "GET,PUT",
        "allow_headers": "x-a",
        "expose_headers": "x-b,x-c",
        "max_age": "86400",
        "allow_credentials": True,
        "filter_enabled": {"default_value": {"numerator": 100}},
        "forward_not_matching_preflights": False,
    }


def test_answers(planned: Planned) -> None:
    assert planned(Respond(418, body=b"\xff\n"))["direct_response"] == {"status": 418, "body": {"inline_bytes": "/wo="}}
    assert planned(Respond(204))["direct_response"] == {"status": 204}
    redirect = planned(Redirect(301, path="/x"), RoutePolicy(response=HeaderOps(set=(("a", "b"),)), timeout_s=3))
    assert redirect["redirect"] == {"path_redirect": "/x"}
    assert redirect["response_headers_to_add"][0]["header"] == {"key": "a", "value": "b"}


BAD: list[tuple[Action | None, RoutePolicy]] = [
    (None, RoutePolicy(request=HeaderOps(set=(("x", "%FOO%"),)))),
    (None, RoutePolicy(request=HeaderOps(set=(("x", "100%"),)))),
    (None, RoutePolicy(request=HeaderOps(set=(("host", "a"),)))),
    (None, RoutePolicy(response=HeaderOps(add=((":status", "1"),)))),
    (None, RoutePolicy(response=HeaderOps(remove=("a\r\n",)))),
    (None, RoutePolicy(response=HeaderOps(add=(("a", "b" * 20000),)))),
    (None, RoutePolicy(fault=Fault(Delay(0, 1), None))),
    (None, RoutePolicy(fault=Fault(None, Abort(600, None, 1)))),
    (None, RoutePolicy(fault=Fault(None, Abort(500, None, 101)))),
    (None, RoutePolicy(cors=Cors((Text("prefix", ""),)))),
    (None, RoutePolicy(cors=Cors((Text("present"),)))),
    (None, RoutePolicy(retries=Retries(1, ("5xx",), per_try_s=0))),
    (None, RoutePolicy(retries=Retries(1, ("5xx",), backoff_s=0))),
    (None, RoutePolicy(hash_by=(HashBy("header", ""),))),
    (None, RoutePolicy(timeout_s=-1)),
    (Forward((), None), RoutePolicy()),
]


@pytest.mark.parametrize(("action", "policy"), BAD, ids=ascii)
def test_what_envoy_refuses_answers_503(planned: Planned, action: Action | None, policy: RoutePolicy) -> None:
    assert planned(action or planned.TO_WEB, policy)["direct_response"]["status"] == 503


def test_shares_that_envoy_refuses(planned: Planned) -> None:
    for weights in ((0, 0), (4294967295, 1), (-1, 2)):
        forward = Forward(tuple(Destination(planned.WEB, one) for one in weights), None)
        assert planned(forward)["direct_response"]["status"] == 503
    bad = Forward((Destination(planned.WEB, 1, HeaderOps(set=(("a", "%"),))), Destination(planned.API)), None)
    assert planned(bad)["direct_response"]["status"] == 503
