"""Shapes that people write, and what they really do: each row is a policy's spec and who then reaches whom, by table and oracle alike."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import yaml
from policy_ends import NAME, Packet
from policy_oracle import Oracle
from policy_tables import table_allows, table_of
from policy_worlds import Object, World

SPACES = {"shop": {"team": "a"}, "mon": {"team": "b"}, "kube-system": {}}


def pod(namespace: str, name: str, number: int, labels: dict[str, str], host: bool = False) -> Object:
    port = {"name": "http", "containerPort": 8080 if name != "api" else 9000, "protocol": "TCP"}
    spec = {"containers": [{"name": "main", "ports": [port]}], "hostNetwork": host, "nodeName": "node-1", "serviceAccountName": "default"}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"metadata": metadata, "spec": spec, "status": {"podIP": "198.18.0.1" if host else f"10.244.0.{number}"}}


PODS = [
    pod("shop", "web", 2, {"app": "web"}),
    pod("shop", "api", 3, {"app": "api"}),
    pod("mon", "prom", 4, {"app": "prom"}),
    pod("mon", "web", 5, {"app": "web"}),
    pod("kube-system", "dns", 6, {"k8s-app": "kube-dns"}),
    pod("mon", "agent", 7, {"app": "agent"}, host=True),
]
DNS = "to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]"
ALL = "podSelector: {}, "
WEB = "podSelector: {matchLabels: {app: web}}, "

ROWS = [
    pytest.param(
        ALL, "prom>web:8080 no, prom>api:9000 no, web>prom:8080 yes, node-2>web:8080 no, out>web:8080 no", id="no-rules-shut-ingress"
    ),
    pytest.param(ALL + "ingress: []", "prom>web:8080 no, out>web:8080 no, web>out:443 yes", id="empty-ingress-shuts"),
    pytest.param(ALL + "ingress: [{}]", "prom>web:8080 yes, out>web:8080 yes", id="one-empty-rule-opens"),
    pytest.param(ALL + "policyTypes: [Ingress, Egress]", "web>api:9000 no, web>out:443 no, web>dns:53/UDP no", id="default-deny"),
    pytest.param(ALL + "policyTypes: [Egress]", "prom>web:8080 yes, web>out:443 no", id="egress-only"),
    pytest.param(ALL + "policyTypes: [Egress], ingress: [{}]", "web>out:443 no, out>web:80 yes", id="the-other-section-is-ignored"),
    pytest.param(ALL + "egress: [{}]", "web>out:443 yes, prom>web:8080 no", id="egress-rules-shut-ingress-too"),
    pytest.param(ALL + "egress: []", "web>out:443 yes, prom>web:8080 no", id="empty-egress-adds-no-type"),
    pytest.param(WEB + "ingress: [{from: []}]", "prom>web:8080 yes, out>web:80 yes", id="empty-from-is-anyone"),
    pytest.param(
        WEB + "ingress: [{from: [{podSelector: {}}]}]", "api>web:80 yes, prom>web:80 no, node-2>web:80 no", id="own-namespace-only"
    ),
    pytest.param(WEB + "ingress: [{from: [{namespaceSelector: {}}]}]", "prom>web:80 yes, node-2>web:80 no, out>web:80 no", id="all-pods"),
    pytest.param(
        WEB + "ingress: [{from: [{namespaceSelector: {matchLabels: {team: b}}}, {podSelector: {matchLabels: {app: prom}}}]}]",
        "prom>web:80 yes, mon/web>web:80 yes, api>web:80 no",
        id="two-items-are-either",
    ),
    pytest.param(
        WEB + "ingress: [{from: [{namespaceSelector: {matchLabels: {team: b}}, podSelector: {matchLabels: {app: prom}}}]}]",
        "prom>web:80 yes, mon/web>web:80 no",
        id="one-item-is-both",
    ),
    pytest.param(
        WEB + "ingress: [{from: [{podSelector: {matchLabels: {app: prom}}}]}]", "prom>web:80 no", id="pods-elsewhere-are-not-meant"
    ),
    pytest.param(WEB + "ingress: [{from: [{namespaceSelector: {matchLabels: {name: mon}}}]}]", "prom>web:80 no", id="no-name-label"),
    pytest.param(
        WEB + f"ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{{NAME}: mon}}}}}}]}}]", "prom>web:80 yes", id="metadata-name-label"
    ),
    pytest.param(WEB + "ingress: [{ports: [{port: 80}]}]", "out>web:80 yes, out>web:8080 no, out>web:80/UDP no", id="ports-alone"),
    pytest.param(
        WEB + "ingress: [{ports: [{}]}]", "out>web:1 yes, out>web:1/UDP no, out>web:1/SCTP no, out>web:8/ICMP no", id="a-port-is-TCP"
    ),
    pytest.param(WEB + "ingress: [{ports: [{protocol: UDP}]}]", "out>web:5/UDP yes, out>web:5 no", id="all-of-UDP"),
    pytest.param(WEB + "ingress: [{ports: [{protocol: SCTP, port: 7}]}]", "out>web:7/SCTP yes, out>web:80 no", id="SCTP-shuts-TCP"),
    pytest.param(WEB + "ingress: [{ports: [{port: 80, endPort: 90}]}]", "out>web:80 yes, out>web:90 yes, out>web:91 no", id="end-port"),
    pytest.param(WEB + "ingress: [{from: [{podSelector: {}}]}, {ports: [{port: 80}]}]", "api>web:1 yes, out>web:80 yes", id="stray-dash"),
    pytest.param(ALL + "ingress: [{ports: [{port: http}]}]", "out>web:8080 yes, out>web:9000 no, out>api:9000 yes", id="names-pod-by-pod"),
    pytest.param(
        ALL + "policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}], ports: [{port: http}]}]",
        "web>api:9000 yes, web>api:8080 no, web>prom:8080 yes, web>out:8080 no",
        id="names-of-the-peer",
    ),
    pytest.param(
        ALL + "policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: http}]}]",
        "web>out:8080 no",
        id="a-block-has-no-names",
    ),
    pytest.param(
        ALL + "policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]",
        "web>out:443 yes, web>prom:8080 yes, web>node-2:10250 yes",
        id="everything-has-pods-too",
    ),
    pytest.param(
        ALL + "policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]",
        "web>out:443 yes, web>prom:8080 no",
        id="except",
    ),
    pytest.param(
        ALL + "policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}, {podSelector: {}}]}]",
        "web>api:9000 yes, web>prom:8080 no",
        id="except-denies-nothing",
    ),
    pytest.param(
        ALL + f"policyTypes: [Egress], egress: [{{{DNS}, ports: [{{port: 53}}]}}]",
        "web>dns:53 yes, web>dns:53/UDP no",
        id="dns-by-default-TCP",
    ),
    pytest.param(WEB + "ingress: [{from: [{namespaceSelector: {}}]}]", "node-2>web:80 no, node-1>web:80 yes", id="own-node-is-let-in"),
    pytest.param(
        "podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", "prom>api:1 no, prom>web:1 yes", id="not-in"
    ),
    pytest.param(
        WEB + "ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}}]}]",
        "api>web:1 no",
        id="does-not-exist",
    ),
    pytest.param(WEB + "policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]", "web>api:1 yes, web>web:1 yes", id="itself"),
    pytest.param(WEB, "out>web:8/ICMP no, out>web:0/other no, web>out:8/ICMP yes", id="icmp-is-shut-too"),
]
"""A spec of a NetworkPolicy in namespace shop, then `SOURCE>DESTINATION:PORT yes|no`, where bare names are pods of any namespace."""


@pytest.mark.parametrize(("spec", "effects"), ROWS)
def test_effect(spec: str, effects: str) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": yaml.safe_load(f"{{{spec}}}"),
    }
    check([policy], effects)


def check(policies: list[Any], effects: str) -> None:
    cluster = World(SPACES, PODS, policies)
    ends = {name: end for end in reversed(cluster.ends()) for name in (end.name or "out", f"{end.namespace}/{end.name}")}
    ends["out"] = next(end for end in cluster.ends() if end.address == "203.0.113.9")
    oracle, table = Oracle(SPACES, policies), table_of(cluster)
    for effect in effects.split(", "):
        call, _, word = effect.partition(" ")
        pair, _, port = call.partition(":")
        number, _, protocol = port.partition("/")
        source, destination = (ends[name] for name in pair.split(">"))
        packet = Packet(source, destination, protocol or "TCP", int(number))
        assert oracle.allows(packet) == (word == "yes"), effect
        exempt = source == destination or source.name == destination.node or destination.name == source.node
        assert exempt or table_allows(table, packet) == (word == "yes"), effect


def test_policies_add_up_and_both_sides_must_agree() -> None:
    def policy(name: str, spec: str) -> Object:
        metadata = {"name": name, "namespace": "shop"}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": yaml.safe_load(f"{{{spec}}}")}

    deny = policy("deny", ALL + "policyTypes: [Ingress, Egress]")
    into = policy("into", "podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]")
    out = policy("out", WEB + "policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 9000}]}]")
    check([deny, into], "web>api:9000 no")
    check([deny, out], "web>api:9000 no")
    check([deny, into, out], "web>api:9000 yes, web>api:9001 no, api>web:8080 no")


def test_the_example_of_the_documentation() -> None:
    """https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-resource"""
    text = """
    podSelector: {matchLabels: {app: api}}
    policyTypes: [Ingress, Egress]
    ingress:
    - from:
      - ipBlock: {cidr: 203.0.0.0/16, except: [203.0.113.0/24]}
      - namespaceSelector: {matchLabels: {team: b}}
      - podSelector: {matchLabels: {app: web}}
      ports: [{protocol: TCP, port: 6379}]
    egress:
    - to: [{ipBlock: {cidr: 203.0.113.0/24}}]
      ports: [{protocol: TCP, port: 5978}]
    """
    metadata = {"name": "p", "namespace": "shop"}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": yaml.safe_load(text)}
    check([policy], "web>api:6379 yes, web>api:6380 no, prom>api:6379 yes, mon/web>api:6379 yes, dns>api:6379 no, out>api:6379 no")
    check([policy], "api>out:5978 yes, api>out:5979 no, api>web:8080 no, web>out:1 yes")


def test_every_pair_is_complete_and_in_order() -> None:
    metadata = {"name": "p", "namespace": "shop"}
    spec = yaml.safe_load("{podSelector: {}, ingress: [{ports: [{port: 80}, {port: 443, protocol: UDP}]}]}")
    cluster = World(SPACES, PODS, [{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}])
    table = table_of(cluster)
    for source, destination in product(table.identities, table.identities):
        verdicts = table.between(source.number, destination.number)
        spans = [(one.protocol.value, one.first, one.last) for one in verdicts]
        widths = {"TCP": 65535, "UDP": 65535, "SCTP": 65535, "ICMP": 255, "other": 0}
        for protocol, width in widths.items():
            mine = [(first, last) for name, first, last in spans if name == protocol]
            assert [first for first, _ in mine] == [0, *(last + 1 for _, last in mine[:-1])]
            assert mine[-1][1] == width
