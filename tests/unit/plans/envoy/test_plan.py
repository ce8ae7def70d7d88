"""The plan as a whole: which resources there are, under which names, whose they are, and what moves when something changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seaway.core.names import Key
from seaway.model.names import certificate_secret
from seaway.model.route import Certificate, TlsHost
from seaway.model.service import Health
from seaway.plans.envoy.static import decode_resource
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, LISTENER, ROUTES, SECRET, XdsResource

if TYPE_CHECKING:
    from tests.unit.plans.envoy.conftest import Draft


def names(resources: Resources, type_url: str) -> list[str]:
    return [one.name for one in resources if one.type_url == type_url]


def by_name(resources: Resources) -> dict[tuple[str, str], XdsResource]:
    return {(one.type_url, one.name): one for one in resources}


def moved(before: Resources, after: Resources) -> set[str]:
    """Type and name of what differs."""
    old, new = by_name(before), by_name(after)
    return {f"{key[0].rsplit('.', 1)[-1]} {key[1]}" for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def test_names(shop: Draft) -> None:
    plan = shop.plan()
    assert names(plan, LISTENER) == ["gateway/ingress/gateway-0/443", "gateway/ingress/gateway-0/80"]
    assert names(plan, ROUTES) == ["ingress/gateway/http", "ingress/gateway/https"]
    assert names(plan, CLUSTER) == names(plan, ENDPOINTS) == ["outbound|80||web.shop.svc.cluster.local|ingress"]
    assert names(plan, SECRET) == [certificate_secret("default")]
    assert len(plan) == 7


def test_order_and_bytes_depend_on_nothing_else(shop: Draft) -> None:
    plan = shop.plan()
    assert plan == shop.plan()
    assert list(plan) == sorted(plan, key=lambda one: (one.type_url, one.name))
    shop.services.reverse()
    assert plan == shop.plan()


def test_owners_are_the_suspects(shop: Draft, certificates: tuple[Certificate, ...]) -> None:
    shop.tls.append(TlsHost("shop.example.com", certificates[1], certificates[1].origin))
    plan = by_name(shop.plan())
    ingress = Key("networking.k8s.io", "Ingress", "shop", "ingress-8")
    service = Key("", "Service", "shop", "web")
    pods = {Key("apps", "Deployment", "shop", "web-1"), Key("apps", "Deployment", "shop", "web-2")}
    gateway = Key("apps", "Deployment", "ingress", "gateway-0")
    secret = Key("", "Secret", "shop", "shop-tls")
    assert plan[ROUTES, "ingress/gateway/http"].owners == {ingress}
    assert plan[CLUSTER, "outbound|80||web.shop.svc.cluster.local|ingress"].owners == {service}
    assert plan[ENDPOINTS, "outbound|80||web.shop.svc.cluster.local|ingress"].owners == {service, *pods}
    assert plan[LISTENER, "gateway/ingress/gateway-0/80"].owners == {gateway}
    assert plan[LISTENER, "gateway/ingress/gateway-0/443"].owners == {gateway, secret}
    assert plan[SECRET, certificate_secret("shop-tls")].owners == {secret}


def test_health_moves_endpoints_only(shop: Draft) -> None:
    model = shop.model()
    ready = Health(frozenset(pod.id for pod in model.pods))
    before, after = shop.planned(model, ready), shop.planned(model, Health())
    assert moved(before, after) == {"ClusterLoadAssignment outbound|80||web.shop.svc.cluster.local|ingress"}
    empty = by_name(after)[ENDPOINTS, "outbound|80||web.shop.svc.cluster.local|ingress"]
    assert decode_resource(empty) == {"cluster_name": "outbound|80||web.shop.svc.cluster.local|ingress"}


def test_a_new_route_moves_routes_only(shop: Draft) -> None:
    before = shop.plan()
    web = shop.services[0]
    shop.host("new.example.com", shop.to("/", web))
    assert moved(before, shop.plan()) == {"RouteConfiguration ingress/gateway/http", "RouteConfiguration ingress/gateway/https"}


def test_a_renewed_certificate_for_one_host_moves_its_secret_and_the_tls_listener(
    shop: Draft, certificates: tuple[Certificate, ...]
) -> None:
    old = certificates[1]
    shop.tls.append(TlsHost("shop.example.com", old, old.origin))
    before = shop.plan()
    shop.tls[0] = TlsHost("shop.example.com", replace(old, id="renewed"), old.origin)
    assert moved(before, shop.plan()) == {
        f"Secret {certificate_secret('shop-tls')}",
        f"Secret {certificate_secret('renewed')}",
        "Listener gateway/ingress/gateway-0/443",
    }


def test_another_node_gets_nothing(shop: Draft) -> None:
    assert shop.plan(node="node-2") == Resources()


def test_a_gateway_without_https_ports_has_no_certificates(shop: Draft) -> None:
    shop.gateway_ports = ((80, 80, 8080), ())
    plan = shop.plan()
    assert names(plan, LISTENER) == ["gateway/ingress/gateway-0/80", "gateway/ingress/gateway-0/8080"]
    assert names(plan, SECRET) == []
    assert names(plan, ROUTES) == ["ingress/gateway/http"]


def test_a_port_named_for_both_schemes_is_plain(shop: Draft) -> None:
    shop.gateway_ports = ((80,), (80, 443))
    assert names(shop.plan(), LISTENER) == ["gateway/ingress/gateway-0/443", "gateway/ingress/gateway-0/80"]


def test_private_keys_show_in_no_text(shop: Draft) -> None:
    assert "PRIVATE" not in repr(shop.plan())
    assert "PRIVATE" not in repr(shop.view())
