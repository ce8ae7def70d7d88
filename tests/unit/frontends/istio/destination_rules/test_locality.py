"""localityLbSetting, and what stands in for it."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.clients import Client
from seaway.model.upstream import Distribute, LocalityBalancing

EJECTS = "outlierDetection: {}\n"


@pytest.mark.parametrize(
    ("text", "expected", "codes"),
    [
        pytest.param("", LocalityBalancing(False), [], id="dormant"),
        pytest.param(EJECTS, LocalityBalancing(True), [], id="outlier-detection-wakes-it"),
        pytest.param(EJECTS + "loadBalancer: {localityLbSetting: {enabled: false}}", LocalityBalancing(False), [], id="switched-off"),
        pytest.param(
            "loadBalancer: {localityLbSetting: {distribute: [{from: a/*, to: {a/x/*: 80, b: 20}}]}}",
            LocalityBalancing(True, (Distribute("a/*", (("a/x/*", 80), ("b", 20))),)),
            [],
            id="distribution-needs-no-ejection",
        ),
        pytest.param(
            EJECTS + "loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}",
            LocalityBalancing(True, failover=(("a", "b"),)),
            [],
            id="failover",
        ),
        pytest.param(
            "loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}",
            LocalityBalancing(False, failover=(("a", "b"),)),
            ["NET0590"],
            id="failover-asleep",
        ),
        pytest.param(
            EJECTS + "loadBalancer: {localityLbSetting: {failoverPriority: [rack, version=v1]}}",
            LocalityBalancing(True, priority_labels=("rack=", "version=v1")),
            [],
            id="labels",
        ),
    ],
)
def test_settings(policy, text, expected, codes):
    read = policy(text or "loadBalancer: {simple: RANDOM}")
    assert read.codes == codes
    assert read.treatment().locality == expected


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("{distribute: [{from: a, to: {a: 100}}], failover: [{from: a, to: b}]}", "failover", id="two-ways"),
        pytest.param(
            "{failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/zone]}", "failoverPriority", id="topology-twice"
        ),
        pytest.param("{distribute: [{from: a, to: {a: 50}}]}", "distribute[0].to", id="not-100"),
        pytest.param("{distribute: [{from: a, to: {'a/*': 90, a/x: 10}}]}", "distribute[0].to", id="overlap"),
        pytest.param("{distribute: [{from: 'a/*/x', to: {a: 100}}]}", "distribute", id="star-inside"),
        pytest.param("{distribute: [{from: a//x, to: {a: 100}}]}", "distribute", id="empty-zone"),
        pytest.param("{distribute: [{from: a, to: {a: 100}}, {from: 'a/*', to: {a: 100}}]}", "distribute", id="sources-overlap"),
        pytest.param("{failover: [{from: a, to: a}]}", "failover[0]", id="to-itself"),
        pytest.param("{failover: [{from: a/x, to: b}]}", "failover[0].from", id="not-a-region"),
        pytest.param("{failover: [{from: a, to: '*'}]}", "failover[0].to", id="star"),
    ],
)
def test_refused(policy, text, field):
    read = policy(f"{EJECTS}loadBalancer: {{simple: RANDOM, localityLbSetting: {text}}}")
    assert read.told == [f"NET0571 spec.trafficPolicy.loadBalancer.localityLbSetting.{field}"]
    assert read.treatment().locality == LocalityBalancing(True)


def test_labels_are_held_against_the_callers_own(policy):
    read = policy(EJECTS + "loadBalancer: {localityLbSetting: {failoverPriority: [topology.kubernetes.io/zone, rack, version=v1]}}")
    found = read.upstream(Client("shop", (("rack", "7"),)))
    assert read.rules.label_keys == {"rack"}
    assert found.id.variant == "&rack=7"
    assert found.treatment.locality.priority_labels == ("topology.kubernetes.io/zone", "rack=7", "version=v1")
    assert read.upstream(Client("shop")).treatment.locality.priority_labels[1] == "rack="
    assert [one.labels for one in read.rules.concerns()] == [True]


@pytest.mark.parametrize(
    ("where", "labels"),
    [
        pytest.param("spec: {trafficDistribution: PreferClose, PORTS}", 3, id="close"),
        pytest.param("spec: {trafficDistribution: PreferSameZone, PORTS}", 3, id="zone"),
        pytest.param("spec: {trafficDistribution: PreferSameNode, PORTS}", 5, id="node"),
        pytest.param("spec: {PORTS}", 0, id="none"),
    ],
)
def test_a_services_traffic_distribution(mesh, where, labels):
    spec = where.replace("PORTS", "selector: {app: reviews}, ports: [{name: http, port: 80}]")
    read = mesh(f"apiVersion: v1\nkind: Service\nmetadata: {{name: near, namespace: shop}}\n{spec}")
    found = read.upstream(host="near.shop.svc.cluster.local").treatment.locality
    assert (found.active, len(found.priority_labels)) == (labels > 0, labels)
