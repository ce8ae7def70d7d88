"""What a client sees of the mesh: hosts by their spellings, and where connections go."""

from __future__ import annotations

import pytest

from seaway.core.codes import mesh as codes
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.scopes import Scopes
from seaway.model.route import Forward
from seaway.model.upstream import UpstreamId

SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.1.1, ports: [{name: http, port: 80}, {name: tcp, port: 90}, {port: 99, name: x}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: http, port: 80}, {name: mysql, port: 3306}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: shop, labels: {app: db}}
spec: {containers: [{name: db, image: db}]}
"""
WEB = "web.shop.svc.cluster.local"


def test_a_service_goes_by_all_its_names(build):
    domains = build(SERVICES).mesh_host(WEB, 80, "shop").domains
    assert domains == (WEB, f"{WEB}.", "web", "web.shop", "web.shop.svc", "10.96.1.1")


def test_the_bare_name_is_for_its_own_namespace(build):
    assert "web" not in build(SERVICES).mesh_host(WEB, 80, "default").domains


def test_endpoints_of_a_headless_service_have_names_below_it(build):
    domains = build(SERVICES).mesh_host("db.shop.svc.cluster.local", 80, "default").domains
    assert "*.db.shop.svc.cluster.local" in domains
    assert not [one for one in domains if one.startswith("10.")]


def test_http_is_routed_to_the_service_itself(build):
    (route,) = build(SERVICES).mesh_host(WEB, 80).routes
    assert isinstance(route.action, Forward)
    assert [one.to for one in route.action.destinations] == [UpstreamId(WEB, 80)]


def test_tcp_goes_by_address(build):
    world = build(SERVICES)
    (route,) = world.tcp(90)
    assert (route.addresses, route.http) == (("10.96.1.1/32",), "")
    assert world.tcp(80) == []


def test_a_port_that_says_nothing_is_both(build):
    world = build(SERVICES)
    (route,) = world.tcp(99)
    assert route.http == WEB
    assert world.mesh_host(WEB, 99).domains[0] == WEB


def test_tcp_of_a_headless_service_goes_by_its_endpoints(build):
    world = build(SERVICES)
    (route,) = world.tcp(3306)
    (pod,) = world.built.model.pods[-1:]
    assert route.addresses == (f"{pod.ip}/32",)


@pytest.mark.parametrize(
    ("annotation", "sees"),
    [
        ("", {"shop", "default"}),
        ("'.'", {"shop"}),
        ("'*'", {"shop", "default"}),
        ("'~'", set()),
        ("'default, other'", {"default"}),
    ],
)
def test_a_service_is_seen_where_its_annotation_says(build, annotation, sees):
    annotations = f"annotations: {{networking.istio.io/exportTo: {annotation}}}" if annotation else "labels: {}"
    world = build(SERVICES.replace("{name: web, namespace: shop}", f"{{name: web, namespace: shop, {annotations}}}"))
    seen = {name for name in ("shop", "default") if any(one.name == WEB for table in world.scope(name).http for one in table.hosts)}
    assert seen == sees


def tcp(name, number=5432, protocol="TCP", more=""):
    return f"hosts: [{name}.example.com], ports: [{{number: {number}, name: p, protocol: {protocol}}}]{more}"


def test_two_entries_on_one_port_are_told_apart_by_the_addresses_that_they_are_given(build, entry):
    world = build(entry(tcp("a", more=", resolution: DNS"), "a") + entry(tcp("b", more=", resolution: DNS"), "b"))
    first, second = world.tcp(5432)
    assert first.addresses != second.addresses
    assert () not in (first.addresses, second.addresses)
    assert not world.scope_findings()


def test_an_entry_without_address_takes_all_connections_and_says_so(build, entry):
    world = build(entry(tcp("a")))
    (route,) = world.tcp(5432)
    assert route.addresses == ()
    assert world.finding(codes.PORT_SWALLOWED.id).origin.line == 4


def test_a_name_in_tls_tells_hosts_apart(build, entry):
    world = build(entry(tcp("a", 443, "TLS"), "a") + entry(tcp("b", 443, "TLS"), "b"))
    assert codes.PORT_SWALLOWED.id not in world.codes


def test_of_two_that_claim_the_same_connections_the_older_has_them(build, entry):
    old = ", creationTimestamp: '2026-01-01T00:00:00Z'"
    world = build(entry(tcp("a"), "a") + entry(tcp("b"), "b", meta=old))
    (route,) = world.tcp(5432)
    assert [one.to.host for one in route.destinations] == ["b.example.com"]
    (lost,) = world.scope_findings()
    assert (lost.code, lost.key.name) == (codes.CONNECTIONS_CLAIMED, "a")


def test_http_and_tcp_share_a_port(build, entry):
    world = build(entry(tcp("a", 80), "a") + entry(tcp("b", 80, "HTTP"), "b"))
    (table,) = [one for one in world.scope().http if one.port == 80]
    assert table.everywhere
    assert [one.addresses for one in world.tcp(80)] == [()]


def test_a_port_that_nobody_says_is_http_is_looked_up_by_address_alone(build, entry):
    world = build(entry("hosts: [a.example.com], ports: [{number: 81, name: p}], resolution: DNS", "a"))
    (table,) = [one for one in world.scope().http if one.port == 81]
    assert not table.everywhere


def test_no_short_name_hides_another_host(build, entry):
    world = build(SERVICES + "---\n" + entry("hosts: [web.shop], ports: [{number: 80, name: p, protocol: HTTP}]"))
    assert "web.shop" not in world.mesh_host(WEB, 80).domains
    assert world.mesh_host("web.shop", 80).domains[0] == "web.shop"


def test_one_address_is_one_host(build, entry):
    more = ", addresses: [192.0.2.1]"
    world = build(entry(tcp("a", 80, "HTTP", more), "a") + entry(tcp("b", 80, "HTTP", more), "b"))
    assert "192.0.2.1" in world.mesh_host("a.example.com", 80).domains
    assert "192.0.2.1" not in world.mesh_host("b.example.com", 80).domains


def test_what_looks_alike_is_one_object(build, entry):
    world = build(SERVICES + "---\n" + entry(tcp("a", more=", resolution: DNS")))
    scopes = Scopes(world.sources)
    one, other = scopes.build(Client("default")), scopes.build(Client("other"))
    assert one.tcp is other.tcp
    assert all(mine is yours for mine, yours in zip(one.http, other.http, strict=True))
    shop = scopes.build(Client("shop"))
    assert shop.tcp is one.tcp
    near = {host.name for table in shop.http for host in table.hosts} - {
        host.name for table in shop.http for host in table.hosts if any(host is same for mine in one.http for same in mine.hosts)
    }
    assert near == {WEB, "db.shop.svc.cluster.local"}


def test_a_rule_in_the_clients_own_namespace_makes_it_see_another_upstream(build):
    rule = (
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: own, namespace: default}\n"
        f"spec: {{host: {WEB}, trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: 1}}}}}}}}\n"
    )
    world = build(SERVICES + rule)
    upstreams = {name: world.mesh_host(WEB, 80, name).routes[0].action.destinations[0].to.variant for name in ("default", "shop")}
    assert upstreams == {"default": "default/own", "shop": ""}


def test_hosts_for_a_namespace_alone_are_in_its_scope_alone(build, entry):
    world = build(entry(tcp("a", 80, "HTTP", ", exportTo: [.]")) + SERVICES)
    assert "a.example.com" in {host.name for table in world.scope("shop").http for host in table.hosts}
    assert "a.example.com" not in {host.name for table in world.scope("default").http for host in table.hosts}
