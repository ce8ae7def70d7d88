"""One route, as Envoy's JSON has it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from google.protobuf import json_format

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.mesh import HttpTable, MeshHost, Scope, Unknown
from seaway.model.route import ANY_REQUEST, Action, Conditions, Destination, Forward, PathMatch, Route, RoutePolicy, TextPrefix
from seaway.model.upstream import UpstreamId
from seaway.plans.envoy.proto import VirtualHost
from seaway.plans.envoy.routes.mesh import plan_mesh_routes
from seaway.plans.envoy.routes.route import build_routes
from seaway.plans.envoy.static import decode_resource

OWNER = Key("networking.istio.io", "VirtualService", "shop", "web")
ORIGIN = Origin("shop.yaml", 7, 5, "spec.http[0]")
WEB, API = UpstreamId("web.shop.svc.cluster.local", 80), UpstreamId("api.shop.svc.cluster.local", 8080, "v2")
TO_WEB = Forward((Destination(WEB),), None)
ROOT, USUAL = TextPrefix("/"), RoutePolicy()


class Planned:
    """Routes drafted in a word, planned and read back."""

    OWNER, ORIGIN, WEB, API, TO_WEB = OWNER, ORIGIN, WEB, API, TO_WEB

    def route(self, action: Action = TO_WEB, path: PathMatch = ROOT, **more: Any) -> Route:
        return Route(path, action, False, OWNER, ORIGIN, **more)

    def __call__(
        self,
        action: Action = TO_WEB,
        policy: RoutePolicy = USUAL,
        path: PathMatch = ROOT,
        conditions: Conditions = ANY_REQUEST,
        **more: Any,
    ) -> dict[str, Any]:
        (one,) = self.all(self.route(action, path, policy=policy, conditions=conditions, **more))
        return one

    def all(self, route: Route) -> list[dict[str, Any]]:
        host = VirtualHost(name="x", domains=["x"], routes=list(build_routes(route)))
        return cast(list[dict[str, Any]], json_format.MessageToDict(host, preserving_proto_field_name=True).get("routes", []))

    def table(self, *hosts: MeshHost, unknown: Unknown = Unknown.ALLOW_ANY) -> dict[str, Any]:
        scope = Scope("shop", "shop", (), (), unknown, ORIGIN)
        return cast(dict[str, Any], decode_resource(plan_mesh_routes(scope, HttpTable(80, hosts))))


@pytest.fixture
def planned() -> Planned:
    return Planned()
