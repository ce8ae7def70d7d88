"""What is named and is not there; and what nobody can reach."""

from __future__ import annotations

import pytest

GATEWAY = """apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {servers: [{port: {number: 81, name: http, protocol: HTTP}, hosts: ['*']}]}
---
"""


@pytest.mark.parametrize(
    ("destination", "code", "message"),
    [
        ("host: gone", "NET0547", "gone.shop.svc.cluster.local: there is no such Service"),
        ("host: wbe", "NET0547", "did you mean web.shop.svc.cluster.local?"),
        ("host: other", "NET0547", "did you mean other.far.svc.cluster.local?"),
        ("host: web.shop", "NET0547", "write web.shop.svc.cluster.local, since only a name without a dot is completed"),
        ("host: a.wild.example", "NET0547", "*.wild.example is there"),
        ("host: hidden.far.svc.cluster.local", "NET0547", "Service far/hidden is not exported to namespace shop"),
        ("host: web, subset: v1", "NET0548", "subset v1 of web.shop.svc.cluster.local: no DestinationRule"),
        ("host: web, port: {number: 81}", "NET0549", "it has no port 81"),
        ("host: api", "NET0549", "it has 2 ports, none is named, and it has none of the number 80"),
    ],
)
def test_destinations(world, http, destination, code, message):
    built = world(http("", f"route: [{{destination: {{{destination}}}}}]"))
    assert built.found == [f"{code}:4"]
    assert message in built.messages[0]


@pytest.mark.parametrize("host", ["web", "'*.shop.svc.cluster.local'"])
def test_a_subset_of_a_rule_for_the_host(world, http, destination_rule, host):
    rule = destination_rule(host, "subsets: [{name: canary, labels: {v: '1'}}]")
    assert world(http("", "route: [{destination: {host: web, subset: canary}}]"), rule).found == []
    near = world(http("", "route: [{destination: {host: web, subset: canari}}]"), rule)
    assert "did you mean canary?" in near.messages[0]


@pytest.mark.parametrize(
    ("fields", "hosts", "missing"),
    [
        ("match: [{port: 8080}]", "[web]", False),
        ("", "[api]", False),
        ("", "[other.far.svc.cluster.local]", True),
        ("match: [{port: 9090}]", "[www.example.org]", False),
    ],
)
def test_several_ports_are_told_apart_by_the_requests(world, http, fields, hosts, missing):
    built = world(http(fields, "route: [{destination: {host: api}}]", hosts=hosts))
    assert ("NET0549:4" in built.found) is missing


def test_ports_of_gateways(world, http, virtual):
    rule = "http: [{route: [{destination: {host: other.far.svc.cluster.local}}]}]"
    assert world(GATEWAY, virtual(f"{rule}, gateways: [edge]", hosts="[shop.example]")).found == []
    assert world(GATEWAY.replace("81", "82"), virtual(f"{rule}, gateways: [edge]", hosts="[shop.example]")).found == ["NET0549:9"]


@pytest.mark.parametrize(
    ("gateways", "found"),
    [
        ("[edge]", []),
        ("[shop/edge]", []),
        ("[./edge]", []),
        ("[edge.shop.svc.cluster.local]", []),
        ("[mesh]", []),
        ("[egde]", ["NET0552:9"]),
        ("[far/edge]", ["NET0552:9"]),
    ],
)
def test_gateways(world, http, gateways, found):
    built = world(GATEWAY, http().replace("hosts: [web]", f"hosts: [web], gateways: {gateways}"))
    assert built.found == found
    if found:
        assert "did you mean shop/edge?" in built.messages[0]


def test_gateways_of_a_match_are_among_those_of_the_object(world, http):
    built = world(GATEWAY, http("match: [{gateways: [edge], uri: {exact: /a}}]"))
    assert built.found == ["NET0546:9"]
    assert "not bound to shop/edge" in built.messages[0]


@pytest.mark.parametrize(
    ("hosts", "message"),
    [
        ("[gone]", "host gone.shop.svc.cluster.local is neither"),
        ("[other]", "did you mean other.far.svc.cluster.local?"),
        ("[web.shop]", "only a name without a dot is completed"),
        ("[www.example.org]", "host www.example.org is neither"),
    ],
)
def test_hosts_of_the_mesh(world, http, hosts, message):
    built = world(http(hosts=hosts))
    assert built.found == ["NET0553:4"]
    assert message in built.messages[0]


