"""http[].route: where requests go, and how they are split."""

from __future__ import annotations

import pytest

from seaway.model.route import Forward, HeaderOps
from seaway.model.upstream import NOWHERE


@pytest.mark.parametrize(
    ("route", "want"),
    [
        ("[{destination: {host: web}}]", "web.shop|80"),
        ("[{destination: {host: web}, weight: 0}]", "web.shop|80"),
        ("[{destination: {host: web, subset: v1}}]", "web.shop|80|v1"),
        ("[{destination: {host: api, port: {number: 9090}}}]", "api.shop|9090"),
        ("[{destination: {host: db}}]", "db.shop|5432"),
        ("[{destination: {host: other.far.svc.cluster.local}}]", "other.far|80"),
        ("[{destination: {host: web}, weight: 90}, {destination: {host: db}, weight: 10}]", "90 web.shop|80, 10 db.shop|5432"),
        ("[{destination: {host: web}, weight: 90}, {destination: {host: db}}]", "web.shop|80"),
        (
            "[{destination: {host: web}, weight: 1}, {destination: {host: db}, weight: 0}, {destination: {host: api, port: {number: 8080}}, weight: 2}]",
            "1 web.shop|80, 2 api.shop|8080",
        ),
        ("[{destination: {host: '*.wild.example'}}]", "*.wild.example|80"),
    ],
)
def test_places(world, http, route, want):
    assert world(http("", f"route: {route}")).table() == [f"* -> {want}"]


@pytest.mark.parametrize(
    ("host", "port", "want"),
    [
        pytest.param("gone", "", "gone.shop|80||nowhere", id="no-such-service"),
        pytest.param("web.shop", "", "web.shop|80||nowhere", id="not-completed"),
        pytest.param("a.wild.example", "", "a.wild.example|80||nowhere", id="within-a-wildcard"),
        pytest.param("hidden.far.svc.cluster.local", "", "hidden.far|80||nowhere", id="not-exported"),
        pytest.param("web", "port: {number: 81}", "web.shop|81||nowhere", id="no-such-port"),
        pytest.param("api", "", "api.shop|80||nowhere", id="several-ports"),
    ],
)
def test_nowhere(world, http, host, port, want):
    built = world(http("", f"route: [{{destination: {{host: {host}, {port}}}}}]"))
    (route,) = built.routes()
    assert isinstance(route.action, Forward)
    assert route.action.destinations[0].to.variant == NOWHERE
    assert built.table() == [f"* -> {want}"]
    assert len(built.found) == 1


def test_headers_of_a_share_are_its_own(world, http):
    split = "[{destination: {host: web}, weight: 1, headers: {request: {set: {host: a.example, x: '1'}}, response: {remove: [q]}}}, {destination: {host: db}, weight: 1}]"
    (route,) = world(http("", f"route: {split}")).routes()
    assert isinstance(route.action, Forward)
    first, second = route.action.destinations
    assert (first.request, first.response, first.authority) == (HeaderOps(set=(("x", "1"),)), HeaderOps(remove=("q",)), "a.example")
    assert (second.request, second.authority, route.action.authority) == (HeaderOps(), "", "")


@pytest.mark.parametrize(
    ("fields", "authority"),
    [
        ("", "share.example"),
        ("headers: {request: {set: {Host: rule.example}}}", "rule.example"),
        ("rewrite: {authority: rewrite.example}", "rewrite.example"),
    ],
)
def test_authority_of_a_single_share_counts_last(world, http, fields, authority):
    route = "route: [{destination: {host: web}, headers: {request: {set: {':authority': share.example}}}}]"
    action = world(http(fields, route)).route().action
    assert isinstance(action, Forward)
    assert action.authority == authority
    assert action.destinations[0].authority == ""


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ("[{destination: {host: '*'}}]", "* is no destination"),
        ("[{destination: {host: a_b}}]", "host a_b"),
        ("[{destination: {host: ''}}]", "it is empty"),
        ("[{destination: {host: web, subset: a.b}}]", "subset a.b is no DNS label"),
        ("[{destination: {host: web, port: {}}}]", "port 0"),
        ("[{destination: {host: web, port: {number: 65536}}}]", "port 65536"),
        ("[{destination: {host: web}, weight: -1}]", "weight -1"),
        ("[{destination: {host: web}}, {destination: {host: db}}]", "none has a weight"),
        (
            "[{destination: {host: web}, weight: 2147483647}, {destination: {host: db}, weight: 2147483647}, {destination: {host: api}, weight: 2}]",
            "add up",
        ),
    ],
)
def test_refused(world, http, route, problem):
    built = world(http("", f"route: {route}"))
    assert built.found == ["NET0533:4"]
    assert problem in built.messages[0]
