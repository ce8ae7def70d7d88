"""The object as a whole: hosts, exports, and what makes it void."""

from __future__ import annotations

import pytest

HTTP = "http: [{route: [{destination: {host: web}}]}]"


@pytest.mark.parametrize(
    ("hosts", "spec", "problem"),
    [
        ("[web]", "exportTo: ['*']", "neither http nor tls nor tcp"),
        ("['*']", HTTP, "host * is for gateways only"),
        ("['a b']", HTTP, "no DNS name"),
        ("['']", HTTP, "it is empty"),
        ("[a.example, a.example]", HTTP, "overlap"),
        ("[A.example, a.example]", HTTP, "overlap"),
        ("['*.example', a.example]", HTTP, "overlap"),
        ("['*.example', '*.a.example']", HTTP, "overlap"),
        ("[web]", f"{HTTP}, exportTo: ['.', shop]", "twice"),
        ("[web]", f"{HTTP}, exportTo: ['~']", "ServiceEntry alone"),
        ("[web]", f"{HTTP}, exportTo: ['*', far]", "stand alone"),
    ],
)
def test_refused(world, virtual, hosts, spec, problem):
    built = world(virtual(spec, hosts=hosts))
    assert built.found == ["NET0530:4"]
    assert problem in built.messages[0]
    assert built.virtual.rules == ()


def test_gateways_by_name(world, virtual):
    assert world(virtual(f"{HTTP}, gateways: ['a b']")).found == ["NET0531:4"]


def test_a_star_at_gateways(world, virtual):
    (rules,) = world(virtual(f"{HTTP}, gateways: [edge]", hosts="['*']")).virtual.rules
    assert rules.hosts == ("*",)


@pytest.mark.parametrize(
    ("written", "full"),
    [("web", "web.shop.svc.cluster.local"), ("WEB", "web.shop.svc.cluster.local"), ("web.shop", "web.shop"), ("10.0.0.1", "10.0.0.1")],
)
def test_names_of_hosts(world, virtual, written, full):
    (rules,) = world(virtual(HTTP, hosts=f"[{written}]")).virtual.rules
    assert rules.hosts == (full,)


def test_one_mistake_makes_the_whole_object_void_and_hurts_no_other(world, virtual):
    bad = virtual("http: [{name: good, route: [{destination: {host: web}}]}, {timeout: 0s, route: [{destination: {host: web}}]}]", name="a")
    good = virtual("http: [{name: other, route: [{destination: {host: web}}]}]", name="b")
    built = world(bad, good)
    assert built.table() == ["other: * -> web.shop|80"]
    assert built.found == ["NET0539:4"]


def test_all_mistakes_are_named_at_once(world, virtual):
    bad = "http: [{timeout: 0s, retries: {attempts: -1}, match: [{uri: {regex: '('}}], route: [{destination: {host: web}, weight: -1}]}]"
    assert sorted(world(virtual(bad)).found) == ["NET0531:4", "NET0533:4", "NET0538:4", "NET0539:4"]
