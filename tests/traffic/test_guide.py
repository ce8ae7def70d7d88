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


def test_every_kind_is_modelled(guide: Network) -> None:
    assert guide.ask("check")["coverage"]["notModelled"] == []
    assert {one["kind"] for one in guide.json("get", "networkpolicies", "-A")["items"]} == {"NetworkPolicy"}


@pytest.mark.parametrize(
    ("code", "place", "words"),
    [
        pytest.param("NET0576", "traffic-management.yaml:43", "circuitBreaker", id="9-circuit-breaker"),
        pytest.param("NET0577", "traffic-management.yaml:53", "outlierDetection", id="10-port-level-settings"),
        pytest.param("NET0577", "traffic-management.yaml:63", "outlierDetection", id="10-port-level-settings-of-canary"),
        pytest.param("NET0547", "traffic-management.yaml:16", "product-service", id="11-no-such-service"),
        pytest.param("NET0578", "traffic-management.yaml:35", "product-service", id="11-no-such-host"),
        pytest.param("NET0641", "security-policies.yaml:19", "api-gateway may do anything", id="12-ored-rules"),
        pytest.param("NET0642", "security-policies.yaml:28", "user-role", id="13-a-header-of-the-callers"),
        pytest.param("NET0596", "security-policies.yaml:8", "ingress-nginx/nginx-ingress-controller", id="14-strict"),
        pytest.param("NET0597", "security-policies.yaml:40", "5432", id="15-an-entry-without-address"),
        pytest.param("NET0643", "security-policies.yaml:16", "app: product-service", id="16-selects-no-pod"),
    ],
)
def test_traps_of_its_mesh_are_named(guide: Network, code: str, place: str, words: str) -> None:
    found = [(one["code"], f"{Path(one['file']).name}:{one['line']}", one["message"]) for one in guide.findings()]
    assert [message for one, where, message in found if (one, where) == (code, place) and words in message], found


@pytest.mark.parametrize(
    ("code", "line"),
    [
        pytest.param("NET0703", 7, id="selects-no-pod"),
        pytest.param("NET0705", 15, id="no-namespace-has-a-name"),
        pytest.param("NET0704", 18, id="pods-of-another-namespace"),
        pytest.param("NET0705", 33, id="no-namespace-has-a-name-for-dns"),
        pytest.param("NET0706", 33, id="two-items-are-either"),
        pytest.param("NET0707", 39, id="dns-over-udp-only"),
        pytest.param("NET0716", 71, id="an-empty-list-is-anyone"),
    ],
)
def test_traps_of_its_network_policies_are_named(guide: Network, code: str, line: int) -> None:
    found = {(one["code"], Path(one["file"]).name, one["line"]) for one in guide.findings()}
    assert (code, "network-policies.yaml", line) in found, found
