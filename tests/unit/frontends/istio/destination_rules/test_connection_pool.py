"""connectionPool and retryBudget: defaults, every field, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.model.upstream import NO_LIMIT, Keepalive, Pool


def test_nothing_said(mesh):
    assert mesh("").treatment().pool == Pool()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("tcp: {maxConnections: 100}", {"max_connections": 100}, id="connections"),
        pytest.param("tcp: {maxConnections: 0}", {"max_connections": NO_LIMIT}, id="zero-is-no-limit"),
        pytest.param("tcp: {connectTimeout: 250ms}", {"connect_timeout_s": 0.25}, id="connect-timeout"),
        pytest.param("tcp: {maxConnectionDuration: 1h}", {"max_duration_s": 3600}, id="duration"),
        pytest.param("tcp: {idleTimeout: 5m}", {"idle_timeout_s": 300, "tcp_idle_timeout_s": 300}, id="tcp-idle-for-both"),
        pytest.param("tcp: {idleTimeout: 0s}", {"idle_timeout_s": None, "tcp_idle_timeout_s": None}, id="tcp-idle-off"),
        pytest.param(
            "{tcp: {idleTimeout: 5m}, http: {idleTimeout: 1m}}", {"idle_timeout_s": 60, "tcp_idle_timeout_s": 300}, id="http-idle-wins"
        ),
        pytest.param("tcp: {tcpKeepalive: {probes: 3, time: 2h, interval: 75s}}", {"keepalive": Keepalive(3, 7200, 75)}, id="keepalive"),
        pytest.param("tcp: {tcpKeepalive: {time: 10s}}", {"keepalive": Keepalive(0, 10, 0)}, id="keepalive-in-part"),
        pytest.param("http: {http1MaxPendingRequests: 50}", {"max_pending": 50}, id="pending"),
        pytest.param("http: {http2MaxRequests: 10}", {"max_requests": 10}, id="requests"),
        pytest.param("http: {maxRequestsPerConnection: 1}", {"max_requests_per_connection": 1}, id="requests-per-connection"),
        pytest.param("http: {maxRetries: 7}", {"max_retries": 7}, id="retries"),
        pytest.param("http: {maxConcurrentStreams: 30}", {"max_concurrent_streams": 30}, id="streams"),
        pytest.param("http: {http2KeepAlive: {interval: 30s, timeout: 5s}}", {"http2_keepalive": (30, 5)}, id="http2-keepalive"),
        pytest.param("http: {h2UpgradePolicy: UPGRADE}", {"upgrade_http2": True}, id="upgrade"),
        pytest.param("http: {h2UpgradePolicy: DO_NOT_UPGRADE}", {}, id="no-upgrade"),
        pytest.param("http: {h2UpgradePolicy: DEFAULT}", {}, id="the-meshs-upgrade"),
        pytest.param("http: {useClientProtocol: true}", {"client_protocol": True}, id="clients-protocol"),
    ],
)
def test_fields(policy, text, expected):
    read = policy(f"connectionPool:\n  {text}")
    assert read.codes == []
    assert replace(read.treatment().pool, origin=None) == replace(Pool(), **expected)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("{}", "connectionPool", id="empty"),
        pytest.param("tcp: {maxConnections: -1}", "connectionPool.tcp.maxConnections", id="negative"),
        pytest.param("tcp: {connectTimeout: 0s}", "connectionPool.tcp.connectTimeout", id="no-time"),
        pytest.param("tcp: {maxConnectionDuration: 1us}", "connectionPool.tcp.maxConnectionDuration", id="too-short"),
        pytest.param("tcp: {tcpKeepalive: {time: soon}}", "connectionPool.tcp.tcpKeepalive.time", id="no-duration"),
        pytest.param("http: {idleTimeout: 0s}", "connectionPool.http.idleTimeout", id="http-idle-cannot-be-off"),
        pytest.param(
            "http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}", "connectionPool.http.useClientProtocol", id="two-protocols"
        ),
        pytest.param("http: {http2KeepAlive: {interval: 30s}}", "connectionPool.http.http2KeepAlive", id="keepalive-without-timeout"),
    ],
)
def test_refused_alone(policy, text, field):
    """The rest of the rule holds."""
    read = policy(f"connectionPool:\n  {text}\noutlierDetection: {{consecutive5xxErrors: 2}}")
    assert read.told == [f"NET0571 spec.trafficPolicy.{field}"]
    assert read.treatment().pool == Pool()
    assert read.treatment().ejection is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{}", (20, 3), id="defaults"),
        pytest.param("{percent: 50, minRetryConcurrency: 10}", (50, 10), id="both"),
        pytest.param("{percent: 12.5}", (12.5, 3), id="fraction"),
        pytest.param("{percent: 101}", None, id="too-much"),
    ],
)
def test_retry_budget(policy, text, expected):
    read = policy(f"retryBudget: {text}")
    assert read.treatment().pool.retry_budget == expected
    assert read.codes == ([] if expected else ["NET0571"])


def test_retry_budget_has_no_interval(policy):
    read = policy("retryBudget: {budgetInterval: 10s}")
    assert read.told == ["NET0592 spec.trafficPolicy.retryBudget.budgetInterval"]
    assert read.treatment().pool.retry_budget == (20, 3)
