"""A route and the subset that it leads to change together, while requests go on."""

from __future__ import annotations

from collections.abc import Callable

from meshed import Object, account, namespace, pod, service, text_of
from network import Load, Network, wait_until

CHANGES = 8


def web(version: int) -> Object:
    made = pod("web", ("http", 8080))
    return {**made, "metadata": {**made["metadata"], "name": f"web-{version}", "labels": {"app": "web", "version": str(version)}}}


def istio(kind: str, spec: Object) -> Object:
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


PODS = text_of(
    namespace("shop"),
    *(account(name) for name in ("caller", "web")),
    pod("caller", ("http", 8080)),
    *(web(version) for version in (0, 1)),
    service("web", ("http", 80, 8080)),
)


def routed(number: int) -> str:
    """A route and the subset that it leads to, both under a name that was not there before."""
    subset = f"take-{number}"
    labels = {"version": str(number % 2)}
    return text_of(
        istio("VirtualService", {"hosts": ["web"], "http": [{"route": [{"destination": {"host": "web", "subset": subset}}]}]}),
        istio("DestinationRule", {"host": "web", "subsets": [{"name": subset, "labels": labels}]}),
    )


def test_a_route_changes_with_its_subset_under_load(networks: Callable[..., Network]) -> None:
    network: Network = networks()
    network.write("pods.yaml", PODS)
    network.write("routes.yaml", routed(0))
    network.up()
    address = network.cluster_ip("shop", "web")
    inside = network.inside("shop/caller-0")
    with Load(lambda: inside.get(address, 80, "/", "web")) as load:
        for number in range(1, CHANGES + 1):
            load.pods.clear()
            network.write("routes.yaml", routed(number))
            wait_until(lambda number=number: load.pods[f"web-{number % 2}"] > 5, "requests by the new subset")
    assert load.failed == {}
