"""Who can talk to whom: groups against single pairs of the verdict table, what peers are, what a change is, and how users name peers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seaway.analysis.reach.connections import find_reach
from seaway.analysis.reach.diff import diff_document
from seaway.analysis.reach.document import reach_document
from seaway.analysis.reach.peers import list_peers
from seaway.core.errors import UsageError
from seaway.frontends.build import build_model
from seaway.model.cluster import Leases
from seaway.model.defaults import default_cluster
from seaway.model.index import Model
from seaway.model.policies.language import WITH_PORTS
from seaway.model.policies.masks import bits
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

WORKLOAD = """
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, namespace: {space}}}
spec:
  replicas: {replicas}
  serviceName: {name}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{hostNetwork: {host}, containers: [{{name: c, image: c, ports: [{{name: main, containerPort: 8080}}]}}]}}
---
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: {space}}}
spec: {spec}
---
"""


def workload(space: str, name: str, replicas: int = 1, kind: str = "Deployment", host: bool = False) -> str:
    text = WORKLOAD if kind == "StatefulSet" else WORKLOAD.replace("  serviceName: {name}\n", "")
    return text.format(space=space, name=name, replicas=replicas, kind=kind, host=str(host).lower())


def policy(space: str, name: str, spec: str) -> str:
    return POLICY.format(space=space, name=name, spec=spec)


SPACES = "".join(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{team: {name}}}}}\n---\n" for name in ("a", "b"))
BASE = SPACES + workload("a", "web", 2) + workload("a", "db", 3, "StatefulSet") + workload("b", "job") + workload("b", "agent", host=True)
DENY = policy("a", "deny", "{podSelector: {}, policyTypes: [Ingress, Egress]}")
TO_DB = policy(
    "a",
    "db",
    "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: main}]}]}",
)
FROM_WEB = policy(
    "a", "web", "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: 1, endPort: 9000}]}]}"
)
PRIMARY = policy("a", "one", "{podSelector: {matchLabels: {statefulset.kubernetes.io/pod-name: db-0}}, ingress: []}")
FROM_B = policy("b", "job", "{podSelector: {}, egress: [{to: [{namespaceSelector: {matchLabels: {team: a}}}]}], policyTypes: [Egress]}")
WORLDS = {
    "no policy": BASE,
    "default deny": BASE + DENY,
    "both directions": BASE + DENY + TO_DB + FROM_WEB,
    "pods of one workload apart": BASE + PRIMARY,
    "all": BASE + DENY + TO_DB + FROM_WEB + PRIMARY + FROM_B,
}


def model_of(text: str, nodes: int = 1, leases: Leases = Leases()) -> tuple[Model, Leases]:  # noqa: B008
    loaded = load_text(text, "in.yaml")
    built = build_model(snapshot_of(loaded.resources, loaded.findings, loaded.not_modelled), default_cluster(nodes), leases)
    assert not [one for one in (*loaded.findings, *built.findings) if one.code.severity.value == "error"]
    return built.model, built.leases


Open = frozenset[tuple[str, str, str, int, int]]


def one_by_one(model: Model, by_pod: bool) -> Open:
    """The same by asking the table for each pair: what it lets through, in runs of ports."""
    peers = list_peers((model,), by_pod)
    found: set[tuple[str, str, str, int, int]] = set()
    for source in peers:
        for target in peers:
            if source is target and len(source.pods) < 2:
                continue
            if not source.is_pods and not target.is_pods:
                continue
            if source.policed != target.policed and source.nodes & target.nodes:
                runs = {(one.value, 1, 65535) for one in WITH_PORTS}
            else:
                start, end = source.identities[0], target.identities[0]
                assert start is not None
                assert end is not None
                allowed = [one for one in model.verdicts.between(start, end) if one.allowed and one.protocol in WITH_PORTS and one.last]
                runs = {(one.protocol.value, max(one.first, 1), one.last) for one in allowed}
            found |= {(source.id, target.id, *run) for run in joined(runs)}
    return frozenset(found)


def joined(runs: set[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Neighbours as one: the table cuts ports where reasons change."""
    last: tuple[str, int, int] | None = None
    for protocol, begin, end in sorted(runs):
        if last is not None and last[0] == protocol and last[2] + 1 == begin:
            last = (protocol, last[1], end)
            continue
        if last is not None:
            yield last
        last = (protocol, begin, end)
    if last is not None:
        yield last


@pytest.mark.parametrize("by_pod", [False, True], ids=["workloads", "pods"])
@pytest.mark.parametrize("nodes", [1, 2])
@pytest.mark.parametrize("world", WORLDS)
def test_groups_say_what_each_pair_says(world: str, nodes: int, by_pod: bool) -> None:
    model, _ = model_of(WORLDS[world], nodes)
    peers = list_peers((model,), by_pod)
    runs: dict[tuple[str, str], set[tuple[str, int, int]]] = {}
    for one in find_reach(model, peers).connections:
        for source in bits(one.sources):
            some = runs.setdefault((peers[source].id, peers[one.to].id), set())
            some |= {(piece.protocol.value, first, last) for piece in one.pieces for first, last in piece.ports}
    assert frozenset((*pair, *run) for pair, some in runs.items() for run in joined(some)) == one_by_one(model, by_pod)


def connections(document: dict[str, Any], source: str, target: str) -> list[tuple[str, str, list[str]]]:
    return [
        (one["protocol"], one["ports"], [f"{line['name']} {line['text']}" for line in one["because"]])
        for one in document["connections"]
        if (one["from"], one["to"]) == (source, target)
    ]


