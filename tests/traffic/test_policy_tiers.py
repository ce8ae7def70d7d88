"""Tiers and Cilium's policies with real packets: upstream's documented examples, side by side in one network, and what gives way to what."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import pytest
from network import Network, wait_until
from policy_witness import Tried, tried_everywhere

from seaway.drivers.process.namespaces import in_netns

Make = Callable[..., Network]

PORT = 77
"""Of ICMP: what an echo is known by."""

SPACES = {
    "sensitive": "",
    "monitoring": "",
    "bar": "",
    "maple-web": "tenant: maple",
    "maple-data": "tenant: maple",
    "oak": "tenant: oak",
    "lion": "house: lion",
    "snake": "house: snake",
    "empire": "",
    "rebels": "fleet: home",
}

PODS = {
    "sensitive/vault": "node-1",
    "monitoring/scraper": "node-1",
    "bar/svc-pub": "node-2",
    "maple-web/web": "node-1",
    "maple-data/data": "node-2",
    "oak/web": "node-1",
    "lion/harry": "node-1",
    "snake/draco": "node-1",
    "empire/frontend": "node-1",
    "empire/backend": "node-1",
    "rebels/ship": "node-2",
}

POD = """---
apiVersion: v1
kind: Pod
metadata: {{name: {app}, namespace: {namespace}, labels: {{app: {app}, role: {app}}}}}
spec:
  nodeName: {node}
  containers:
  - name: {app}
    ports:
    - {{name: http, containerPort: 8080}}
    - {{name: tcp-echo, containerPort: 9000}}
    - {{name: udp-echo, containerPort: 5353, protocol: UDP}}
"""

OUTWARD = (("rebels", "ship"), ("empire", "backend"))
"""Pods with a way in from outside, which keeps the caller's address."""

SERVICE = """---
apiVersion: v1
kind: Service
metadata: {{name: {app}, namespace: {namespace}}}
spec: {{type: LoadBalancer, externalTrafficPolicy: Local, selector: {{app: {app}}}, ports: [{{port: 80, targetPort: http}}]}}
"""

