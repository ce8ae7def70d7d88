"""Network policies with real packets: who gets through, what a change does to open connections, and that the kernel, the verdict table and
`probe` agree on every pair."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from network import Network, wait_until

from seaway.app.state import read_leases
from seaway.frontends.build import build_model
from seaway.model.defaults import default_cluster
from seaway.model.index import Model
from seaway.model.policies.language import Transport
from seaway.model.workload import PodName
from seaway.sources.files import FileSource

Make = Callable[..., Network]

BRIEF_S = 0.4
"""How long a packet that is to be dropped is waited for."""

WORLD = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: guests, labels: {team: guests}}
---
apiVersion: v1
kind: Namespace
metadata: {name: mesh, labels: {istio-injection: enabled}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: shop}
spec:
  rules:
  - {host: shop.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}
  - {host: api.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: api, port: {number: 80}}}}]}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: server, namespace: mesh}
spec: {selector: {app: server}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-echo, port: 9000, targetPort: 9000}]}
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
    - {{name: http, containerPort: {port}}}
    - {{name: tcp-echo, containerPort: 9000}}
    - {{name: udp-echo, containerPort: 5353, protocol: UDP}}
"""

PODS = "".join(
    POD.format(app=app, namespace=namespace, node=node, port=port)
    for app, namespace, node, port in (
        ("web", "shop", "node-1", 8080),
        ("api", "shop", "node-1", 8081),
        ("far", "shop", "node-2", 8080),
        ("guest", "guests", "node-1", 8080),
        ("client", "mesh", "node-1", 8080),
        ("other", "mesh", "node-1", 8080),
        ("server", "mesh", "node-1", 8080),
    )
)

CLOSED = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
  - {from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: seaway-system}}}], ports: [{port: http}]}
  - {from: [{ipBlock: {cidr: 198.18.0.0/15, except: [198.18.0.2/32]}}], ports: [{port: 9000}]}
  egress:
  - {to: [{podSelector: {}}], ports: [{port: http}, {port: 5353, protocol: UDP}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [api, far]}]}
  policyTypes: [Ingress]
  ingress:
  - {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: http}, {port: 5353, protocol: UDP}]}
  - {from: [{namespaceSelector: {matchLabels: {team: guests}}}], ports: [{port: 8990, endPort: 9001}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: server, namespace: mesh}
spec:
  podSelector: {matchLabels: {app: server}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 8080}, {port: 9000}]}]
"""


def changing(*callers: str) -> str:
    """The policy of the guests: who may open connections to them."""
    peers = ", ".join(f"{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: {one}}}}}}}" for one in callers)
    return f"""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: guests, namespace: guests}}
spec:
  podSelector: {{}}
  policyTypes: [Ingress]
  ingress: [{{from: [{peers}]}}]
