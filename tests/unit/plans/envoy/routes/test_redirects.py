"""Where redirects lead, as Envoy's RedirectAction has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from seaway.model.route import Redirect, Rewrite, RewritePrefix
from seaway.plans.envoy.routes.redirects import REDIRECT_CODES, redirect_action
from seaway.plans.envoy.static import decode_resource
from seaway.protocols.xds_resource import ROUTES

if TYPE_CHECKING:
    from tests.unit.plans.envoy.conftest import Draft


@pytest.mark.parametrize(
    ("redirect", "want"),
    [
        pytest.param(
            Redirect(301, "https", "x", 8443, "/a%20b"),
            {"scheme_redirect": "https", "host_redirect": "x", "port_redirect": 8443, "path_redirect": "/a%20b"},
            id="url",
        ),
        pytest.param(
            Redirect(302, "http", "x", path="/a"), {"scheme_redirect": "http", "host_redirect": "x", "path_redirect": "/a"}, id="no-port"
        ),
        pytest.param(Redirect(303, path="/%REQ(cookie)%"), {"path_redirect": "/%REQ(cookie)%"}, id="path"),
        pytest.param(Redirect(307), {}, id="to-itself"),
        pytest.param(
            Redirect(308, "https", "x", rewrite=Rewrite("(?i)^/a(.*)", r"/b\1")),
            {
                "scheme_redirect": "https",
                "host_redirect": "x",
                "regex_rewrite": {"pattern": {"regex": "(?i)^/a(.*)"}, "substitution": r"/b\1"},
            },
            id="rewrite",
        ),
        pytest.param(Redirect(301, rewrite=RewritePrefix("/b")), {"prefix_rewrite": "/b"}, id="prefix"),
    ],
)
def test_redirect_actions(redirect: Redirect, want: dict[str, object]) -> None:
    assert redirect_action(redirect) == {**want, "response_code": REDIRECT_CODES[redirect.status]}


def test_a_redirect_is_a_route_of_both_schemes(draft: Draft) -> None:
    draft.host("shop.example.com", draft.route("/", Redirect(302, "https", "x", path="/a")))
    for resource in (one for one in draft.plan() if one.type_url == ROUTES):
        (host,) = cast(list[dict[str, Any]], decode_resource(resource)["virtual_hosts"])
        (route,) = host["routes"]
        assert route["redirect"]["host_redirect"] == "x"
        assert "direct_response" not in route
