"""Which VirtualService has a host, who sees it, and hosts that no object declares."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.clients import Client

OLD, NEW = "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"


def to(name: str, more: str = "") -> str:
    """One rule that can be told from others: a direct response of this name."""
    return f"http: [{{name: {name}, directResponse: {{status: 200}}{more}}}]"


def who(built, **more) -> str:
    return built.routes(**more)[0].name


def test_the_oldest_has_the_host_alone(world, virtual):
    built = world(virtual(to("young"), name="a", created=NEW), virtual(to("old"), name="b", created=OLD))
    assert built.table() == ["old: * -> respond 200"]
    assert built.found == ["NET0544:4"]
    assert "VirtualService shop/b (in.yaml:9)" in built.messages[0]


def test_then_the_first_by_name(world, virtual):
    assert who(world(virtual(to("b"), name="b"), virtual(to("a"), name="a"))) == "a"


def test_an_older_one_for_a_few_leaves_the_host_to_the_next(world, virtual):
    few = to("few", ", match: [{sourceLabels: {app: a}}]")
    built = world(virtual(few, name="old", created=OLD), virtual(to("all"), name="new", created=NEW))
    assert (who(built), who(built, client=Client("shop", (("app", "a"),)))) == ("all", "few")
    assert built.found == []


@pytest.mark.parametrize(
    ("hosts", "winner"),
    [
        (("['*.svc.cluster.local']", "['*.shop.svc.cluster.local']"), "second"),
        (("['*.shop.svc.cluster.local']", "['*.svc.cluster.local']"), "first"),
        (("['*.svc.cluster.local']", "[web]"), "second"),
        (("['*.svc.cluster.local']", "['*.cluster.local']"), "first"),
    ],
)
def test_the_most_specific_name_wins_whatever_its_age(world, virtual, hosts, winner):
    built = world(virtual(to("first"), name="a", created=OLD, hosts=hosts[0]), virtual(to("second"), name="b", created=NEW, hosts=hosts[1]))
    assert who(built) == winner


def test_behind_an_exact_name_no_wildcard_is_asked(world, virtual):
    exact = virtual(to("few", ", match: [{sourceLabels: {app: a}}]"), name="exact")
    built = world(exact, virtual(to("wide"), name="wide", hosts="['*.shop.svc.cluster.local']"))
    assert built.table() == ["* -> web.shop|80"]


@pytest.mark.parametrize(
    ("export", "namespace", "client", "seen"),
    [
        ("", "far", "shop", True),
        ("exportTo: ['.']", "far", "shop", False),
        ("exportTo: ['.']", "shop", "shop", True),
        ("exportTo: [shop]", "far", "shop", True),
        ("exportTo: [shop]", "far", "other", False),
        ("exportTo: ['*']", "far", "other", True),
    ],
)
def test_who_sees_it(world, virtual, export, namespace, client, seen):
    spec = to("seen") + (f", {export}" if export else "")
    built = world(virtual(spec, namespace=namespace, hosts="[web.shop.svc.cluster.local]"))
    assert (who(built, client=Client(client)) == "seen") is seen


def test_the_meshs_default_export(world, virtual):
    built = world(virtual(to("seen"), namespace="far", hosts="[web.shop.svc.cluster.local]"), mesh="defaultVirtualServiceExportTo: ['.']")
    assert (who(built), who(built, client=Client("far"))) == ("", "seen")


def test_of_two_that_nobody_sees_both_none_is_reported(world, virtual):
    own = virtual(to("own") + ", exportTo: ['.']", name="a", hosts="[web.shop.svc.cluster.local]")
    built = world(own, virtual(to("far") + ", exportTo: ['.']", name="b", namespace="far", hosts="[web.shop.svc.cluster.local]"))
    assert built.found == []


def test_a_sidecars_import(world, virtual):
    built = world(virtual(to("seen")))
    limited = built.virtual.limited(lambda namespace, host: (namespace, host) == ("shop", "web.shop.svc.cluster.local"))
    assert limited.rules == built.virtual.rules
    assert built.virtual.limited(lambda namespace, host: False).rules == ()


def test_gateways_alone_leave_the_mesh_out(world, virtual):
    assert world(virtual(to("edge") + ", gateways: [edge]")).table() == ["* -> web.shop|80"]
    assert who(world(virtual(to("both") + ", gateways: [edge, mesh]"))) == "both"


def test_hosts_of_no_registry_are_known_by_port_80(world, virtual):
    built = world(virtual(to("out"), hosts="[www.example.org, '*.example.net']"))
    want = {"*.example.net": ["out: * -> respond 200"], "www.example.org": ["out: * -> respond 200"]}
    assert built.further(80, "web.shop") == want
    assert built.further(81, "other.far") == {}
    assert built.found == ["NET0553:4", "NET0553:4"]


def test_hosts_beside_registered_ones_are_known_by_their_ports(world, virtual):
    built = world(virtual(to("both"), hosts="[api, www.example.org]"))
    assert built.further(8080, "api.shop") == {"www.example.org": ["both: * -> respond 200"]}


def test_a_wildcard_that_stands_for_a_registered_host_is_no_further_host(world, virtual):
    assert world(virtual(to("wide"), hosts="['*.shop.svc.cluster.local']")).further(80, "web.shop") == {}


def test_a_narrower_host_within_a_registered_wildcard(world, virtual):
    built = world(virtual(to("narrow"), hosts="[a.wild.example]"))
    assert built.further(80, "*.wild.example") == {"a.wild.example": ["narrow: * -> respond 200"]}
    assert built.table("*.wild.example") == ["* -> *.wild.example|80"]


def test_a_registered_wildcard(world, virtual):
    assert who(world(virtual(to("wild"), hosts="['*.wild.example']")), host="*.wild.example") == "wild"
    assert who(world(virtual(to("wider"), hosts="['*.example']")), host="*.wild.example") == "wider"


def test_without_any_a_host_leads_to_itself(world, destination_rule):
    built = world(destination_rule("web", "trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}"))
    route = built.route()
    assert built.table() == ["* -> web.shop|80"]
    assert (route.owner.kind, [one.kind for one in route.policy.hash_by]) == ("Service", ["source"])
