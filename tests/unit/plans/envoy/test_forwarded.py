"""Headers about the client: what is added to a request had no chance to come from the client."""

from __future__ import annotations

from dataclasses import replace

import pytest
import re2
from google.protobuf.json_format import MessageToDict

from seaway.model.route import HeaderOps, Respond, Route
from seaway.plans.envoy.forwarded import KNOWN, early_removal, request_headers
from seaway.plans.envoy.proto import HttpConnectionManager
from seaway.plans.envoy.routes.headers import APPEND, OVERWRITE


def removed_early() -> str:
    manager = MessageToDict(HttpConnectionManager(early_header_mutation_extensions=[early_removal()]), preserving_proto_field_name=True)
    (mutation,) = manager["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    return mutation["remove_on_match"]["key_matcher"]["safe_regex"]["regex"]


def actions(draft, *routes: Route) -> dict[str, str]:
    draft.host("*", *routes)
    (gateway,) = draft.model().gateways
    return {one["header"]["key"]: one["append_action"] for tls in (False, True) for one in request_headers(gateway, tls)}


def test_what_is_not_overwritten_has_left_before(draft) -> None:
    found = actions(draft, draft.route("/", Respond(404, "")))
    assert {name for name, action in found.items() if action == OVERWRITE} == KNOWN
    assert {name for name in found if re2.fullmatch(removed_early(), name)} == found.keys() - KNOWN


def test_what_a_route_sets_is_overwritten(draft) -> None:
    route = draft.route("/", Respond(404, ""))
    found = actions(draft, replace(route, policy=replace(route.policy, request=HeaderOps(set=(("X-Scheme", "gopher"),)))))
    assert found["x-scheme"] == OVERWRITE
    assert found["x-real-ip"] == APPEND


@pytest.mark.parametrize("name", ["x-forwarded-for", "x-forwarded-proto", "x-real-ip2", "my-proxy", "proxy-authorization", "x-request-id"])
def test_other_headers_of_clients_stay(name: str) -> None:
    assert re2.fullmatch(removed_early(), name) is None


def test_httpoxy() -> None:
    assert re2.fullmatch(removed_early(), "proxy")