"""


@pytest.fixture(scope="module")
def network(networks: Make) -> Network:
    network: Network = networks()
    network.write("world.yaml", WORLD + PODS)
    network.write("policies.yaml", CLOSED)
    network.write("guests.yaml", changing("client", "other"))
    (network.manifests / "seaway.toml").write_text("nodes = 2\n")
    network.up()
    return network


def tcp(network: Network, source: str, target: str, port: int) -> bool:
    """Whether a connection opens, and carries something back."""
    try:
        with network.inside(source).connect(network.ip(target), port, BRIEF_S) as connection:
            connection.settimeout(3)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return connection.recv(100) != b""
    except OSError:
        return False


def udp(network: Network, source: str, target: str, port: int = 5353) -> bool:
    with suppress(OSError):
        return network.inside(source).udp(network.ip(target), port, b"hello", BRIEF_S) == b"hello"
    return False


@pytest.mark.parametrize(
    ("source", "target", "port", "passes"),
    [
        pytest.param("shop/web-0", "shop/api-0", 8081, True, id="named-port"),
        pytest.param("shop/web-0", "shop/far-0", 8080, True, id="named-port-of-another-number-on-another-node"),
        pytest.param("shop/web-0", "shop/far-0", 9000, False, id="another-port"),
        pytest.param("shop/api-0", "shop/web-0", 8080, False, id="the-other-way-round"),
        pytest.param("guests/guest-0", "shop/api-0", 9000, True, id="port-range-from-a-namespace"),
        pytest.param("guests/guest-0", "shop/api-0", 8081, False, id="out-of-the-range"),
        pytest.param("guests/guest-0", "shop/web-0", 8080, False, id="another-namespace"),
        pytest.param("shop/web-0", "mesh/other-0", 9000, False, id="egress"),
        pytest.param("guests/guest-0", "mesh/other-0", 9000, True, id="no-policy"),
        pytest.param("mesh/client-0", "mesh/server-0", 9000, True, id="member-to-member-by-two-passes"),
        pytest.param("guests/guest-0", "mesh/server-0", 8080, False, id="outsider-to-member"),
        pytest.param("mesh/client-0", "shop/web-0", 9000, False, id="member-to-outsider"),
    ],
)
def test_connections(network: Network, source: str, target: str, port: int, passes: bool) -> None:
    assert tcp(network, source, target, port) == passes


def test_members_by_the_shorter_way_are_judged_by_their_own_addresses(network: Network) -> None:
    address = network.cluster_ip("mesh", "server")
    answer = network.inside("mesh/client-0").get(address, 80, host="server.mesh", timeout=5)
    assert (answer.status, answer.echo["pod"]) == (200, "server-0")
    with network.inside("mesh/other-0").connect(address, 80) as connection:  # its own proxy takes it; what the proxy sends is dropped
        connection.settimeout(BRIEF_S)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: server.mesh\r\nConnection: close\r\n\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(100)


def test_udp_and_dns_under_default_deny(network: Network) -> None:
    assert udp(network, "shop/web-0", "shop/api-0")
    assert not udp(network, "guests/guest-0", "shop/api-0")
    for words in ((), ("+tcp",)):
        said = network.text("exec", "shop/web-0", "--", "dig", "+short", *words, "api.shop.svc.cluster.local")
        assert said.strip() == network.cluster_ip("shop", "api")


def test_gateways_are_callers_like_any_other(network: Network) -> None:
    assert network.host.get(network.gateway, 80, "/", "shop.test").echo["pod"] == "web-0"
    with network.host.connect(network.gateway, 80) as connection:
        connection.settimeout(BRIEF_S)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(100)


def test_a_pod_reaches_itself_and_its_node_reaches_it(network: Network) -> None:
    with network.inside("shop/web-0").connect(network.cluster_ip("shop", "web"), 80) as connection:
        assert connection.getpeername()[1] == 80
    assert network.in_node().get(network.ip("shop/api-0"), 8081).status == 200
    with pytest.raises(TimeoutError):
        network.in_node("node-2").connect(network.ip("shop/api-0"), 8081, BRIEF_S)


def test_drops_are_told_with_the_line_that_denies_them(network: Network) -> None:
    assert not tcp(network, "guests/guest-0", "shop/web-0", 8080)
    assert not tcp(network, "shop/api-0", "guests/guest-0", 9000)

    def told(source: str, target: str) -> list[dict[str, Any]]:
        flows = network.json("flows", "--verdict", "denied", "--from", source, "--to", target)["flows"]
        return [
            one for one in flows if (one["reporter"], one["destination"]["port"]) == ("kernel", 8080 if target == "shop/web-0" else 9000)
        ]

    (first, *_) = wait_until(lambda: told("guests/guest-0", "shop/web-0"), "the dropped packet to be told of")
    assert (first["destination"]["pod"], first["destination"]["port"], first["protocol"]) == ("web-0", 8080, "TCP")
    nearest = "nearest rule differs in namespace seaway-system (asked is guests) ("
    assert first["text"].startswith(f"ingress: default deny of NetworkPolicy shop/closed, NetworkPolicy shop/web, {nearest}")
    assert [(one["name"], one["file"].rpartition("/")[2], one["line"]) for one in first["because"]] == [
        ("closed", "policies.yaml", 2),
        ("web", "policies.yaml", 15),
    ]
    (other, *_) = wait_until(lambda: told("shop/api-0", "guests/guest-0"), "the other one, too")
    assert other["text"].startswith("egress: default deny of NetworkPolicy shop/closed")


def model_of(network: Network) -> Model:
    """What these manifests mean with the addresses that the network has."""
    snapshot = FileSource((str(network.manifests),)).read()
    return build_model(snapshot, default_cluster(2), read_leases(network.state / "leases.json")).model


def test_probe_says_of_every_pair_what_the_verdict_table_says(network: Network) -> None:
    verdicts = model_of(network).verdicts
    probes = network.json("probe")["probes"]
    assert len(probes) > 100
    wrong: list[str] = []
    for one in probes:
        source, target = (PodName(*one[end].split("/")) for end in ("from", "to"))
        if "seaway-system" in (source.namespace, target.namespace):
            continue  # made by the network that runs, under another name
        numbers = (verdicts.identity_of_pod[source], verdicts.identity_of_pod[target])
        wanted = verdicts.verdict(*numbers, Transport(one["protocol"]), one["port"]).allowed
        if wanted != one["allowed"]:
            wrong.append(f"{one} should be {wanted}")
    assert wrong == []


def answers(connection: socket.socket, patience_s: float = BRIEF_S) -> bool:
    """Whether an echo still answers on this connection."""
    connection.settimeout(patience_s)
    try:
        connection.sendall(b"x")
        return connection.recv(10) != b""
    except OSError:
        return False


class Knocking:
    """Datagrams from a pod to the guest, each from a port of its own, so that each is judged; and whether each came back."""

    def __init__(self, network: Network, source: str) -> None:
        self._client = network.inside(source)
        self._address = network.ip("guests/guest-0")
        self._over = threading.Event()
        self._seen: list[bool] = []
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                self._seen.append(self._client.udp(self._address, 5353, b"k", 0.5) == b"k")
            except OSError:
                self._seen.append(False)
            time.sleep(0.001)

    def stop(self) -> list[bool]:
        self._over.set()
        self._thread.join(10)
        return self._seen


def test_a_change_bites_open_connections_and_spares_those_that_stay_allowed(network: Network) -> None:
    echo = network.ip("guests/guest-0")
    kept, lost = (network.inside(f"mesh/{one}-0").connect(echo, 9000) for one in ("client", "other"))
    assert answers(kept, 3)
    assert answers(lost, 3)
    steady = Knocking(network, "mesh/client-0")
    network.write("guests.yaml", changing("client"))
    wait_until(lambda: not udp(network, "mesh/other-0", "guests/guest-0"), "the policy to shut")
    assert not answers(lost)
    assert answers(kept, 3)
    network.write("guests.yaml", changing("client", "other"))
    wait_until(lambda: udp(network, "mesh/other-0", "guests/guest-0"), "the policy to open again")
    seen = steady.stop()
    assert len(seen) > 20
    assert all(seen), "nothing that is allowed all the time is lost"
    assert answers(kept, 3)
    kept.close()
    lost.close()


def test_what_is_shut_stays_shut_through_changes(network: Network) -> None:
    """Other policies and pods come and go meanwhile: nothing leaks, and nothing is lost."""
    network.write("guests.yaml", changing("client"))
    wait_until(lambda: not udp(network, "mesh/other-0", "guests/guest-0"), "the policy to shut")
    shut, open_ = Knocking(network, "mesh/other-0"), Knocking(network, "mesh/client-0")
    for number in range(4):
        network.write("more.yaml", POD.format(app=f"more{number}", namespace="shop", node="node-1", port=80))
        network.write("guests.yaml", changing("client", f"more{number}"))
        name = f"shop/more{number}-0"
        wait_until(lambda name=name: name in network.pods("shop/more"), "the new pod")
    assert not any(shut.stop())
    assert all(open_.stop())


def test_an_address_inherits_nothing(network: Network) -> None:
    """A pod is replaced by one of other labels at the same address: it may not go on where the former one might."""
    network.write("more.yaml", POD.format(app="client", namespace="guests", node="node-1", port=80))
    wait_until(lambda: "guests/client-0" in network.pods("guests/client"), "the pod")
    before = network.ip("guests/client-0")
    kept = network.inside("guests/client-0").connect(network.ip("guests/guest-0"), 9000)
    assert answers(kept, 3)
    text = POD.format(app="client", namespace="guests", node="node-1", port=80)
    network.write("more.yaml", text.replace("labels: {app: client}", "labels: {app: x}"))
    wait_until(lambda: not answers(kept), "the policy to judge by the new labels")
    assert network.ip("guests/client-0") == before
    assert not udp(network, "guests/client-0", "guests/guest-0")
    kept.close()


def test_a_foreign_flush_is_mended(network: Network) -> None:
    client = network.in_node()
    argv = ["nsenter", f"--net={client.netns}", "nft", "flush", "ruleset"]
    assert network.machine.run(*argv).returncode == 0
    wait_until(lambda: not tcp(network, "guests/guest-0", "shop/web-0", 8080), "the policies to be back", 2.0)
    assert tcp(network, "shop/web-0", "shop/api-0", 8081)


def test_the_kernel_holds_few_rules_for_what_packets_meet(network: Network) -> None:
    rules = network.machine.out("nsenter", f"--net={network.in_node().netns}", "nft", "list", "chain", "inet", "seaway", "forward")
    assert len([line for line in rules.splitlines() if "\t\t" in line]) == 13
