"""Policies by names of domains with real packets: what a DNS answer gave passes, from the answer on and as long as it said, and nothing else."""

from __future__ import annotations

import fcntl
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from network import Client, Network, wait_until

from seaway.drivers.process.namespaces import in_netns

Make = Callable[..., Network]

BRIEF_S = 0.4
RESOLVER = "203.0.113.53"
SERVERS = tuple(f"203.0.113.{number}" for number in range(10, 17))
FIRST, SECOND, CDN, DEEPER, BARE, PARTNER, UNASKED = SERVERS

WORLD = """
apiVersion: v1
kind: Namespace
metadata: {name: empire}
""" + "".join(
    f"""---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: empire, labels: {{class: {name}}}}}
spec: {{nodeName: {node}, containers: [{{name: main}}]}}
"""
    for name, node in (("mediabot", "node-1"), ("far", "node-2"), ("partner", "node-2"), ("free", "node-1"), ("unfed", "node-1"))
)

POLICIES = """
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: fqdn, namespace: empire}
specs:
- endpointSelector: {matchExpressions: [{key: class, operator: In, values: [mediabot, far, unfed]}]}
  egress:
  - toFQDNs: [{matchName: API.example.com}, {matchPattern: "*.cdn.example.com"}]
    toPorts: [{ports: [{port: "443", protocol: TCP}]}]
- endpointSelector: {matchExpressions: [{key: class, operator: In, values: [mediabot, far]}]}
  egress:
  - toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": kube-system}}]
    toPorts: [{ports: [{port: "53", protocol: ANY}], rules: {dns: [{matchPattern: "*.example.com"}, {matchPattern: "**.cdn.example.com"}]}}]
- endpointSelector: {matchLabels: {class: unfed}}
  egress:
  - toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": kube-system}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: partners}
spec:
  tier: Admin
  priority: 5
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {class: partner}}}}
  egress:
  - {action: Accept, to: [{namespaces: {}}]}
  - {action: Accept, to: [{domainNames: ["*.partner.test."]}]}
  - {action: Deny, to: [{networks: [0.0.0.0/0]}]}
"""

