"""The filters that routes need stand before the router, at gateways as in the mesh."""

from __future__ import annotations

from seaway.plans.envoy.routes.filters import GRPC_WEB, ROUTE_FILTERS


def test_order() -> None:
    assert [one["name"] for one in (GRPC_WEB, *ROUTE_FILTERS)] == [
        "envoy.filters.http.grpc_web",
        "envoy.filters.http.fault",
        "envoy.filters.http.cors",
    ]
