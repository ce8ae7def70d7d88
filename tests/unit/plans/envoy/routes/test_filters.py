"""The filters that routes need stand before the router, at gateways as in the mesh."""

from __future__ import annotations

from seaway.plans.envoy.routes.filters import GRPC_WEB, ROUTE_FILTERS, when_asked_for


def test_order() -> None:
    assert [one["name"] for one in (GRPC_WEB, *ROUTE_FILTERS)] == [
        "envoy.filters.http.grpc_web",
        "envoy.filters.http.fault",
        "envoy.filters.http.cors",
    ]


def test_filters_that_no_route_asks_for_are_not_made() -> None:
    assert [(one["name"], one["disabled"]) for one in when_asked_for(ROUTE_FILTERS)] == [
        ("envoy.filters.http.fault", True),
        ("envoy.filters.http.cors", True),
    ]
