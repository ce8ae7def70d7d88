"""http[].match: conditions on requests, and for whom a rule is at all."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.clients import Client
from seaway.model.route import ClaimMatch, Exact, HeaderMatch, Regex, Text, TextPrefix

ROUTE = "route: [{destination: {host: web}}]"


@pytest.mark.parametrize(
    ("match", "want"),
    [
        ("uri: {exact: /a}", "Exact(/a)"),
        ("uri: {prefix: /a}", "TextPrefix(/a)"),
        ("uri: {prefix: ''}", "TextPrefix()"),
        ("uri: {regex: /a.*}", "Regex(/a.*)"),
        ("uri: {}", "*"),
        ("{}", "*"),
        ("method: {exact: GET}", "* :method=exact:GET"),
        ("scheme: {prefix: http}", "* :scheme=prefix:http"),
        ("authority: {regex: '.*:80'}", "* :authority=regex:.*:80"),
        ("headers: {canary: {exact: 'true'}, a: {prefix: b}}", "* a=prefix:b canary=exact:true"),
        ("headers: {a: {}}", "* a=present:"),
        ("headers: {':method': {exact: PUT}}", "* :method=exact:PUT"),
        ("withoutHeaders: {a: {exact: b}}, headers: {a: {}}", "* a=present: !a=exact:b"),
        ("queryParams: {v: {exact: '2'}, debug: {}}", "* ?debug=present: ?v=exact:2"),
        ("method: {exact: GET}, headers: {z: {}}", "* z=present: :method=exact:GET"),
    ],
)
def test_conditions(world, http, match, want):
    built = world(http(f"match: [{{{match}}}]" if match != "{}" else "match: [{}]"))
    assert built.table() == [f"{want} -> web.shop|80"]
    assert built.found == []


@pytest.mark.parametrize(
    ("match", "want"),
    [
        ("{exact: b}", HeaderMatch("a", Text("exact", "b"), True, True)),
        ("{regex: '*'}", HeaderMatch("a", Text("present"), True, False)),
        ("{}", HeaderMatch("a", Text("present"), True, False)),
    ],
)
def test_a_missing_header_is_without_it(world, http, match, want):
    route = world(http(f"match: [{{withoutHeaders: {{a: {match}}}}}]")).route()
    assert route.conditions.headers == (want,)


def test_case_of_paths(world, http):
    assert world(http("match: [{uri: {exact: /A}, ignoreUriCase: true}]")).route().conditions.ignore_path_case


def test_each_block_is_a_route_up_to_one_for_everything(world, http):
    built = world(http("name: r, match: [{uri: {exact: /a}, name: m}, {uri: {prefix: /}}, {uri: {exact: /b}}]"))
    assert built.table() == ["r.m: Exact(/a) -> web.shop|80", "r: * -> web.shop|80"]


def test_each_route_cites_its_own_line(world, virtual):
    text = virtual("http: []").replace(
        "http: []",
        f"http: [\n  {{match: [\n  {{uri: {{exact: /a}}}},\n  {{uri: {{exact: /b}}, statPrefix: s}}], {ROUTE}}},\n  {{{ROUTE}}}]",
    )
    routes = world(text).routes()
    assert [(one.origin.line, one.origin.field) for one in routes] == [
        (6, "spec.http[0].match[0]"),
        (7, "spec.http[0].match[1]"),
        (8, "spec.http[1]"),
    ]
    assert [one.policy.stat_prefix for one in routes] == ["", "s", ""]
    assert {one.owner.name for one in routes} == {"web"}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("'@request.auth.claims.group'", ("group",)),
        ("'@request.auth.claims.a.b'", ("a", "b")),
        ("'@request.auth.claims[a][b.c]'", ("a", "b.c")),
        ("'@Request.Auth.Claims.x'", ("x",)),
    ],
)
def test_claims_at_gateways(world, virtual, name, path):
    from seaway.frontends.istio.virtual_services.routes import Caller, Lookups, build_routes

    match = (
        f"http: [{{match: [{{headers: {{{name}: {{exact: v}}}}, withoutHeaders: {{{name}: {{regex: w}}}}}}], {ROUTE}}}], gateways: [edge]"
    )
    built = world(virtual(match))
    (rules,) = built.virtual.rules
    (route,) = build_routes(
        rules, Caller(Client("shop"), 80, "shop/edge"), Lookups(built.virtual.registry, built.rules, built.virtual.retries)
    )
    assert route.conditions.claims == (ClaimMatch(path, Text("exact", "v")), ClaimMatch(path, Text("regex", "w"), True))
    assert route.conditions.headers == ()


def test_claims_are_refused_in_the_mesh(world, http):
    built = world(http("match: [{headers: {'@request.auth.claims.a': {exact: b}}}]"))
    assert built.found == ["NET0530:4"]
    assert "at gateways only" in built.messages[0]


@pytest.mark.parametrize(
    ("match", "client", "port", "used"),
    [
        ("port: 80", Client("shop"), 80, True),
        ("port: 81", Client("shop"), 80, False),
        ("sourceNamespace: shop", Client("shop"), 80, True),
        ("sourceNamespace: far", Client("shop"), 80, False),
        ("sourceLabels: {app: a}", Client("shop", (("app", "a"), ("v", "1"))), 80, True),
        ("sourceLabels: {app: a, v: '2'}", Client("shop", (("app", "a"), ("v", "1"))), 80, False),
        ("gateways: [mesh], sourceNamespace: far", Client("shop"), 80, True),
        ("gateways: [edge]", Client("shop"), 80, False),
    ],
)
def test_who_gets_the_rule(world, virtual, match, client, port, used):
    """Where a block names gateways, labels and namespaces of callers do not count."""
    built = world(virtual(f"http: [{{match: [{{{match}, uri: {{exact: /a}}}}], {ROUTE}}}], gateways: [mesh, edge]"))
    assert built.table(port=port, client=client) == ["Exact(/a) -> web.shop|80" if used else "* -> web.shop|80"]


def test_labels_that_matches_look_at(world, virtual):
    rules = f"http: [{{match: [{{sourceLabels: {{a: b}}}}], {ROUTE}}}], tcp: [{{match: [{{sourceLabels: {{c: d}}}}], {ROUTE}}}]"
    assert world(virtual(rules)).virtual.label_keys == {"a", "c"}


@pytest.mark.parametrize(
    ("match", "problem"),
    [
        ("uri: {exact: /a, prefix: /b}", "more than one"),
        ("uri: {regex: '['}", "no RE2 expression"),
        ("uri: {regex: '(?=a)'}", "no RE2 expression"),
        ("uri: {regex: '*'}", "no RE2 expression"),
        ("uri: {regex: ''}", "empty"),
        (f"uri: {{regex: {'a' * 1025}}}", "longer than 1024"),
        ("method: {prefix: ''}", "prefix is empty"),
        ("scheme: {regex: ''}", "empty"),
        ("authority: {regex: '('}", "no RE2 expression"),
        ("headers: {a: {prefix: ''}}", "prefix is empty"),
        ("headers: {a: {regex: '*'}}", "no RE2 expression"),
        ("headers: {'': {exact: a}}", "name is empty"),
        ("headers: {'a b': {exact: a}}", "no header name"),
        ("headers: {':path2': {exact: a}}", "no header name"),
        ("headers: {'@request.auth.claims': {exact: a}}", "no header name"),
        ("withoutHeaders: {'a:': {}}", "no header name"),
        ("withoutHeaders: {a: {regex: '('}}", "no RE2 expression"),
        ("queryParams: {'': {exact: a}}", "name is empty"),
        ("queryParams: {a: {regex: '('}}", "no RE2 expression"),
        ("port: 70000", "not from 1 to 65535"),
        ("sourceLabels: {'a b': c}", "no label"),
        ("sourceLabels: {a: 'b c'}", "no label"),
        ("sourceNamespace: a_b", "no namespace"),
        ("gateways: [a_b]", "no DNS name"),
        ("gateways: [a/]", "an empty part"),
        ("gateways: [a_b/c]", "namespace is no DNS label"),
        ("gateways: [a/b.c]", "name is no DNS label"),
    ],
)
def test_refused(world, http, match, problem):
    built = world(http(f"match: [{{{match}}}]"))
    assert built.found == ["NET0531:4"]
    assert problem in built.messages[0]
    assert built.table() == ["* -> web.shop|80"]


def test_paths_are_as_the_model_has_them(world, http):
    matches = "match: [{uri: {exact: /a}}, {uri: {prefix: /b}}, {uri: {regex: /c+}}]"
    assert [one.match for one in world(http(matches)).routes()] == [Exact("/a"), TextPrefix("/b"), Regex("/c+", 3)]