def test_a_connection_names_the_rules_of_both_sides() -> None:
    document = reach_document(model_of(WORLDS["both directions"])[0])
    rules = ["web egress rule 1", "db ingress rule 1"]
    assert connections(document, "a/deployment/web", "a/statefulset/db") == [("TCP", "8080", rules)]
    assert connections(document, "b/deployment/job", "a/statefulset/db") == [("TCP", "8080", rules[1:])], "pods' addresses count, too"
    assert connections(document, "10.0.0.0/8", "a/statefulset/db") == [("TCP", "8080", ["db ingress rule 1"])]
    (line,) = (one["because"] for one in document["connections"] if (one["from"], one["to"]) == ("10.0.0.0/8", "a/statefulset/db"))
    assert (line[0]["apiVersion"], line[0]["kind"], line[0]["file"]) == ("networking.k8s.io/v1", "NetworkPolicy", "in.yaml")


def test_the_own_node_is_not_policed_and_others_are() -> None:
    document = reach_document(model_of(WORLDS["default deny"], nodes=2)[0], by_pod=True)
    pod = next(one for one in document["peers"] if one["id"].startswith("a/web-"))
    nodes = [one["from"] for one in document["connections"] if one["to"] == pod["id"] and one["from"].startswith("node/")]
    assert len(set(nodes)) == 1
    assert all(one.get("ownNode") for one in document["connections"] if one["to"] == pod["id"] and one["from"].startswith("node/"))


def test_pods_that_policies_tell_apart_are_peers_of_their_own() -> None:
    peers = {one.id: one for one in list_peers((model_of(WORLDS["pods of one workload apart"])[0],), by_pod=False)}
    assert [one for one in peers if "/db" in one] == ["a/statefulset/db (db-0)", "a/statefulset/db (db-1, db-2)"]
    assert not peers["b/deployment/agent"].policed


def test_peers_that_only_something_denies_are_isolated() -> None:
    document = reach_document(model_of(WORLDS["default deny"])[0])
    assert [(one["peer"], one["direction"]) for one in document["isolated"]] == [
        ("a/statefulset/db", "egress"),
        ("a/statefulset/db", "ingress"),
        ("a/deployment/web", "egress"),
        ("a/deployment/web", "ingress"),
    ]


CALLED = {
    "namespace": ("a", ["a/statefulset/db", "a/deployment/web"]),
    "workload": ("a/web", ["a/deployment/web"]),
    "kind": ("a/statefulset/db", ["a/statefulset/db"]),
    "pod": ("a/db-1", ["a/statefulset/db"]),
    "outside": ("outside", ["10.0.0.0/8", "outside"]),
    "address": ("10.1.2.3", ["10.0.0.0/8"]),
    "range": ("8.0.0.0/6", ["10.0.0.0/8", "outside"]),
    "nodes": ("nodes", ["node/node-1"]),
}


@pytest.mark.parametrize(("word", "ids"), CALLED.values(), ids=CALLED)
def test_peers_by_what_users_call_them(word: str, ids: list[str]) -> None:
    model, _ = model_of(BASE + TO_DB)
    for_sources = {one["from"] for one in reach_document(model, source=word, target="b/job")["connections"]}
    assert for_sources == set(ids)


def test_an_address_of_a_pod_is_that_pod() -> None:
    model, _ = model_of(BASE)
    pod = next(pod for pod in model.pods if pod.owner.name == "job")
    assert {one["from"] for one in reach_document(model, source=pod.ip, target="a")["connections"]} == {"b/deployment/job"}


def test_whoever_is_nobody_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing here is called 'c/web'"):
        reach_document(model_of(BASE)[0], source="c/web")


@pytest.mark.parametrize("new", WORLDS)
@pytest.mark.parametrize("old", WORLDS)
def test_a_change_is_the_difference_of_what_is_open(old: str, new: str) -> None:
    before, leases = model_of(WORLDS[old])
    after, _ = model_of(WORLDS[new], leases=leases)
    document = diff_document(before, after, by_pod=True, source="a", target=None)
    opened, closed = (changed(document[word]) for word in ("opened", "closed"))
    first, second = (ports_of(one_by_one(model, by_pod=True)) for model in (before, after))
    assert (opened, closed) == (second - first, first - second)


Ports = frozenset[tuple[str, str, str, int]]
SAMPLES = (1, 22, 8079, 8080, 8081, 9000, 9001, 65535)
"""Where the ports of these policies begin and end; outside addresses that one side alone cuts are left out."""


def ports_of(runs: Open) -> Ports:
    some = (run for run in runs if run[0].startswith("a/") and "." not in run[1] and run[1] != "outside")
    return frozenset((*run[:3], port) for run in some for port in SAMPLES if run[3] <= port <= run[4])


def changed(rows: list[dict[str, Any]]) -> Ports:
    found = set[tuple[str, str, str, int]]()
    for row in rows:
        if "." in row["to"] or row["to"] == "outside":
            continue
        for span in row["ports"].split(","):
            first, _, last = span.partition("-")
            found |= {(row["from"], row["to"], row["protocol"], port) for port in SAMPLES if int(first) <= port <= int(last or first)}
    return frozenset(found)


def test_a_workload_more_is_said_to_be_new() -> None:
    before, leases = model_of(BASE)
    after, _ = model_of(BASE + workload("b", "more"), leases=leases)
    document = diff_document(before, after, by_pod=False, source=None, target="b/more")
    assert (document["added"], document["removed"], document["closed"]) == (["b/deployment/more"], [], [])
    assert {one["to"] for one in document["opened"]} == {"b/deployment/more"}
