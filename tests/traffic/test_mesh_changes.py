"""Changes of the mesh under load: pods join and leave, modes change, parts die. Nothing is lost that the change did not ask for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from meshed import account, caller_of, get, identity, keep_asking, namespace, peer_authentication, pod, service, text_of
from network import Answer, Load, Network, wait_until

CALLER, STRANGER, API = "shop/caller-0", "away/stranger-0", "shop/api-0"


def files(enrolled: bool = True, mode: str = "STRICT") -> dict[str, str]:
    return {
        "namespaces.yaml": text_of(namespace("shop", enrolled), namespace("away", enrolled=False)),
        "pods.yaml": text_of(
            *(account(name) for name in ("caller", "api")),
            account("stranger", "away"),
            pod("caller", ("http", 8080)),
            pod("api", ("http", 8080), ("tcp-echo", 7777)),
            service("api", ("http", 80, 8080), ("tcp-echo", 7777, 7777)),
            pod("stranger", ("http", 8080), namespace="away"),
        ),
        "mode.yaml": text_of(peer_authentication(mode)),
    }


def town_of(networks: Callable[..., Network], **how: object) -> Network:
    network = networks()
    for name, text in files(**how).items():  # type: ignore[arg-type]
        network.write(name, text)
    network.up()
    return network


@pytest.fixture(scope="module")
def town(networks: Callable[..., Network]) -> Network:
    return town_of(networks)


def calls(network: Network, source: str = CALLER) -> Load:
    address = network.cluster_ip("shop", "api")
    inside = network.inside(source)
    return Load(lambda: inside.get(address, 80, "/", "api.shop"))


def known_as(network: Network, source: str = CALLER) -> str:
    return caller_of(get(network, source, network.cluster_ip("shop", "api"), 80, "api.shop"))


def settled(network: Network, is_in: bool) -> None:
    """The pods of the shop are in the mesh, or out of it, and all that goes with it has been done."""
    inside = network.inside(API).netns
    rules = ("nsenter", f"--net={inside}", "nft", "list", "ruleset")
    wait_until(lambda: ("redirect to :15001" in network.machine.out(*rules)) == is_in, "captured or not")


def test_pods_join_and_leave_under_load(networks: Callable[..., Network]) -> None:
    town = town_of(networks, enrolled=False, mode="PERMISSIVE")
    before = {one["name"]: one["ip"] for one in town.status()["pods"]}
    agent = town.process("node-1/agent")
    connection, ask = keep_asking(town, CALLER, town.cluster_ip("shop", "api"), 80, "api")
    with connection, calls(town) as mine, calls(town, STRANGER) as others:
        assert ask().status == 200
        for enrolled in (True, False, True):
            town.write("namespaces.yaml", files(enrolled)["namespaces.yaml"])
            settled(town, enrolled)
            wait_until(lambda enrolled=enrolled: known_as(town) == (identity("caller") if enrolled else ""), "called as it should be")
            sent = (mine.sent, others.sent)
            wait_until(lambda sent=sent: mine.sent > sent[0] + 10 and others.sent > sent[1] + 10, "more requests of both")
            assert ask().status == 200, "a connection that was open before goes on as it began"
    assert (mine.failed, others.failed) == ({}, {})
    assert {one["name"]: one["ip"] for one in town.status()["pods"]} == before
    assert town.process("node-1/agent") == agent


def test_a_connection_through_a_proxy_outlives_its_pods_membership(town: Network) -> None:
    """It is asked to come again, and then goes past the proxy: who does so loses nothing."""
    town.write("mode.yaml", files(mode="PERMISSIVE")["mode.yaml"])
    wait_until(lambda: not refused(town, STRANGER), "plaintext taken")
    asking = {source: keep_asking(town, source, town.cluster_ip("shop", "api"), 80, "api") for source in (CALLER, STRANGER)}
    for _, ask in asking.values():
        assert ask().status == 200
    town.write("namespaces.yaml", files(enrolled=False)["namespaces.yaml"])
    settled(town, is_in=False)
    for connection, ask in asking.values():
        with connection:
            wait_until(lambda ask=ask: goes(ask()), "it to be asked to go")
    town.write("namespaces.yaml", files()["namespaces.yaml"])
    settled(town, is_in=True)


def goes(answer: Answer) -> bool:
    assert answer.status == 200
    return answer.headers.get("connection") == "close"


def test_modes_change_under_load(town: Network) -> None:
    with calls(town) as mine:
        for mode in ("PERMISSIVE", "DISABLE", "STRICT", "DISABLE", "PERMISSIVE", "STRICT"):
            town.write("mode.yaml", files(mode=mode)["mode.yaml"])
            expected = "" if mode == "DISABLE" else identity("caller")
            wait_until(lambda expected=expected: known_as(town) == expected, f"called as {mode} has it")
            if mode == "STRICT":
                wait_until(lambda: refused(town, STRANGER), "plaintext refused")
            else:
                wait_until(lambda: not refused(town, STRANGER), "plaintext taken")
    assert mine.failed == {}


def refused(network: Network, source: str) -> bool:
    try:
        return get(network, source, network.cluster_ip("shop", "api"), 80, "api.shop").status != 200
    except OSError:
        return True


def test_a_pod_that_is_replaced_under_load(town: Network) -> None:
    """A Deployment's pods, new ones for old, all of them meshed and strict."""
    town.write("web.yaml", rollout("1"))
    wait_until(lambda: "web" in services(town) and len(town.pods("shop/web-")) == 2, "two pods")
    address = town.cluster_ip("shop", "web")
    inside = town.inside(CALLER)
    wait_until(lambda: inside.get(address, 80, "/", "web").status == 200, "an answer")
    with Load(lambda: inside.get(address, 80, "/", "web")) as load:
        for version in ("2", "3"):
            old = set(town.pods("shop/web-"))
            town.write("web.yaml", rollout(version))
            wait_until(lambda old=old: (now := set(town.pods("shop/web-"))) and not now & old and len(now) == 2, "new pods alone")
    assert load.failed == {}
    (town.manifests / "web.yaml").unlink()


def services(network: Network) -> set[str]:
    return {one["name"] for one in network.status()["services"]}


def rollout(version: str) -> str:
    container = {"name": "web", "image": f"web:{version}", "ports": [{"name": "http", "containerPort": 8080}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}
    return text_of(deployment, service("web", ("http", 80, 8080)))


def test_the_control_plane_dies_under_load(town: Network) -> None:
    connection, ask = keep_asking(town, CALLER, town.cluster_ip("shop", "api"), 80, "api")
    with connection, calls(town) as load:
        assert ask().status == 200
        town.kill("control")
        sent = load.sent
        wait_until(lambda: load.sent > sent + 50, "requests without a control plane")
        assert ask().status == 200
        town.up()
        assert ask().status == 200
    assert load.failed == {}


def test_envoy_dies_and_comes_back(town: Network) -> None:
    with calls(town) as load:
        wait_until(lambda: load.sent > 20, "requests")
        former = town.kill("node-1/envoy")
        wait_until(lambda: other_envoy(town, former) and not refused(town, CALLER), "another Envoy")
    assert load.longest_gap_s < 15
    assert known_as(town) == identity("caller")


def other_envoy(network: Network, former: int) -> bool:
    try:
        return network.process("node-1/envoy") != former
    except OSError:
        return False


def test_what_others_flush_is_put_back(town: Network) -> None:
    inside = town.inside(API).netns
    town.machine.out("nsenter", f"--net={inside}", "nft", "flush", "ruleset")
    settled(town, is_in=True)
    assert refused(town, STRANGER)