OTHER = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: other, namespace: empire}
spec: {podSelector: {matchLabels: {class: free}}, ingress: []}
"""


@dataclass
class Resolver:
    """Knows some names outside, each with an address and how long it is good for; of all others it says that they do not exist."""

    sock: socket.socket
    names: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])

    def __post_init__(self) -> None:
        self.sock.settimeout(0.2)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self.sock.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                packet, peer = self.sock.recvfrom(4096)
            except TimeoutError:
                continue
            question = dns.message.from_wire(packet)
            answer = dns.message.make_response(question)
            asked = question.question[0]
            known = self.names.get(asked.name.to_text(omit_final_dot=True).lower())
            if known is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif asked.rdtype == dns.rdatatype.A:
                answer.answer.append(dns.rrset.from_text(asked.name, known[1], "IN", "A", known[0]))
            self.sock.sendto(answer.to_wire(), peer)


@dataclass
class Outside:
    """The network with what is outside of it: servers on ports 443 and 80 of every address, and the resolver."""

    network: Network
    resolver: Resolver

    def ask(self, pod: str, name: str, kind: str = "A") -> dns.message.Message:
        """What cluster DNS answers a pod."""
        query = dns.message.make_query(name, kind)
        server = self.network.cluster_ip("kube-system", "kube-dns")
        return dns.message.from_wire(self.network.inside(f"empire/{pod}").udp(server, 53, query.to_wire(), 5))

    def address(self, pod: str, name: str) -> str:
        return str(self.ask(pod, name).answer[0][0])

    def connect(self, pod: str, address: str, port: int = 443) -> socket.socket:
        return self.network.inside(f"empire/{pod}").connect(address, port, BRIEF_S)

    def passes(self, pod: str, address: str, port: int = 443) -> bool:
        try:
            self.connect(pod, address, port).close()
        except TimeoutError:
            return False
        return True


def unacknowledged(connection: socket.socket) -> int:
    """Bytes that the peer has not taken yet."""
    return int.from_bytes(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


@pytest.fixture(scope="module")
def outside(networks: Make) -> Iterator[Outside]:
    network = networks()
    network.write("world.yaml", WORLD)
    network.write("policies.yaml", POLICIES)
    (network.manifests / "seaway.toml").write_text(f'nodes = 2\n[cluster]\ndns_upstreams = ["{RESOLVER}"]\n')
    network.up()
    fabric = Client(Path(f"/proc/{network.anchor}/ns/net"))
    for address in (RESOLVER, *SERVERS):
        argv = ["nsenter", f"--net={fabric.netns}", "ip", "address", "add", f"{address}/32", "dev", "lo"]
        subprocess.run(argv, check=True)
    with ExitStack() as stack:
        with in_netns(fabric.netns):
            for port in (443, 80):
                stack.enter_context(socket.create_server(("0.0.0.0", port), backlog=4096))
            asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            asked.bind((RESOLVER, 53))
        resolver = Resolver(asked)
        stack.callback(resolver.close)
        resolver.names |= {
            "api.example.com": (FIRST, 1),
            "img.cdn.example.com": (CDN, 60),
            "a.b.cdn.example.com": (DEEPER, 60),
            "cdn.example.com": (BARE, 60),
            "eu.api.partner.test": (PARTNER, 60),
            "partner.test": (BARE, 60),
        }
        yield Outside(network, resolver)


def test_what_was_never_asked_for_is_denied(outside: Outside) -> None:
    assert not outside.passes("mediabot", FIRST)
    assert not outside.passes("partner", PARTNER)
    assert outside.passes("free", FIRST)


@pytest.mark.parametrize("pod", ["mediabot", "far"])
def test_an_answer_opens_its_address_before_the_pod_has_it(outside: Outside, pod: str) -> None:
    """On the node of cluster DNS, and on another one; for this pod, on the ports of the rule."""
    assert outside.address(pod, "img.cdn.example.com") == CDN
    outside.connect(pod, CDN).close()
    assert not outside.passes(pod, CDN, 80)
    assert not outside.passes(pod, UNASKED)


def test_patterns_stay_within_a_label(outside: Outside) -> None:
    for name, address in (("a.b.cdn.example.com", DEEPER), ("cdn.example.com", BARE)):
        assert outside.address("mediabot", name) == address
        assert not outside.passes("mediabot", address)


def test_answers_to_others_open_nothing(outside: Outside) -> None:
    for pod in ("free", "unfed"):
        assert outside.address(pod, "api.example.com")
    assert outside.passes("free", FIRST)
    assert not outside.passes("mediabot", FIRST)
    assert not outside.passes("unfed", FIRST), "no rule sends its lookups through the proxy"
    assert [one["code"] for one in outside.network.findings()].count("NET0722") == 1


def test_domain_names_of_the_admin_tier(outside: Outside) -> None:
    assert outside.address("partner", "eu.api.partner.test") == PARTNER
    outside.connect("partner", PARTNER, 80).close()
    assert outside.address("partner", "partner.test") == BARE
    assert not outside.passes("partner", BARE)


def test_an_address_that_changes_and_one_that_expires(outside: Outside) -> None:
    assert outside.address("mediabot", "api.example.com") == FIRST
    kept = outside.connect("mediabot", FIRST)
    outside.resolver.names["api.example.com"] = (SECOND, 60)
    wait_until(lambda: outside.address("mediabot", "api.example.com") == SECOND, "the answer to change")
    outside.connect("mediabot", SECOND).close()
    wait_until(lambda: not outside.passes("mediabot", FIRST), "the former address to expire")
    kept.sendall(b"an open connection goes on")
    wait_until(lambda: unacknowledged(kept) == 0, "it to arrive")
    kept.close()


def test_what_was_learned_outlives_changes_of_other_policies(outside: Outside) -> None:
    assert outside.address("far", "img.cdn.example.com") == CDN
    before = outside.network.status()["version"]
    outside.network.write("other.yaml", OTHER)
    wait_until(lambda: outside.network.status()["version"] != before, "the change to be live")
    outside.connect("far", CDN).close()


def test_names_that_no_dns_rule_allows_are_refused(outside: Outside) -> None:
    for name in ("example.com", "eu.api.partner.test", "kubernetes.default.svc.cluster.local"):
        assert outside.ask("mediabot", name).rcode() == dns.rcode.REFUSED
    assert outside.ask("mediabot", "API.Example.com", "AAAA").rcode() == dns.rcode.NOERROR
    assert outside.ask("unfed", "kubernetes.default.svc.cluster.local").rcode() != dns.rcode.REFUSED
