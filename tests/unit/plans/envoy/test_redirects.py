"""Where redirects lead, as Envoy's RedirectAction has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from seaway.model.route import Redirect, Rewrite
from seaway.plans.envoy.redirects import REDIRECT_CODES, Destination, parse_location, redirect_action
from seaway.plans.envoy.static import decode_resource
from seaway.protocols.xds_resource import ROUTES

if TYPE_CHECKING:
    from tests.unit.plans.envoy.conftest import Draft


@pytest.mark.parametrize(
    ("location", "want"),
    [
        pytest.param("https://x", Destination("https", "x", 0, ""), id="authority"),
        pytest.param("http://x.example.com:8080/a?b=c", Destination("http", "x.example.com", 8080, "/a?b=c"), id="whole"),
        pytest.param("https://[2001:db8::1]:8443/", Destination("https", "[2001:db8::1]", 8443, "/"), id="ipv6"),
        pytest.param("/a", Destination("", "", 0, "/a"), id="path"),
        pytest.param("", Destination("", "", 0, ""), id="nothing"),
        pytest.param("//x/a", None, id="no-scheme"),
        pytest.param("a", None, id="relative"),
        pytest.param("https:///a", None, id="no-host"),
        pytest.param("https://x:70000", None, id="port"),
        pytest.param("https://x.", Destination("https", "x.", 0, ""), id="rooted"),
    ],
)
def test_locations(location: str, want: Destination | None) -> None:
    assert parse_location(location) == want


@pytest.mark.parametrize(
    ("redirect", "want"),
    [
        pytest.param(
            Redirect("https://x:8443/a%20b", 301),
            {"scheme_redirect": "https", "host_redirect": "x", "port_redirect": 8443, "path_redirect": "/a%20b"},
            id="url",
        ),
        pytest.param(Redirect("http://x/a", 302), {"scheme_redirect": "http", "host_redirect": "x", "path_redirect": "/a"}, id="no-port"),
        pytest.param(Redirect("/%REQ(cookie)%", 303), {"path_redirect": "/%REQ(cookie)%"}, id="path"),
        pytest.param(Redirect("", 307), {}, id="to-itself"),
        pytest.param(
            Redirect("https://x", 308, Rewrite("(?i)^/a(.*)", r"/b\1")),
            {
                "scheme_redirect": "https",
                "host_redirect": "x",
                "regex_rewrite": {"pattern": {"regex": "(?i)^/a(.*)"}, "substitution": r"/b\1"},
            },
            id="rewrite",
        ),
    ],
)
def test_redirect_actions(redirect: Redirect, want: dict[str, object]) -> None:
    assert redirect_action(redirect) == {**want, "response_code": REDIRECT_CODES[redirect.status]}


def test_a_redirect_is_a_route_of_both_schemes(draft: Draft) -> None:
    draft.host("shop.example.com", draft.route("/", Redirect("https://x/a", 302)))
    for resource in (one for one in draft.plan() if one.type_url == ROUTES):
        (host,) = cast(list[dict[str, Any]], decode_resource(resource)["virtual_hosts"])
        (route,) = host["routes"]
        assert route["redirect"]["host_redirect"] == "x"
        assert "direct_response" not in route
