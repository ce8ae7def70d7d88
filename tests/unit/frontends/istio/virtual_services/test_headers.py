"""http[].headers."""

from __future__ import annotations

import pytest

from seaway.model.route import Forward, HeaderOps


def test_operations_in_the_order_of_names(world, http):
    ops = "{set: {b: '2', a: '1'}, add: {d: '%REQ(x)%', c: '100%%'}, remove: [z, w]}"
    policy = world(http(f"headers: {{request: {ops}, response: {ops}}}")).route().policy
    want = HeaderOps(("z", "w"), (("a", "1"), ("b", "2")), (("c", "100%%"), ("d", "%REQ(x)%")))
    assert (policy.request, policy.response) == (want, want)


@pytest.mark.parametrize("name", ["host", "Host", "':authority'"])
@pytest.mark.parametrize("how", ["set", "add"])
def test_the_host_header_is_the_authority(world, http, how, name):
    route = world(http(f"headers: {{request: {{{how}: {{{name}: b.example, a: b}}}}}}")).route()
    assert isinstance(route.action, Forward)
    assert route.action.authority == "b.example"
    assert [one for one, _ in (*route.policy.request.set, *route.policy.request.add)] == ["a"]


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ("{request: {set: {'': a}}}", "name is empty"),
        ("{request: {set: {':path': /a}}}", "begins with a colon"),
        ("{request: {remove: [host]}}", "Host header"),
        ("{request: {remove: ['']}}", "name is empty"),
        ("{response: {set: {host: a}}}", "Host header"),
        ("{response: {add: {':status': '1'}}}", "begins with a colon"),
        ("{response: {remove: [':status']}}", "begins with a colon"),
        ('{request: {set: {a: "b\\n"}}}', "control character"),
        ('{request: {set: {"a\\r": b}}}', "no header name"),
        ("{request: {set: {a: 100%}}}", "write %%"),
        ("{response: {add: {a: '%FOO%'}}}", "no command"),
        (f"{{response: {{add: {{a: {'b' * 16385}}}}}}}", "longer than 16384"),
        ("{request: {set: {host: a}, add: {Host: b}}}", "in another place"),
        ("{request: {set: {host: a, ':authority': b}}}", "in another place"),
    ],
)
def test_refused(world, http, headers, problem):
    built = world(http(f"headers: {headers}"))
    assert built.found == ["NET0537:4"]
    assert problem in built.messages[0]


def test_the_host_header_is_changed_once(world, http):
    built = world(http("rewrite: {authority: a}, headers: {request: {set: {host: b}}}"))
    assert built.found == ["NET0537:4"]


def test_operations_of_destinations_are_checked_too(world, http):
    assert world(http("", "route: [{destination: {host: web}, headers: {request: {set: {a: '%'}}}}]")).found == ["NET0537:4"]
