"""The guide's manifests as they are: what can be started is started, the rest is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from network import ROOT, Network

GUIDE = Path(os.environ.get("SEAWAY_GUIDE", ROOT.parent / "shared" / "guide"))

pytestmark = pytest.mark.skipif(not GUIDE.is_dir(), reason=f"the guide's manifests are not in {GUIDE} (SEAWAY_GUIDE names another folder)")


@pytest.fixture(scope="module")
def guide(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.up(str(GUIDE))
    return network


def test_the_controller_runs(guide: Network) -> None:
    pods = guide.pods("ingress-nginx/")
    assert len(pods) == 2
    assert all(pod["ready"] for pod in guide.status()["pods"])
    assert {pod["runs"] for pod in guide.status()["pods"] if pod["namespace"] == "ingress-nginx"} == {"gateway"}


def test_the_gateway_answers_what_it_must(guide: Network) -> None:
    """Its hosts have rules, but no Service of theirs is in the manifests; other hosts are not known at all."""
    items = guide.json("get", "ingress", "-A")["items"]
    hosts = {rule["host"] for one in items for rule in one["spec"].get("rules", ())}
    for host in hosts:
        answer = guide.host.get(guide.gateway, 443, "/", host, tls=True)
        assert answer.status in (404, 503), host
    assert guide.host.get(guide.gateway, 80, "/", "unknown.test").status == 404


def test_kinds_that_are_not_modelled_are_named_once_with_their_count(guide: Network) -> None:
    document = guide.ask("check")
    kinds = [one["kind"] for one in document["coverage"]["notModelled"]]
    assert len(kinds) == len(set(kinds))
    assert {"NetworkPolicy"} <= {kind.rpartition("/")[2] for kind in kinds}, kinds
    assert all(one["count"] > 0 for one in document["coverage"]["notModelled"])
