"""MeshConfig's share: what holds where no rule says anything else."""

from __future__ import annotations

import textwrap

import pytest

from seaway.model.upstream import Ejection, Keepalive

RULE = """
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: reviews, namespace: shop}}
spec: {{host: reviews, trafficPolicy: {policy}}}
"""


def config(text):
    settings = textwrap.indent(textwrap.dedent(text).strip(), "    ")
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  mesh: |\n{settings}\n"


def test_timeouts_and_keepalive(mesh):
    pool = mesh(config("connectTimeout: 3s\ntcpKeepalive: {time: 60s, probes: 2}")).treatment().pool
    assert (pool.connect_timeout_s, pool.keepalive) == (3, Keepalive(2, 60, 0))


def test_a_rules_keepalive_goes_over_the_meshs(mesh):
    rule = RULE.format(policy="{connectionPool: {tcp: {tcpKeepalive: {time: 5s}}}}")
    pool = mesh(config("connectTimeout: 3s\ntcpKeepalive: {time: 60s, probes: 2}") + rule).treatment().pool
    assert (pool.connect_timeout_s, pool.keepalive) == (3, Keepalive(2, 5, 0))


def test_http2_for_ports_that_are_http(mesh):
    read = mesh(config("h2UpgradePolicy: UPGRADE"))
    assert [read.treatment(port).pool.upgrade_http2 for port in (80, 9000, 7000)] == [True, False, False]


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        pytest.param("{h2UpgradePolicy: DO_NOT_UPGRADE}", False, id="refused"),
        pytest.param("{useClientProtocol: true}", False, id="clients-protocol"),
        pytest.param("{maxRetries: 1}", True, id="unsaid"),
    ],
)
def test_a_rules_say_in_http2(mesh, http, expected):
    read = mesh(config("h2UpgradePolicy: UPGRADE") + RULE.format(policy=f"{{connectionPool: {{http: {http}}}}}"))
    assert read.treatment().pool.upgrade_http2 is expected


DEFAULT = "defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 8}}, outlierDetection: {consecutive5xxErrors: 2}}"


def test_default_traffic_policy(mesh):
    found = mesh(config(DEFAULT)).treatment()
    assert found.pool.max_connections == 8
    assert found.ejection is not None
    assert found.ejection.consecutive_5xx == 2


def test_a_rules_part_replaces_the_default(mesh):
    found = mesh(config(DEFAULT) + RULE.format(policy="{outlierDetection: {consecutive5xxErrors: 9}}")).treatment()
    assert (found.pool.max_connections, found.ejection and found.ejection.consecutive_5xx) == (8, 9)


def test_other_parts_of_the_default_have_no_effect(mesh):
    read = mesh(config("defaultTrafficPolicy: {loadBalancer: {simple: RANDOM}, outlierDetection: {}}"))
    assert read.told == ["NET0592 defaultTrafficPolicy.loadBalancer"]
    assert read.treatment().ejection is not None
    assert read.treatment().ejection.consecutive_5xx == Ejection().consecutive_5xx


@pytest.mark.parametrize(
    ("text", "active", "codes"),
    [
        pytest.param("localityLbSetting: {enabled: false}", False, [], id="off"),
        pytest.param("localityLbSetting: {failover: [{from: a, to: b}]}", True, [], id="failover"),
        pytest.param("localityLbSetting: {failover: [{from: a, to: a}]}", True, ["NET0571"], id="refused"),
    ],
)
def test_locality(mesh, text, active, codes):
    read = mesh(config(text) + RULE.format(policy="{outlierDetection: {}}"))
    assert read.treatment().locality.active is active
    assert read.codes == codes
