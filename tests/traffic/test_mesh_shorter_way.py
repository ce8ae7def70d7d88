"""Requests between members, by the shorter way and by both proxies: the same identities, the same verdicts, the same refusals.

One network has the two servers on the callers' node, the other is told to take two passes everywhere; and `far` is on another node, where
there is no shorter way in either.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from meshed import account, caller_of, get, identity, namespace, peer_authentication, pod, service, talk, text_of
from network import Network, wait_until

from seaway.drivers.process.namespaces import in_netns
from seaway.model.names import SHORT_DSCP

UNCAPTURED = {"traffic.sidecar.istio.io/excludeOutboundPorts": "8080"}


def policy(name: str, app: str, action: str, *rules: object) -> dict[str, object]:
    spec = {"selector": {"matchLabels": {"app": app}}, "action": action, "rules": list(rules)}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


def rewriting(path: str, to: str) -> dict[str, object]:
    """Requests for api-old go to api, with another path."""
    http = [{"match": [{"uri": {"prefix": path}}], "rewrite": {"uri": to}, "route": [{"destination": {"host": "api"}}]}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "rewriting", "namespace": "shop"},
        "spec": {"hosts": ["api-old"], "http": http},
    }


CALLER = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/caller"]}}]}
READ = {"to": [{"operation": {"methods": ["GET"], "paths": ["/items*"], "ports": ["8080"]}}]}
ALLOW = policy("allow", "api", "ALLOW", {**CALLER, **READ})
DENY = policy("deny", "api", "DENY", {"to": [{"operation": {"paths": ["/items/secret"]}}]})
OTHER = policy("allow-far", "far", "ALLOW", CALLER)

MANIFESTS = text_of(
    namespace("shop"),
    namespace("away", enrolled=False),
    *(account(name) for name in ("caller", "other", "loose", "api", "far")),
    account("stranger", "away"),
    peer_authentication("STRICT"),
    *(pod(name, ("http", 8080), nodeName="node-1") for name in ("caller", "other", "api")),
    pod("loose", ("http", 8080), annotations=UNCAPTURED, nodeName="node-1"),
    pod("far", ("http", 8080), nodeName="node-2"),
    pod("stranger", ("http", 8080), namespace="away", nodeName="node-1"),
    service("api", ("http", 80, 8080)),
    service("api-old", ("http", 80, 8080), app="none"),
    service("far", ("http", 80, 8080)),
    DENY,
    OTHER,
    rewriting("/old", "/items"),
)

Make = Callable[..., Network]


@pytest.fixture(scope="module", params=["shorter way", "two passes"])
def network(request: pytest.FixtureRequest, networks: Make) -> Network:
    network: Network = networks()
    network.write("shop.yaml", MANIFESTS)
    network.write("policy.yaml", text_of(ALLOW))
    short = request.param == "shorter way"
    (network.manifests / "seaway.toml").write_text(f"nodes = 2\n[mesh]\nshorter_way = {str(short).lower()}\n")
    network.up()
    clusters = network.json("proxy", "clusters")["clusters"]
    assert any("seaway.shorter" in str(one) for one in clusters) == short
    return network


def ask(network: Network, source: str, path: str, host: str = "api.shop") -> tuple[int, str]:
    """The status, and who the application was told that it is."""
    address = network.cluster_ip("shop", host.partition(".")[0])
    answer = get(network, source, address, 80, host, path)
    return answer.status, caller_of(answer)


@pytest.mark.parametrize(
    ("source", "path", "status"),
    [
        pytest.param("shop/caller-0", "/items", 200, id="allowed"),
        pytest.param("shop/caller-0", "/items/7?x=1", 200, id="below"),
        pytest.param("shop/caller-0", "/other", 403, id="another-path"),
        pytest.param("shop/caller-0", "/items/secret", 403, id="denied"),
        pytest.param("shop/caller-0", "/items/x/../secret", 403, id="denied-whatever-the-spelling"),
        pytest.param("shop/caller-0", "/items/%73ecret", 403, id="denied-escaped"),
        pytest.param("shop/other-0", "/items", 403, id="another-caller"),
    ],
)
def test_the_same_verdict(network: Network, source: str, path: str, status: int) -> None:
    assert ask(network, source, path) == (status, identity("caller") if status == 200 else "")


def test_another_node_is_asked_there(network: Network) -> None:
    assert ask(network, "shop/caller-0", "/", "far.shop") == (200, identity("caller"))
    assert ask(network, "shop/other-0", "/", "far.shop") == (403, "")


def test_a_rewritten_path_is_judged_as_the_application_sees_it(network: Network) -> None:
    assert ask(network, "shop/caller-0", "/old/7", "api-old.shop")[0] == 200
    assert ask(network, "shop/caller-0", "/old/secret", "api-old.shop")[0] == 403


def test_a_pod_reaches_itself(network: Network) -> None:
    assert ask(network, "shop/api-0", "/items")[0] == 403, "it is not its own caller"


def knock(network: Network, source: str, address: str, port: int) -> bytes:
    """A plaintext request in packets that carry the value of the shorter way; what comes back, b"" for nothing."""
    with in_netns(network.inside(source).netns):
        made = socket.socket()
    with made:
        made.settimeout(3)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, SHORT_DSCP << 2)
        try:
            made.connect((address, port))
            made.sendall(b"GET /items HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n")
            return made.recv(4096)
        except OSError:
            return b""


@pytest.mark.parametrize("source", ["away/stranger-0", "shop/loose-0"])
@pytest.mark.parametrize("target", ["shop/api-0", "shop/far-0"])
def test_nobody_else_takes_it(network: Network, source: str, target: str) -> None:
    """Neither a pod outside the mesh nor an application whose calls are not captured."""
    assert talk(network, source, network.ip(target), 8080, b"GET /items HTTP/1.1\r\nHost: api\r\n\r\n") == b""
    assert knock(network, source, network.ip(target), 8080) == b""


def test_a_policy_that_changes_holds_at_once(network: Network) -> None:
    network.write("policy.yaml", text_of(policy("allow", "api", "ALLOW", {**READ})))
    wait_until(lambda: ask(network, "shop/other-0", "/items")[0] == 200, "everybody to be let in")
    network.write("policy.yaml", text_of(ALLOW))
    wait_until(lambda: ask(network, "shop/other-0", "/items")[0] == 403, "others to be refused again")
    assert ask(network, "shop/caller-0", "/items")[0] == 200
