"""What a client sees of the mesh: hosts by their spellings, and where connections go."""

from __future__ import annotations

import pytest

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
