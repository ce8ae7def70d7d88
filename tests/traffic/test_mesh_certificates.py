"""Certificates, roots and Envoy itself are renewed under connections between members that all pass both proxies, by mutual TLS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mesh_town import FILES, Traffic, allow, mutual
from network import Network, wait_until

from seaway.drivers.envoy.binary import find_envoy

SHOP = ("town", "shop")
ANNA, BERT = "town/anna", "town/bert"
SETTINGS = '[mesh]\nleaf_ttl = "6s"\nshorter_way = false\n'


@pytest.fixture(scope="module")
def town(networks: Callable[..., Network]) -> Network:
    network = networks()
    for name, text in {**FILES, "security.yaml": mutual("STRICT") + allow("anna", "bert")}.items():
        network.write(name, text.removeprefix("---\n"))
    network.write("seaway.toml", SETTINGS)
    network.up()
    wait_until(lambda: answers(network) and leaf(network), "the mesh")
    return network


def answers(network: Network) -> bool:
    try:
        return network.inside(ANNA).get(network.cluster_ip(*SHOP), 80, "/", "shop.town").status == 200
    except OSError:
        return False


def leaf(network: Network) -> dict[str, Any] | None:
    rows = network.ask("certs")["certificates"]
    return next((one for one in rows if one["identity"] == "spiffe://cluster.local/ns/town/sa/anna"), None)


def roots(network: Network) -> dict[str, str]:
    return {one["fingerprint"]: one["state"] for one in network.ask("certs")["roots"]}


def test_leaves_and_roots_are_renewed_under_load(town: Network) -> None:
    with Traffic(town, SHOP, (ANNA, BERT), ANNA) as traffic:
        (before,) = (root for root, state in roots(town).items() if state == "signs")
        for _ in range(2):
            serial = (leaf(town) or {}).get("serial")
            wait_until(lambda serial=serial: (leaf(town) or {}).get("serial") not in (None, serial), "another certificate")
        made = town.json("certs", "rotate")["root"]
        wait_until(lambda: before not in roots(town) and (leaf(town) or {}).get("root") == made, "the new root alone")
    assert (traffic.lost, traffic.streams_ended) == ({}, 0)
    assert not [one["code"] for one in town.findings() if one["code"].startswith("NET060")]


@pytest.mark.slow
def test_twenty_renewals_one_after_another_end_no_stream(town: Network) -> None:
    """Of each leaf every three seconds or so: a minute of it."""
    serials: list[str | None] = []
    with Traffic(town, SHOP, (ANNA, BERT), ANNA) as traffic:
        for _ in range(20):
            wait_until(lambda: (leaf(town) or {}).get("serial") not in (None, *serials[-1:]), "another certificate")
            serials.append((leaf(town) or {}).get("serial"))
    assert (traffic.lost, traffic.streams_ended) == ({}, 0)
    assert len(set(serials)) == 20


@pytest.mark.slow
def test_another_envoy_takes_over_under_streams(town: Network) -> None:
    binary = town.home / "envoy-b"
    binary.symlink_to(find_envoy())
    first = town.process("node-1/envoy")
    with Traffic(town, SHOP, (ANNA, BERT), ANNA) as traffic:
        assert traffic.streams is not None
        streams = (traffic.streams.http1, traffic.streams.http2, traffic.streams.websockets)
        wait_until(lambda: all(one.answers > 5 for one in streams), "all streams")
        town.kill("control")
        town.up(str(town.manifests), "--envoy-path", str(binary))
        wait_until(lambda: town.process("node-1/envoy") != first, "the new one to serve")
        wait_until(lambda: all(one.ended for one in streams), "each kind of stream to come again")
        opened = [one.answers for one in streams]
        wait_until(lambda: all(one.answers > before + 5 for one, before in zip(streams, opened, strict=True)), "them to go on")
    assert traffic.lost == {}
