"""What the kernel lets pass and audits, told and counted, and policies that are suggested by it: with real packets, on two nodes."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import yaml
from network import NSENTER, Network, wait_until

from seaway.drivers.process.namespaces import in_netns

Make = Callable[..., Network]
BRIEF_S = 0.4

WORLD = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: data}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: shop}
spec:
  rules: [{host: shop.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: data}
spec: {selector: {app: db}, ports: [{name: http, port: 80, targetPort: http}, {name: tcp-echo, port: 7000, targetPort: 9000}]}
"""

POD = """---
apiVersion: v1
kind: Pod
metadata: {{name: {app}-0, namespace: {namespace}, labels: {{app: {app}}}}}
spec:
  nodeName: {node}
  containers:
  - name: {app}
    ports:
    - {{name: http, containerPort: 8080}}
    - {{name: tcp-echo, containerPort: 9000}}
    - {{name: udp-echo, containerPort: 5353, protocol: UDP}}
"""
PODS = "".join(
    POD.format(app=app, namespace=namespace, node=node)
    for app, namespace, node in (
        ("web", "shop", "node-1"),
        ("other", "shop", "node-1"),
        ("db", "data", "node-2"),
        ("near", "data", "node-1"),
    )
)
AUDIT = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: soft, namespace: data, annotations: {seaway.dev/audit: "true"}}
spec: {podSelector: {matchLabels: {app: near}}, policyTypes: [Ingress]}
"""


@pytest.fixture(scope="module")
def network(networks: Make) -> Network:
    network: Network = networks()
    network.write("world.yaml", WORLD + PODS)
    (network.manifests / "seaway.toml").write_text("nodes = 2\n[flows]\naccepts = true\n")
    network.up()
    return network


def tcp(network: Network, source: str, address: str, port: int) -> bool:
    """Whether a connection opens, and an echo answers."""
    with suppress(OSError), network.inside(source).connect(address, port, BRIEF_S) as connection:
        connection.sendall(b"x")
        connection.settimeout(3)
        return connection.recv(10) != b""
    return False


def counted(network: Network, node: str, chain: str) -> int:
    """Packets by the counter of a chain of the node's table."""
    netns = f"/proc/{network.anchor}/root{network.state}/ns/node_{node}"
    words = [NSENTER, f"--net={netns}", "nft", "list", "chain", "inet", "seaway", chain]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found = re.search(r"counter packets (\d+)", listed)
    assert found is not None, listed
    return int(found[1])


def flows(network: Network, source: str, target: str, port: int, verdict: str = "accepted") -> list[dict[str, Any]]:
    told = network.json("flows", "--verdict", verdict, "--from", source, "--to", target)["flows"]
    return [one for one in told if (one["reporter"], one["destination"]["port"]) == ("kernel", port)]


def test_new_connections_are_told_once_and_counted(network: Network) -> None:
    """Across nodes by the destination's alone; replies and further packets are none."""
    before = {node: counted(network, node, "accepted") for node in ("node-1", "node-2")}
    for _ in range(3):
        assert tcp(network, "shop/web-0", network.cluster_ip("data", "db"), 7000)
    told = wait_until(lambda: len(found := flows(network, "shop/web-0", "data/db-0", 9000)) == 3 and found, "three records")
    assert {one["node"] for one in told} == {"node-2"}
    assert {one["text"] for one in told} == {"let pass: no network policy has a say"}
    assert {node: counted(network, node, "accepted") - count for node, count in before.items()} == {"node-1": 0, "node-2": 3}


def test_a_flood_is_counted_and_not_told_of_altogether(network: Network) -> None:
    before = counted(network, "node-1", "accepted")
    address = network.ip("data/near-0")
    sockets: list[socket.socket] = []
    with in_netns(network.inside("shop/other-0").netns):
        sockets += [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(900)]
    for one in sockets:
        one.sendto(b"k", (address, 5353))
    wait_until(lambda: counted(network, "node-1", "accepted") >= before + 900, "all to be counted")
    assert counted(network, "node-1", "accepted") == before + 900
    for one in sockets:  # not before: each is to have a port of its own
        one.close()
    told = wait_until(lambda: flows(network, "shop/other-0", "data/near-0", 5353), "some of them")
    assert len(told) < 900


