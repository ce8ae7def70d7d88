"""Hosts, paths and actions, as the decoded RouteConfiguration has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from seaway.model.route import Action, Exact, PathMatch, Prefix, Redirect, Regex, Respond, Rewrite, VirtualHost
from seaway.plans.envoy.static import decode_resource
from seaway.protocols.xds_resource import ROUTES

if TYPE_CHECKING:
    from tests.unit.plans.envoy.conftest import Draft

HTTP, HTTPS = "ingress/gateway/http", "ingress/gateway/https"
READS = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD|OPTIONS|TRACE"}}}
OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD"


def configuration(draft: Draft, name: str = HTTP) -> dict[str, Any]:
    found = next(one for one in draft.plan() if one.type_url == ROUTES and one.name == name)
    return cast(dict[str, Any], decode_resource(found))


def routes(draft: Draft, host: str = "shop.example.com", name: str = HTTP) -> list[dict[str, Any]]:
    return next(one.get("routes", []) for one in configuration(draft, name)["virtual_hosts"] if one["name"] == host)


def only_route(draft: Draft, **where: str) -> dict[str, Any]:
    """The one that is for requests of all methods."""
    (one,) = (one for one in routes(draft, **where) if READS not in one["match"].get("headers", ()))
    return one


@pytest.mark.parametrize(
    ("match", "want"),
    [
        pytest.param(Exact("/a"), {"path": "/a"}, id="exact"),
        pytest.param(Exact("/a/"), {"path": "/a/"}, id="exact-slash"),
        pytest.param(Prefix("/"), {"prefix": "/"}, id="everything"),
        pytest.param(Prefix("/a"), {"path_separated_prefix": "/a"}, id="prefix"),
        pytest.param(Prefix("/a/b"), {"path_separated_prefix": "/a/b"}, id="prefix-deep"),
        pytest.param(Prefix("/a?b"), {"safe_regex": {"regex": r"\/a\?b(?:/.*)?"}}, id="prefix-that-envoy-refuses"),
        pytest.param(Prefix("/a.b#"), {"safe_regex": {"regex": r"\/a\.b\#(?:/.*)?"}}, id="prefix-with-fragment"),
        pytest.param(Prefix("/a/"), {"safe_regex": {"regex": r"\/a(?:/.*)?"}}, id="prefix-with-slash"),
        pytest.param(Regex("(?i)^/x.*", 4), {"safe_regex": {"regex": "(?i)^/x.*"}}, id="regex"),
    ],
)
def test_path_matches(draft: Draft, match: PathMatch, want: dict[str, Any]) -> None:
    draft.host("shop.example.com", draft.route(match, Respond(404, "")))
    assert only_route(draft)["match"] == want


def test_forward(draft: Draft) -> None:
    web = draft.service("shop/web")
    draft.host("shop.example.com", draft.to("/a", web, Rewrite("^/a(.*)", r"/b\1")))
    assert only_route(draft)["route"] == {
        "cluster": "outbound|80||web.shop.svc.cluster.local|ingress",
        "timeout": "0s",
        "regex_rewrite": {"pattern": {"regex": "^/a(.*)"}, "substitution": r"/b\1"},
    }


def test_requests_that_only_read_are_tried_again_after_more_failures(draft: Draft) -> None:
    draft.host("shop.example.com", draft.to("/a", draft.service("shop/web")))
    reads, others = routes(draft)
    (host,) = (one for one in configuration(draft)["virtual_hosts"] if one["name"] == "shop.example.com")
    words = host["retry_policy"]["retry_on"]
    assert (reads["match"], others["match"]) == ({"path_separated_prefix": "/a", "headers": [READS]}, {"path_separated_prefix": "/a"})
    assert reads["route"].pop("retry_policy") == {**host["retry_policy"], "retry_on": f"{words},reset"}
    assert reads["route"] == others["route"]
    assert "reset" not in words.split(",")


@pytest.mark.parametrize(
    ("action", "status", "body"),
    [
        pytest.param(Respond(404, "no such path"), 404, "no such path\n", id="respond"),
        pytest.param(Respond(503, ""), 503, None, id="respond-without-why"),
        pytest.param(Respond(503, "é" * 5000), 503, "é" * 1000 + "\n", id="why-cut-short"),
    ],
)
def test_answers(draft: Draft, action: Action, status: int, body: str | None) -> None:
    draft.host("shop.example.com", draft.route("/", action))
    route = only_route(draft)
    assert route["direct_response"] == {"status": status, **({"body": {"inline_string": body}} if body else {})}


BAD_ACTIONS = [
    pytest.param(Redirect(301, path="/\r\nset-cookie: a"), id="header-splitting"),
    pytest.param(Redirect(301, authority="x\r\nset-cookie: a"), id="header-splitting-by-host"),
    pytest.param(Redirect(301, authority="x\0"), id="nul"),
    pytest.param(Redirect(301, path="/\udc80"), id="not-text"),
    pytest.param(Redirect(200, "https", "x"), id="not-a-redirect"),
    pytest.param(Redirect(304, "https", "x"), id="a-redirect-that-envoy-cannot-make"),
    pytest.param(Redirect(302, "https", "x", 65536), id="no-such-port"),
    pytest.param(Redirect(302, "ftp", "x"), id="no-http"),
    pytest.param(Redirect(302, "https", "x", path="/a", rewrite=Rewrite("^/.*", "/b")), id="two-paths"),
    pytest.param(Redirect(302, "https", "x", rewrite=Rewrite("(", "/b")), id="no-expression"),
    pytest.param(Redirect(302, "https", "x", rewrite=Rewrite("^/.*", "/b\r\na: b")), id="header-splitting-by-rewrite"),
    pytest.param(Respond(700, ""), id="no-such-status"),
]


@pytest.mark.parametrize("action", BAD_ACTIONS)
def test_an_action_that_envoy_refuses_answers_503(draft: Draft, action: Action) -> None:
    draft.host("shop.example.com", draft.route("/bad", action), draft.route("/good", Respond(404, "")))
    bad, good = routes(draft)
    assert bad["direct_response"]["status"] == 503
    assert good["direct_response"]["status"] == 404


@pytest.mark.parametrize("rewrite", [Rewrite("(", "/"), Rewrite("(?=a)", "/"), Rewrite("", "/"), Rewrite("^/a", "/\n")], ids=repr)
def test_a_rewrite_that_envoy_refuses_answers_503(draft: Draft, rewrite: Rewrite) -> None:
    draft.host("shop.example.com", draft.to("/", draft.service("shop/web"), rewrite))
    assert only_route(draft)["direct_response"]["status"] == 503


@pytest.mark.parametrize("match", [Regex("[", 1), Regex("(?!a)", 1), Regex("", 0), Exact("/\ud800"), Prefix("/\ud800")], ids=ascii)
def test_a_match_that_envoy_refuses_is_left_out(draft: Draft, match: PathMatch) -> None:
    draft.host("shop.example.com", draft.route(match, Respond(404, "")), draft.route("/good", Respond(404, "")))
    assert only_route(draft)["match"] == {"path_separated_prefix": "/good"}


def test_every_route_names_its_line(draft: Draft) -> None:
    route = draft.route("/", Respond(404, ""))
    draft.host("shop.example.com", route)
    built = only_route(draft)
    assert built["name"] == "shop.yaml:1"
    assert built["metadata"]["filter_metadata"]["seaway"] == {
        "from": "shop.yaml:1",
        "field": "spec.rules[1]",
        "kind": "Ingress",
        "namespace": "shop",
        "name": "ingress-1",
    }


def test_a_plain_host_redirects_to_https_without_port_and_slash(draft: Draft) -> None:
    web = draft.service("shop/web")
    draft.host("shop.example.com", draft.to("/", web, https=True))
    base = {"https_redirect": True, "host_redirect": "shop.example.com", "response_code": "PERMANENT_REDIRECT"}
    slash, plain = routes(draft)
    assert plain["redirect"] == base
    assert plain["match"] == {"prefix": "/"}
    assert slash["redirect"] == {**base, "regex_rewrite": {"pattern": {"regex": "/$"}}}
    assert slash["match"]["headers"] == [{"name": ":path", "string_match": {"safe_regex": {"regex": "[^?]*/"}}}]
    assert only_route(draft, name=HTTPS)["route"]["cluster"] == "outbound|80||web.shop.svc.cluster.local|ingress"


def test_an_exact_path_redirects_in_one_route(draft: Draft) -> None:
    draft.host("shop.example.com", draft.to(Exact("/a"), draft.service("shop/web"), https=True))
    assert only_route(draft)["redirect"]["https_redirect"] is True


def test_any_host_redirects_with_port_443_where_the_host_header_has_one(draft: Draft) -> None:
    draft.host("*", draft.to(Exact("/a"), draft.service("shop/web"), https=True))
    with_port, without = routes(draft, "*")
    assert with_port["match"]["headers"][0]["string_match"]["safe_regex"]["regex"] == ".*:[0-9]+"
    assert with_port["redirect"]["port_redirect"] == 443
    assert "port_redirect" not in without["redirect"]


def test_a_wildcard_is_one_label_and_deeper_hosts_belong_to_any_host(draft: Draft) -> None:
    draft.host("*.example.com", draft.route("/wild", Respond(404, "")))
    draft.host("*", draft.route("/any", Respond(404, "")))
    wild, deeper = routes(draft, "*.example.com")
    (guard,) = wild["match"]["headers"]
    assert guard == {"name": ":authority", "string_match": {"safe_regex": {"regex": r"(?i)[^.:]+\.example\.com(?::[0-9]+)?"}}}
    assert deeper["match"] == {"path_separated_prefix": "/any", "headers": [{**guard, "invert_match": True}]}
    assert only_route(draft, host="*")["match"] == {"path_separated_prefix": "/any"}


def test_hosts_that_are_one_to_envoy_are_merged(draft: Draft) -> None:
    draft.host("Shop.example.com", draft.route("/a", Respond(404, "")))
    draft.host("shop.EXAMPLE.com", draft.route("/b", Respond(404, "")))
    draft.hosts.append(VirtualHost("", ()))
    hosts = configuration(draft)["virtual_hosts"]
    assert [one["domains"] for one in hosts] == [["*"], ["shop.example.com"]]
    assert [one["match"]["path_separated_prefix"] for one in routes(draft)] == ["/a", "/b"]


def test_the_port_of_a_host_header_does_not_count(draft: Draft) -> None:
    draft.host("*", draft.route("/", Respond(404, "")))
    built = configuration(draft)
    assert built["ignore_port_in_host_matching"] is True
