"""Hosts that Kubernetes does not know, with real packets: who they are found by, what tells them apart, and who may see them."""

from __future__ import annotations

import sys
from collections.abc import Callable

import dns.message
import pytest
from meshed import Object, account, command, get, namespace, pod, service, talk, text_of
from network import Network, wait_until

LISTENER = (
    "import socketserver as s,os; H=type('H',(s.BaseRequestHandler,),{'handle':lambda self:self.request.sendall(os.uname()[1].encode())})"
)
GREETING = f"{sys.executable} -c \"{LISTENER}; s.ThreadingTCPServer(('',7000),H).serve_forever()\""

WEB_IP, ORDERS_IP, USERS_IP, OUTSIDE_IP = "10.96.200.1", "10.96.200.2", "10.96.200.3", "10.96.200.4"


def entry(name: str, *hosts: str, namespace: str = "shop", **spec: object) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": metadata, "spec": {"hosts": list(hosts), **spec}}


def ports(number: int, protocol: str) -> list[Object]:
    return [{"number": number, "name": "p", "protocol": protocol}]


NARROW: Object = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "Sidecar",
    "metadata": {"name": "narrow", "namespace": "shop"},
    "spec": {
        "workloadSelector": {"labels": {"app": "narrow"}},
        "egress": [{"hosts": ["./orders.example.com", "./web.example.org"]}],
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
    },
}
MACHINE: Object = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "WorkloadEntry",
    "metadata": {"name": "machine", "namespace": "shop", "labels": {"app": "stock"}},
    "spec": {"address": USERS_IP},
}

# What stands for the world is in a namespace outside the mesh, at addresses that are known beforehand.
MANIFESTS = text_of(
    namespace("shop"),
    namespace("world", enrolled=False),
    *(account(name) for name in ("caller", "narrow")),
    *(account(name, "world") for name in ("web", "orders", "users", "stranger")),
    pod("caller", ("http", 8080)),
    pod("narrow", ("http", 8080)),
    pod("stranger", ("http", 8080), namespace="world"),
    pod("web", ("http", 8080), namespace="world"),
    service("web", ("http", 80, 8080), namespace="world", clusterIP=WEB_IP),
    pod("orders", namespace="world", annotations=command(GREETING)),
    service("orders", ("tcp", 7000, 7000), namespace="world", clusterIP=ORDERS_IP),
    pod("users", namespace="world", annotations=command(GREETING)),
    service("users", ("tcp", 7000, 7000), namespace="world", clusterIP=USERS_IP),
    service("outside", ("tcp", 7001, 7000), app="users", namespace="world", clusterIP=OUTSIDE_IP),
    entry(
        "orders",
        "orders.example.com",
        resolution="DNS",
        ports=ports(7000, "TCP"),
        endpoints=[{"address": "orders.world.svc.cluster.local"}],
    ),
    entry("users", "users.example.com", resolution="STATIC", ports=ports(7000, "TCP"), endpoints=[{"address": USERS_IP}]),
    entry("web", "web.example.org", resolution="STATIC", ports=ports(80, "HTTP"), endpoints=[{"address": WEB_IP}]),
    entry("wild", "*.wild.example", ports=ports(80, "HTTP")),
    entry(
        "stock",
        "stock.internal",
        location="MESH_INTERNAL",
        resolution="STATIC",
        ports=ports(7000, "TCP"),
        workloadSelector={"labels": {"app": "stock"}},
    ),
    MACHINE,
    NARROW,
)
CALLER, NARROWED, STRANGER = "shop/caller-0", "shop/narrow-0", "world/stranger-0"


@pytest.fixture(scope="module")
def town(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write("town.yaml", MANIFESTS)
    network.up()
    return network


def resolve(network: Network, source: str, name: str) -> list[str]:
    """The addresses by which a pod finds a name."""
    answer = network.inside(source).udp("10.96.0.10", 53, dns.message.make_query(name, "A").to_wire())
    return [item.to_text() for rrset in dns.message.from_wire(answer).answer for item in rrset]


def greeting(network: Network, source: str, host: str) -> str:
    (address,) = resolve(network, source, host)
    return talk(network, source, address, 7000, b"").decode()


def first_greeting(network: Network, source: str, host: str) -> str:
    """Once Envoy has found the host's own addresses."""
    return str(wait_until(lambda: resolve(network, source, host) and greeting(network, source, host), f"{host} to answer"))


def test_two_entries_on_one_port_do_not_swallow_each_other(town: Network) -> None:
    assert first_greeting(town, CALLER, "orders.example.com") == "orders-0"
    assert greeting(town, CALLER, "users.example.com") == "users-0"


def test_only_members_are_told_of_hosts(town: Network) -> None:
    assert resolve(town, CALLER, "orders.example.com")
    assert resolve(town, STRANGER, "orders.example.com") == []
    assert resolve(town, STRANGER, "orders.world.svc.cluster.local") == [ORDERS_IP]


def test_a_host_is_known_by_its_name(town: Network) -> None:
    (address,) = resolve(town, CALLER, "web.example.org")
    answer = get(town, CALLER, address, 80, "web.example.org", "/there")
    assert (answer.status, answer.echo["pod"], answer.echo["path"]) == (200, "web-0", "/there")


def test_a_wildcard_leads_wherever_the_caller_was_going(town: Network) -> None:
    answer = get(town, CALLER, WEB_IP, 80, "any.wild.example")
    assert (answer.status, answer.echo["pod"], answer.echo["host"]) == (200, "web-0", "any.wild.example")


def test_a_selector_finds_workloads_that_are_no_pods(town: Network) -> None:
    assert greeting(town, CALLER, "stock.internal") == "users-0"


def test_unknown_hosts_are_open_where_nothing_is_said(town: Network) -> None:
    assert get(town, CALLER, WEB_IP, 80, "unknown.example").status == 200
    assert talk(town, CALLER, OUTSIDE_IP, 7001, b"") == b"users-0"


def test_a_sidecar_closes_what_it_does_not_name(town: Network) -> None:
    assert first_greeting(town, NARROWED, "orders.example.com") == "orders-0"
    (address,) = resolve(town, NARROWED, "web.example.org")
    assert get(town, NARROWED, address, 80, "web.example.org").status == 200
    assert get(town, NARROWED, WEB_IP, 80, "unknown.example").status == 502
    assert get(town, NARROWED, WEB_IP, 80, "any.wild.example").status == 502
    (users,) = resolve(town, CALLER, "users.example.com")
    for address, port in ((users, 7000), (OUTSIDE_IP, 7001)):
        assert talk(town, NARROWED, address, port, b"") == b""


def test_an_entry_comes_and_goes_while_the_network_runs(town: Network) -> None:
    late = entry("late", "late.example.com", resolution="STATIC", ports=ports(7000, "TCP"), endpoints=[{"address": ORDERS_IP}])
    held = resolve(town, CALLER, "users.example.com")
    town.write("late.yaml", text_of(late))
    assert first_greeting(town, CALLER, "late.example.com") == "orders-0"
    (town.manifests / "late.yaml").unlink()
    wait_until(lambda: not resolve(town, CALLER, "late.example.com"), "the host to go")
    assert resolve(town, CALLER, "users.example.com") == held
