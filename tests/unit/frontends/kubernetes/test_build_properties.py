"""What holds for any manifests: the same input gives the same model, in whatever order it was read, and nothing moves without a reason."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.frontends.build import Built, build_model
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.service import ServiceType
from seaway.resources.load import resource_of
from seaway.snapshot import snapshot_of

CLUSTER = Cluster(
    (Node("node-1", "172.31.0.1", "10.244.0.0/26"), Node("node-2", "172.31.0.2", "10.244.1.0/26")), service_cidr="10.96.0.0/24"
)

namespaces = st.sampled_from(["default", "shop"])
names = st.sampled_from(["api", "db", "web"])
apps = st.sampled_from(["api", "db", "web"])
Raw = dict[str, Any]


def _pod(app: str, draw: st.DrawFn) -> Raw:
    ports = draw(st.lists(st.sampled_from([80, 8080, 5432]), unique=True, max_size=2))
    spec: Raw = {"containers": [{"name": "main", "ports": [{"name": f"p{port}", "containerPort": port} for port in ports]}]}
    if draw(st.integers(0, 9)) == 0:
        spec["hostNetwork"] = True
    return {"metadata": {"labels": {"app": app}}, "spec": spec}


@st.composite
def workloads(draw: st.DrawFn) -> Raw:
    kind = draw(st.sampled_from(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod"]))
    app = draw(apps)
    meta = {"name": draw(names), "namespace": draw(namespaces)}
    template = _pod(app, draw)
    if kind == "Pod":
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, **template["metadata"]}, "spec": template["spec"]}
    wrong = draw(st.integers(0, 9)) == 0
    spec: Raw = {"selector": {"matchLabels": {"app": "other" if wrong else app}}, "template": template}
    if kind != "DaemonSet":
        spec["replicas"] = draw(st.integers(0, 4))
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": spec}


@st.composite
def services(draw: st.DrawFn) -> Raw:
    kind = draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]))
    spec: Raw = {"type": kind}
    if kind == "ExternalName":
        spec["externalName"] = "db.example.com"
    else:
        target = draw(st.sampled_from([80, "p80", "p8080", 5432]))
        spec["ports"] = [{"name": "a", "port": draw(st.sampled_from([80, 443])), "targetPort": target}]
        if draw(st.booleans()):
            spec["selector"] = {"app": draw(apps)}
        if draw(st.integers(0, 4)) == 0:
            spec["clusterIP"] = draw(st.sampled_from(["10.96.0.40", "10.96.0.41", "10.97.0.1"]))
        if kind != "ClusterIP" and draw(st.integers(0, 4)) == 0:
            spec["ports"][0]["nodePort"] = draw(st.sampled_from([30001, 30002, 80]))
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": draw(names), "namespace": draw(namespaces)}, "spec": spec}


@st.composite
def endpoints(draw: st.DrawFn) -> Raw:
    address = draw(st.sampled_from(["192.0.2.1", "192.0.2.2", "127.0.0.1"]))
    subsets = [{"addresses": [{"ip": address}], "ports": [{"name": "a", "port": 99}]}]
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": draw(names), "namespace": draw(namespaces)}, "subsets": subsets}


manifests = st.lists(st.one_of(workloads(), services(), endpoints()), max_size=14)


def distinct(raws: list[Raw]) -> list[Raw]:
    """Each object once: of two with one key, which one stays is the reader's decision."""
    return list({(raw["kind"], raw["metadata"]["namespace"], raw["metadata"]["name"]): raw for raw in raws}.values())


def built(raws: list[Raw], leases: Leases | None = None) -> Built:
    return build_model(snapshot_of(resource_of(raw, "f.yaml") for raw in raws), CLUSTER, leases or Leases())


@settings(max_examples=60, deadline=None)
@given(manifests, st.randoms(use_true_random=False))
def test_order_of_input_does_not_matter(raws: list[Raw], chance: random.Random) -> None:
    raws = distinct(raws)
    first = built(raws)
    chance.shuffle(raws)
    second = built(raws)
    assert (first.model, first.findings, first.leases) == (second.model, second.findings, second.leases)


@settings(max_examples=60, deadline=None)
@given(manifests)
def test_leases_are_a_fixed_point(raws: list[Raw]) -> None:
    raws = distinct(raws)
    first = built(raws)
    second = built(raws, first.leases)
    assert (first.model, first.leases) == (second.model, second.leases)


@settings(max_examples=60, deadline=None)
@given(manifests, st.integers(1, 3))
def test_an_unrelated_object_moves_no_lease(raws: list[Raw], replicas: int) -> None:
    raws = distinct(raws)
    pod = {"metadata": {"labels": {"app": "new"}}, "spec": {"containers": [{"name": "main"}]}}
    meta = {"name": "aaa", "namespace": "default"}
    more = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "new"}}, "template": pod},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"type": "LoadBalancer", "selector": {"app": "new"}, "ports": [{"port": 80}]},
        },
    ]
    before = built(raws)
    after = built([*more, *raws], before.leases)
    for field in ("pods", "cluster_ips", "load_balancers", "node_ports"):
        assert set(getattr(before.leases, field)) <= set(getattr(after.leases, field))
    known = {pod.id for pod in before.model.pods}
    assert before.model.pods == tuple(pod for pod in after.model.pods if pod.id in known)


@settings(max_examples=60, deadline=None)
@given(manifests)
def test_a_refused_object_hurts_only_itself(raws: list[Raw]) -> None:
    raws = distinct(raws)
    bad = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "aaa", "namespace": "default"}, "spec": {"ports": [{"port": 0}]}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "aaa", "namespace": "default"}, "spec": {"containers": []}},
    ]
    before, after = built(raws), built([*bad, *raws])
    assert before.model == after.model
    assert set(before.findings) <= set(after.findings)
    assert len(after.findings) == len(before.findings) + 2


@settings(max_examples=60, deadline=None)
@given(manifests)
def test_what_every_model_keeps(raws: list[Raw]) -> None:
    model = built(distinct(raws)).model
    own = [pod for pod in model.pods if not pod.host_network]
    assert len({pod.ip for pod in own}) == len(own)
    assert len({pod.id for pod in model.pods}) == len(model.pods)
    assert [pod.id for pod in model.pods] == sorted(pod.id for pod in model.pods)
    assert [one.id for one in model.services] == sorted(one.id for one in model.services)
    addresses = [one.cluster_ip for one in model.services if one.cluster_ip]
    assert len(set(addresses)) == len(addresses)
    node_ports = [port.node_port for one in model.services for port in one.ports if port.node_port]
    assert len(set(node_ports)) == len(node_ports)
    for one in model.services:
        assert (one.type is ServiceType.EXTERNAL_NAME) == bool(one.external_name)
        for backend in one.backends:
            assert len(backend.ports) == len(one.ports)
            if backend.pod is not None:
                assert model.pod[backend.pod].ip == backend.address
                assert model.pod[backend.pod].node == backend.node
