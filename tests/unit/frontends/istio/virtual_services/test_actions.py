"""Redirects, direct responses and rewrites; and what a rule may not have together."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.virtual_services.routes import Caller, Lookups, build_routes
from seaway.model.route import Forward, HeaderOps, Redirect, Respond, Rewrite, RewritePrefix

PREFIX = "match: [{uri: {prefix: /a}}]"


@pytest.mark.parametrize(
    ("redirect", "want"),
    [
        ("uri: /b", Redirect(301, path="/b")),
        ("authority: b.example", Redirect(301, authority="b.example")),
        ("authority: 'b.example:8443', redirectCode: 308", Redirect(308, authority="b.example:8443")),
        ("scheme: https", Redirect(301, "https")),
        ("scheme: https, uri: /b, redirectCode: 302", Redirect(302, "https", path="/b")),
        ("port: 8443", Redirect(301, port=8443)),
        ("port: 80", Redirect(301)),
        ("port: 443", Redirect(301, port=443)),
        ("port: 443, scheme: https", Redirect(301, "https")),
        ("derivePort: FROM_PROTOCOL_DEFAULT", Redirect(301)),
        ("derivePort: FROM_REQUEST_PORT", Redirect(301)),
        ("derivePort: FROM_REQUEST_PORT, scheme: https", Redirect(301, "https", port=80)),
        ("prefixRewrite: /b", Redirect(301, rewrite=RewritePrefix("/b"))),
    ],
)
def test_redirects(world, http, redirect, want):
    built = world(http(PREFIX, f"redirect: {{{redirect}}}"))
    assert built.route().action == want
    assert built.found == []


@pytest.mark.parametrize(
    ("port", "tls", "want"),
    [(8080, False, 8080), (443, True, 0), (80, True, 80), (443, False, 443)],
)
def test_the_port_of_the_request(world, http, port, tls, want):
    built = world(http("", "redirect: {derivePort: FROM_REQUEST_PORT}"))
    lookups = Lookups(built.virtual.registry, built.rules, built.virtual.retries)
    (route,) = build_routes(built.virtual.rules[0], Caller(Client("shop"), port, tls=tls), lookups)
    assert route.action == Redirect(301, port=want)


@pytest.mark.parametrize(
    ("redirect", "problem"),
    [
        ("{}", "says nothing"),
        ("{redirectCode: 301}", "says nothing"),
        ("{uri: /b, redirectCode: 304}", "304"),
        ("{uri: /b, redirectCode: 200}", "200"),
        ("{scheme: ftp}", "neither http nor https"),
        ("{port: 65536}", "65536"),
        ("{port: 80, derivePort: FROM_REQUEST_PORT}", "exclude"),
        ("{derivePort: SOMEHOW}", "neither FROM_PROTOCOL_DEFAULT"),
        ("{uri: /b, prefixRewrite: /c}", "exclude"),
        ('{uri: "/b\\n"}', "control character"),
        ('{authority: "b\\r"}', "control character"),
    ],
)
def test_redirects_that_are_refused(world, http, redirect, problem):
    built = world(http(PREFIX, f"redirect: {redirect}"))
    assert built.found == ["NET0534:4"]
    assert problem in built.messages[0]


@pytest.mark.parametrize("matches", ["", "match: [{uri: {exact: /a}}]", "match: [{uri: {prefix: /a}}, {headers: {a: {}}}]"])
def test_a_prefix_is_replaced_only_where_each_match_has_one(world, http, matches):
    assert world(http(matches, "redirect: {prefixRewrite: /b}")).found == ["NET0534:4"]


@pytest.mark.parametrize(
    ("response", "want"),
    [
        ("status: 503", Respond(503)),
        ("status: 200, body: {string: 'hello ü'}", Respond(200, body="hello ü".encode())),
        ("status: 200, body: {bytes: /wo=}", Respond(200, body=b"\xff\n")),
        ("status: 599, body: {}", Respond(599)),
    ],
)
def test_responses(world, http, response, want):
    built = world(http("", f"directResponse: {{{response}}}"))
    assert built.route().action == want
    assert built.found == []


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        ("status: 199", "199"),
        ("status: 600", "600"),
        ("status: 200, body: {string: a, bytes: YQ==}", "exclude"),
        ("status: 200, body: {bytes: '='}", "not base64"),
        (f"status: 200, body: {{string: {'a' * 1048577}}}", "larger than 1 MiB"),
    ],
)
def test_responses_that_are_refused(world, http, response, problem):
    built = world(http("", f"directResponse: {{{response}}}"))
    assert built.found == ["NET0535:4"]
    assert problem in built.messages[0]


def test_a_large_body_is_warned_of(world, http):
    built = world(http("", f"directResponse: {{status: 200, body: {{string: {'a' * 102401}}}}}"))
    assert built.found == ["NET0554:4"]
    assert "larger than 100 KiB" in built.messages[0]


@pytest.mark.parametrize(
    ("rewrite", "path", "authority"),
    [
        ("uri: /b", RewritePrefix("/b"), ""),
        ("authority: b.example", None, "b.example"),
        ("uri: /b, authority: b.example", RewritePrefix("/b"), "b.example"),
        ("uriRegexRewrite: {match: '^/a/(.*)', rewrite: '/b/\\1'}", Rewrite("^/a/(.*)", "/b/\\1"), ""),
    ],
)
def test_rewrites(world, http, rewrite, path, authority):
    built = world(http(f"{PREFIX}, rewrite: {{{rewrite}}}"))
    action = built.route().action
    assert isinstance(action, Forward)
    assert (action.rewrite, action.authority) == (path, authority)
    assert built.found == []


@pytest.mark.parametrize(
    ("rewrite", "problem"),
    [
        ("{}", "says nothing"),
        ("{uri: /a, uriRegexRewrite: {match: a, rewrite: b}}", "exclude"),
        ("{uriRegexRewrite: {match: a}}", "needs both"),
        ("{uriRegexRewrite: {match: '(', rewrite: b}}", "no RE2"),
        ('{uriRegexRewrite: {match: a, rewrite: "b\\n"}}', "control character"),
        ('{uri: "/a\\n"}', "control character"),
        ('{authority: "a\\0"}', "control character"),
    ],
)
def test_rewrites_that_are_refused(world, http, rewrite, problem):
    built = world(http(f"rewrite: {rewrite}"))
    assert built.found == ["NET0536:4"]
    assert problem in built.messages[0]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("{}", "neither route nor redirect nor directResponse"),
        ("{redirect: {uri: /b}, route: [{destination: {host: web}}]}", "both redirect and route"),
        ("{redirect: {uri: /b}, rewrite: {uri: /b}}", "both redirect and rewrite"),
        ("{redirect: {uri: /b}, fault: {abort: {httpStatus: 500, percentage: {value: 1}}}}", "both redirect and fault"),
        ("{redirect: {uri: /b}, directResponse: {status: 200}}", "both redirect and directResponse"),
        ("{directResponse: {status: 200}, route: [{destination: {host: web}}]}", "both directResponse and route"),
        ("{directResponse: {status: 200}, rewrite: {uri: /b}}", "both directResponse and rewrite"),
        ("{directResponse: {status: 200}, fault: {abort: {httpStatus: 500, percentage: {value: 1}}}}", "both directResponse and fault"),
        ("{delegate: {name: x}, route: [{destination: {host: web}}]}", "both delegate and route"),
        ("{delegate: {name: x}, redirect: {uri: /b}}", "both delegate and redirect"),
    ],
)
def test_exclusions(world, virtual, rule, problem):
    built = world(virtual(f"http: [{rule}]"))
    assert "NET0532:4" in built.found
    assert any(problem in one for one in built.messages)


def test_answers_change_headers_too(world, http):
    policy = world(http("headers: {response: {set: {a: b}}}", "redirect: {uri: /b}")).route().policy
    assert policy.response == HeaderOps(set=(("a", "b"),))