def test_hosts_of_gateways_need_no_registry(world, http):
    assert world(GATEWAY, http(hosts="[www.example.org]").replace("hosts:", "gateways: [edge, mesh], hosts:")).found == []


ROUTE = "route: [{destination: {host: web}}]"


@pytest.mark.parametrize(
    ("rules", "found", "reason"),
    [
        (f"{{{ROUTE}}}, {{{ROUTE}}}", ["NET0545"], "rule #0 before it has no match"),
        (f"{{name: all, {ROUTE}}}, {{match: [{{uri: {{exact: /a}}}}], {ROUTE}}}", ["NET0545"], "rule all before it has no match"),
        (f"{{match: [{{uri: {{prefix: /}}}}], {ROUTE}}}, {{match: [{{uri: {{exact: /a}}}}], {ROUTE}}}", ["NET0545"], "takes every request"),
        (
            f"{{match: [{{uri: {{exact: /a}}}}], {ROUTE}}}, {{match: [{{uri: {{exact: /a}}, name: m}}], {ROUTE}}}",
            ["NET0545"],
            "is the same",
        ),
        (
            f"{{match: [{{uri: {{prefix: /a}}}}], {ROUTE}}}, {{match: [{{uri: {{prefix: /a/b}}}}], {ROUTE}}}",
            ["NET0545"],
            "prefix /a of rule #0",
        ),
        (
            f"{{match: [{{headers: {{a: {{}}}}}}], {ROUTE}}}, {{match: [{{headers: {{a: {{}}}}, uri: {{prefix: /a}}}}], {ROUTE}}}",
            ["NET0545"],
            "on any path",
        ),
        (f"{{match: [{{uri: {{exact: /a}}}}, {{uri: {{exact: /a}}}}], {ROUTE}}}", ["NET0546"], "is the same"),
        (
            f"{{match: [{{uri: {{exact: /a}}}}], {ROUTE}}}, {{match: [{{uri: {{exact: /a}}}}, {{uri: {{exact: /b}}}}], {ROUTE}}}",
            ["NET0546"],
            "is the same",
        ),
    ],
)
def test_what_nobody_can_reach(world, virtual, rules, found, reason):
    built = world(virtual(f"http: [{rules}]"))
    assert [one.partition(":")[0] for one in built.found] == found
    assert reason in built.messages[0]


@pytest.mark.parametrize(
    "rules",
    [
        f"{{match: [{{uri: {{prefix: /a/b}}}}], {ROUTE}}}, {{match: [{{uri: {{prefix: /a}}}}], {ROUTE}}}",
        f"{{match: [{{uri: {{prefix: /a}}, method: {{exact: GET}}}}], {ROUTE}}}, {{match: [{{uri: {{prefix: /a}}}}], {ROUTE}}}",
        f"{{match: [{{uri: {{prefix: /a}}, port: 80}}], {ROUTE}}}, {{match: [{{uri: {{prefix: /a}}, port: 81}}], {ROUTE}}}",
        f"{{match: [{{uri: {{prefix: /}}, sourceLabels: {{a: b}}}}], {ROUTE}}}, {{{ROUTE}}}",
        f"{{match: [{{uri: {{prefix: /a}}, ignoreUriCase: true}}], {ROUTE}}}, {{match: [{{uri: {{prefix: /a}}}}], {ROUTE}}}",
    ],
)
def test_what_can_be_reached_is_not_warned_of(world, virtual, rules):
    assert world(virtual(f"http: [{rules}]")).found == []


def test_what_a_delegate_leaves_goes_on(world, virtual):
    part = virtual(f"http: [{{match: [{{uri: {{exact: /a}}}}], {ROUTE}}}]", name="part", hosts="")
    assert world(virtual(f"http: [{{delegate: {{name: part}}}}, {{delegate: {{name: part}}}}, {{{ROUTE}}}]"), part).found == []


def test_connections_too(world, virtual):
    built = world(virtual(f"tcp: [{{{ROUTE}}}, {{match: [{{port: 1}}], {ROUTE}}}]"))
    assert built.found == ["NET0545:4"]