def test_what_is_only_audited_passes_and_is_told_once(network: Network) -> None:
    path = network.write("audit.yaml", AUDIT)
    address = network.ip("data/near-0")

    def told() -> list[dict[str, Any]]:
        assert tcp(network, "shop/web-0", address, 9000)
        return flows(network, "shop/web-0", "data/near-0", 9000, "audited")

    (first, *_) = wait_until(told, "the audited connection to be told of")
    assert first["text"] == "ingress: default deny of NetworkPolicy data/soft"
    assert [(one["name"], one["file"].rpartition("/")[2], one["line"]) for one in first["because"]] == [("soft", "audit.yaml", 2)]
    before = counted(network, "node-1", "accepted"), counted(network, "node-1", "audited")
    assert tcp(network, "shop/web-0", address, 9000)
    assert (counted(network, "node-1", "accepted"), counted(network, "node-1", "audited")) == (before[0], before[1] + 1)
    path.unlink()
    wait_until(lambda: not network.ask("get", kind="networkpolicy", name=None, namespace=None, selector="")["items"], "the policy to leave")


def test_policies_by_what_was_seen_shut_what_was_not(network: Network) -> None:
    db, near = network.ip("data/db-0"), network.ip("data/near-0")
    assert network.host.get(network.gateway, 80, "/", "shop.test").echo["pod"] == "web-0"
    assert network.inside("shop/web-0").udp(near, 5353, b"hi") == b"hi"
    assert tcp(network, "shop/web-0", db, 9000)

    def suggested() -> Any:
        found = network.json("policy", "suggest")
        pairs = {(one["from"].get("name"), one["to"].get("name"), one["port"]) for one in found["needs"]}
        wanted = {("gateway", "web-0", 8080), ("web-0", "near-0", 5353), ("web-0", "db-0", 9000)}
        return found if wanted <= pairs else None

    found = wait_until(suggested, "all flows to be told of")
    assert found["summary"]["broken"] == found["summary"]["opened"] == 0
    assert tcp(network, "data/near-0", db, 9000)
    names = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in found["policies"]}
    assert {("shop", "default-deny"), ("shop", "allow-web-0"), ("data", "allow-db-0")} <= names

    path = network.write("suggested.yaml", found["yaml"])
    assert [one for one in yaml.safe_load_all(path.read_text()) if one] == found["policies"]
    wait_until(lambda: not tcp(network, "data/near-0", db, 9000), "what was not seen to be shut")
    assert not tcp(network, "shop/other-0", db, 9000)
    assert not tcp(network, "shop/web-0", db, 8080)
    assert network.host.get(network.gateway, 80, "/", "shop.test").echo["pod"] == "web-0"
    assert network.inside("shop/web-0").udp(near, 5353, b"hi") == b"hi"
    assert tcp(network, "shop/web-0", network.cluster_ip("data", "db"), 7000)
    for words in ((), ("+tcp",)):
        said = network.text("exec", "shop/web-0", "--", "dig", "+short", *words, "db.data.svc.cluster.local")
        assert said.strip() == network.cluster_ip("data", "db")

    def named() -> list[dict[str, Any]]:
        return [one for one in flows(network, "shop/web-0", "data/db-0", 9000) if one["because"]]

    told = wait_until(named, "an accept with the rules that let it pass")[-1]
    rules = "let pass by egress: rule 1 of NetworkPolicy shop/allow-web-0; ingress: rule 1 of NetworkPolicy data/allow-db-0"
    assert told["text"] == rules
    lines = path.read_text().splitlines()
    assert {one["file"].rpartition("/")[2] for one in told["because"]} == {"suggested.yaml"}
    assert all(lines[one["line"] - 1].strip() in ("- to:", "- from:") for one in told["because"])
