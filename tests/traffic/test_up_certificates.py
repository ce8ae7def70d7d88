"""Certificates of a network that `seaway up` runs: who has one, how roots change, what a killed part leaves, and that no key is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from network import Network, wait_until

MESH = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  serviceAccountName: web
  containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: outsider, namespace: default}
spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
"""
WEB = "spiffe://cluster.local/ns/shop/sa/web"


@pytest.fixture(scope="module")
def mesh(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write("mesh.yaml", MESH)
    network.write("seaway.toml", '[mesh]\nleaf_ttl = "6s"\n')
    network.up()
    wait_until(lambda: leaf(network), "a certificate")
    return network


def leaf(network: Network) -> dict[str, Any] | None:
    rows = network.ask("certs")["certificates"]
    return next((one for one in rows if one["identity"] == WEB), None)


def roots(network: Network) -> dict[str, str]:
    return {one["fingerprint"]: one["state"] for one in network.ask("certs")["roots"]}


def test_members_have_certificates_and_others_have_none(mesh: Network) -> None:
    shown = mesh.json("certs")["certificates"]
    identities = {one["identity"] for one in shown if one["kind"] == "workload"}
    assert WEB in identities
    assert not any("/ns/default/" in one for one in identities)
    assert any(one["kind"] == "gateway" for one in shown)
    assert WEB in mesh.text("certs")


def test_they_are_renewed_long_before_they_end(mesh: Network) -> None:
    first = leaf(mesh)
    assert first is not None
    wait_until(lambda: (now := leaf(mesh)) and now["serial"] != first["serial"], "renewal")
    assert not [one for one in mesh.findings() if one["code"] == "NET0609"]


@pytest.mark.slow
def test_a_root_is_rotated_by_hand(mesh: Network) -> None:
    (before,) = (root for root, state in roots(mesh).items() if state == "signs")
    made = mesh.json("certs", "rotate")["root"]
    wait_until(lambda: roots(mesh).get(made) == "signs", "the new root to sign")
    wait_until(lambda: before not in roots(mesh), "the old root to go")
    wait_until(lambda: (now := leaf(mesh)) and now["root"] == made, "a certificate of the new root")


def test_a_killed_agent_makes_other_keys(mesh: Network) -> None:
    first = leaf(mesh)
    assert first is not None
    mesh.kill("node-1/agent")
    wait_until(lambda: (now := leaf(mesh)) and now["serial"] != first["serial"], "another certificate")


def test_a_killed_control_plane_rotates_when_it_is_back(mesh: Network) -> None:
    before = set(roots(mesh))
    mesh.kill("control")
    mesh.up()
    wait_until(lambda: (set(roots(mesh)) - before) & {root for root, state in roots(mesh).items() if state == "signs"}, "another root")
    wait_until(lambda: (now := leaf(mesh)) and now["root"] not in before, "a certificate of it")


def test_no_workload_s_key_is_kept(mesh: Network) -> None:
    """The gateway's own default certificate is the one that outlives a network, with its key (docs/architecture.md)."""
    files = [path for path in mesh.home.rglob("*") if path.is_file() and not path.is_symlink() and "/ns/" not in str(path)]
    holding = {path.name for path in files if b"PRIVATE KEY" in path.read_bytes()}
    assert holding <= {"default-certificate.pem"}
    assert "trust-bundle.pem" in {path.name for path in files}
    for words in (("certs",), ("proxy", "secrets"), ("status",)):
        assert "PRIVATE KEY" not in mesh.text(*words, "-o", "json")