WORLD = "".join(
    (
        *(f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n" for name, labels in SPACES.items()),
        *(POD.format(namespace=name.partition("/")[0], app=name.partition("/")[2], node=node) for name, node in PODS.items()),
        *(SERVICE.format(namespace=namespace, app=app) for namespace, app in OUTWARD),
    )
)


def named(space: str) -> str:
    return f"{{matchLabels: {{kubernetes.io/metadata.name: {space}}}}}"


# The use cases of https://network-policy-api.sigs.k8s.io/user-stories/, and below them those of the older API's kinds.
STORIES = f"""
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{name: nobody-to-sensitive}}
spec:
  tier: Admin
  priority: 40
  subject: {{namespaces: {named("sensitive")}}}
  ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {{name: monitoring-anywhere}}
spec:
  priority: 30
  subject: {{namespaces: {{}}}}
  ingress: [{{name: scrape, action: Allow, from: [{{namespaces: {named("monitoring")}}}]}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{name: public-service-is-delegated}}
spec:
  tier: Admin
  priority: 20
  subject: {{namespaces: {{}}}}
  egress:
  - action: Pass
    to: [{{pods: {{namespaceSelector: {named("bar")}, podSelector: {{matchLabels: {{app: svc-pub}}}}}}}}]
    protocols: [{{tcp: {{destinationPort: {{number: 8080}}}}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{name: tenant-maple}}
spec:
  tier: Admin
  priority: 50
  subject: {{namespaces: {{matchLabels: {{tenant: maple}}}}}}
  ingress:
  - {{action: Pass, from: [{{namespaces: {{matchLabels: {{tenant: maple}}}}}}]}}
  - {{action: Deny, from: [{{namespaces: {{matchExpressions: [{{key: tenant, operator: Exists}}]}}}}]}}
  egress:
  - {{action: Pass, to: [{{namespaces: {{matchLabels: {{tenant: maple}}}}}}]}}
  - {{action: Deny, to: [{{networks: [0.0.0.0/0]}}], protocols: [{{tcp: {{destinationPort: {{range: {{start: 8000, end: 8999}}}}}}}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: data, namespace: maple-data}}
spec: {{podSelector: {{}}, ingress: [{{from: [{{namespaceSelector: {{}}}}], ports: [{{port: http}}]}}]}}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicy
metadata: {{name: default}}
spec:
  subject: {{namespaces: {{matchExpressions: [{{key: kubernetes.io/metadata.name, operator: In, values: [oak, maple-data]}}]}}}}
  ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]
"""


def houses(action: str, permitted: bool, baseline: str = "Deny") -> str:
    """An Admin rule between two houses, a NetworkPolicy that lets them meet, and a Baseline rule: the specification's interplay of tiers."""
    sides = "ingress: [{{action: {0}, from: [{1}]}}]\n  egress: [{{action: {0}, to: [{1}]}}]"
    snakes = "{namespaces: {matchLabels: {house: snake}}}"
    meet = """---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: meet, namespace: lion}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{namespaceSelector: {matchLabels: {house: snake}}}]}]
  egress: [{to: [{namespaceSelector: {matchLabels: {house: snake}}}]}]
"""
    return "".join(
        f"""---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{name: houses-{tier.lower()}}}
spec:
  tier: {tier}
  priority: 10
  subject: {{namespaces: {{matchLabels: {{house: lion}}}}}}
  {sides.format(each, snakes)}
"""
        for tier, each in (("Admin", action), ("Baseline", baseline))
    ) + (meet if permitted else "")


# Shapes of https://docs.cilium.io/en/stable/security/policy/: deny before allow, ports, namespaces by their labels, ICMP, entities.
CILIUM = """
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: deny-egress, namespace: empire}
spec:
  endpointSelector: {matchLabels: {role: frontend}}
  egress: [{toEntities: [all]}]
  egressDeny: [{toEndpoints: [{matchLabels: {role: backend}}], toPorts: [{ports: [{port: "9000", protocol: TCP}]}]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: backend, namespace: empire}
specs:
- endpointSelector: {matchLabels: {role: backend}}
  ingress:
  - fromEndpoints: [{matchLabels: {role: frontend}}]
    toPorts: [{ports: [{port: "8000", endPort: 9000, protocol: TCP}]}]
  - fromEndpoints: [{matchLabels: {"k8s:io.cilium.k8s.namespace.labels.fleet": home}}]
    toPorts: [{ports: [{port: udp-echo, protocol: UDP}]}]
- endpointSelector: {matchLabels: {role: backend}}
  ingress:
  - fromEndpoints: [{matchLabels: {role: frontend}}]
    icmps: [{fields: [{type: 8, family: IPv4}]}]
  - fromEntities: [remote-node]
---
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: rebels-from-outside-only}
spec:
  endpointSelector: {matchLabels: {"k8s:io.kubernetes.pod.namespace": rebels}}
  ingress: [{fromEntities: [world]}]
  egress: [{toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": empire}}]}]
"""


@pytest.fixture(scope="module")
def network(networks: Make) -> Network:
    network = networks()
    network.write("world.yaml", WORLD)
    network.write("stories.yaml", STORIES)
    network.write("houses.yaml", houses("Deny", permitted=True))
    network.write("cilium.yaml", CILIUM)
    (network.manifests / "seaway.toml").write_text("nodes = 2\n")
    network.up()
    return network


@pytest.fixture(scope="module")
def tried(network: Network) -> list[Tried]:
    return tried_everywhere(network)


def test_packets_pass_where_the_table_says_so(tried: list[Tried]) -> None:
    assert len(tried) == len(PODS) * (len(PODS) - 1) * 3
    assert [one for one in tried if one.seen != one.wanted] == []


@pytest.mark.parametrize(
    ("source", "target", "port", "passes"),
    [
        pytest.param("oak/web", "sensitive/vault", 8080, False, id="story-1-deny"),
        pytest.param("monitoring/scraper", "sensitive/vault", 8080, True, id="story-2-allow-comes-first"),
        pytest.param("monitoring/scraper", "maple-data/data", 9000, True, id="story-2-allow-overrides-a-network-policy"),
        pytest.param("monitoring/scraper", "oak/web", 9000, True, id="story-2-allow-overrides-the-baseline"),
        pytest.param("maple-web/web", "bar/svc-pub", 8080, True, id="story-3-pass-comes-before-a-deny"),
        pytest.param("maple-web/web", "bar/svc-pub", 9000, True, id="story-3-another-port-that-the-deny-does-not-name"),
        pytest.param("maple-web/web", "snake/draco", 8080, False, id="networks-match-pods"),
        pytest.param("maple-web/web", "maple-data/data", 8080, True, id="story-4-pass-to-the-network-policy-that-allows"),
        pytest.param("maple-web/web", "maple-data/data", 9000, False, id="story-4-pass-to-the-network-policy-that-isolates"),
        pytest.param("oak/web", "maple-web/web", 9000, False, id="story-4-another-tenant"),
        pytest.param("bar/svc-pub", "maple-web/web", 9000, True, id="story-4-nobody-isolates"),
        pytest.param("bar/svc-pub", "oak/web", 8080, False, id="story-5-baseline-denies"),
        pytest.param("bar/svc-pub", "maple-data/data", 8080, True, id="story-5-a-network-policy-ends-the-matter-before-the-baseline"),
        pytest.param("empire/frontend", "empire/backend", 8080, True, id="cilium-port-range"),
        pytest.param("empire/frontend", "empire/backend", 9000, False, id="cilium-deny-beats-allow"),
        pytest.param("empire/frontend", "oak/web", 9000, False, id="cilium-allows-all-and-the-other-side-does-not"),
        pytest.param("empire/frontend", "bar/svc-pub", 9000, True, id="cilium-entity-all"),
        pytest.param("rebels/ship", "empire/backend", 9000, False, id="cilium-tcp-is-not-what-udp-is-allowed"),
        pytest.param("rebels/ship", "empire/backend", 5353, True, id="cilium-namespace-labels-and-a-named-port"),
        pytest.param("empire/frontend", "rebels/ship", 8080, False, id="cilium-pods-are-not-the-world"),
        pytest.param("rebels/ship", "bar/svc-pub", 8080, False, id="cilium-default-deny-of-egress"),
    ],
)
def test_what_upstream_documents(tried: list[Tried], source: str, target: str, port: int, passes: bool) -> None:
    (one,) = (one for one in tried if (str(one.source), one.target, one.port) == (source, target, port))
    assert one.seen == passes


@pytest.mark.parametrize(
    ("action", "permitted", "baseline", "passes"),
    [
        pytest.param("Accept", True, "Deny", True, id="accept"),
        pytest.param("Pass", True, "Deny", True, id="pass-to-a-network-policy-that-allows"),
        pytest.param("Pass", False, "Deny", False, id="pass-to-the-baseline-that-denies"),
        pytest.param("Pass", False, "Accept", True, id="pass-to-the-baseline-that-accepts"),
        pytest.param("Deny", True, "Accept", False, id="deny"),
    ],
)
def test_tiers_give_way_in_order(network: Network, action: str, permitted: bool, baseline: str, passes: bool) -> None:
    """Each change is in force as soon as the network says that it is."""
    before = network.status()["version"]
    network.write("houses.yaml", houses(action, permitted, baseline))
    wait_until(lambda: network.status()["version"] != before, "the change to be live")
    tried = tried_everywhere(network)
    assert [one for one in tried if one.seen != one.wanted] == []
    meetings = [one.seen for one in tried if {str(one.source), one.target} == {"lion/harry", "snake/draco"}]
    assert meetings == [passes] * 6


def pings(network: Network, source: str, target: str) -> bool:
    """Whether an ICMP echo comes back."""
    with in_netns(network.inside(source).netns):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    words = struct.pack("!BBHHH", 8, 0, 0xF7FF - PORT, PORT, 0)  # type, code, checksum, identifier, sequence
    with raw:
        raw.settimeout(0.4)
        raw.connect((network.ip(target), 0))
        raw.send(words)
        try:
            return raw.recv(100)[20] == 0
        except TimeoutError:
            return False


def test_icmp_has_its_own_rule(network: Network) -> None:
    assert pings(network, "empire/frontend", "empire/backend")
    assert not pings(network, "rebels/ship", "empire/backend")
    assert not pings(network, "snake/draco", "empire/backend")
    assert pings(network, "snake/draco", "bar/svc-pub")


def test_nodes_are_entities(network: Network) -> None:
    for node in ("node-1", "node-2"):
        assert network.in_node(node).get(network.ip("empire/backend"), 8080).status == 200
    assert network.in_node("node-2").get(network.ip("rebels/ship"), 8080).status == 200, "its own node"
    with pytest.raises(TimeoutError):
        network.in_node("node-1").connect(network.ip("rebels/ship"), 8080, 0.4)


def test_who_comes_from_outside_is_the_world(network: Network) -> None:
    addresses = {pod: network.service(*pod)["status"]["loadBalancer"]["ingress"][0]["ip"] for pod in OUTWARD}
    assert network.host.get(addresses["rebels", "ship"], 80).echo["pod"] == "ship"
    with pytest.raises(TimeoutError):
        network.host.connect(addresses["empire", "backend"], 80, 0.4)
