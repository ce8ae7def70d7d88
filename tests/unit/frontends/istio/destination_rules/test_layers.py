"""Layers of a rule: ports replace, subsets override part by part; and what is lost by it is said."""

from __future__ import annotations

import pytest

from seaway.model.upstream import NO_LIMIT, Simple, Tunnel

RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: reviews, namespace: shop}}
spec:
  host: reviews
  trafficPolicy:
    connectionPool: {{tcp: {{maxConnections: 100}}, http: {{http1MaxPendingRequests: 50}}}}
    outlierDetection: {{consecutive5xxErrors: 3}}
    proxyProtocol: {{version: V2}}
    retryBudget: {{percent: 30}}
    portLevelSettings:
    - port: {{number: 9000}}
      connectionPool: {{tcp: {{maxConnections: 9}}}}
  subsets:
  - name: v1
    labels: {{version: v1}}
{subset}
"""


def rule(subset=""):
    policy = f"    trafficPolicy: {subset}" if subset else ""
    return RULE.format(subset=policy)


@pytest.mark.parametrize(
    ("subset", "port", "named", "expected"),
    [
        pytest.param("", 80, False, (100, 50, 3, 2, 30), id="host"),
        pytest.param("", 9000, False, (9, NO_LIMIT, None, 0, None), id="port-replaces-all"),
        pytest.param("", 80, True, (100, 50, 3, 2, 30), id="subset-inherits"),
        pytest.param("", 9000, True, (9, NO_LIMIT, None, 0, None), id="subset-inherits-the-port"),
        pytest.param("{connectionPool: {tcp: {maxConnections: 7}}}", 80, True, (7, NO_LIMIT, 3, 2, 30), id="subset-part-by-part"),
        pytest.param("{outlierDetection: {consecutive5xxErrors: 9}}", 9000, True, (9, NO_LIMIT, 9, 0, None), id="subset-over-the-port"),
        pytest.param(
            "{portLevelSettings: [{port: {number: 80}, connectionPool: {tcp: {maxConnections: 5}}}]}",
            80,
            True,
            (5, NO_LIMIT, None, 2, 30),
            id="port-of-subset-replaces-four-parts",
        ),
        pytest.param(
            "{proxyProtocol: {version: V1}, retryBudget: {percent: 1}, portLevelSettings: "
            "[{port: {number: 80}, connectionPool: {tcp: {maxConnections: 5}}}]}",
            80,
            True,
            (5, NO_LIMIT, None, 2, 30),
            id="port-of-subset-hides-the-subsets-own",
        ),
        pytest.param("{proxyProtocol: {version: V1}}", 80, True, (100, 50, 3, 1, 30), id="subsets-proxy-protocol"),
    ],
)
def test_layers(mesh, subset, port, named, expected):
    found = mesh(rule(subset)).treatment(port, "v1" if named else "")
    ejection = found.ejection.consecutive_5xx if found.ejection else None
    budget = found.pool.retry_budget[0] if found.pool.retry_budget else None
    assert (found.pool.max_connections, found.pool.max_pending, ejection, found.proxy_protocol, budget) == expected


def test_a_tunnel_is_the_hosts_or_the_subsets(mesh):
    text = rule("{tunnel: {protocol: POST, targetHost: example.org, targetPort: 443}}")
    read = mesh(text.replace("proxyProtocol: {version: V2}", "tunnel: {targetHost: 192.0.2.1, targetPort: 8080}"))
    assert read.treatment(9000).tunnel == Tunnel("CONNECT", "192.0.2.1", 8080)
    assert read.treatment(9000, "v1").tunnel == Tunnel("POST", "example.org", 443)
    without = mesh(rule().replace("proxyProtocol: {version: V2}", "tunnel: {targetHost: 192.0.2.1, targetPort: 8080}"))
    assert without.treatment(9000, "v1").tunnel is None


def lost(read):
    return [f"{one.origin.field}: {dict(one.args)['lost']}" for one in read.found if one.code.id == "NET0577"]


def test_what_is_lost_is_said(mesh):
    assert lost(mesh(rule())) == [
        "spec.trafficPolicy.portLevelSettings[0]: connectionPool.http and outlierDetection",
    ]
    read = mesh(rule("{connectionPool: {tcp: {maxConnections: 7}}, portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]}"))
    assert lost(read)[1:] == [
        "spec.subsets[0].trafficPolicy.connectionPool: connectionPool.http",
        "spec.subsets[0].trafficPolicy.portLevelSettings[0]: connectionPool and outlierDetection",
    ]


@pytest.mark.parametrize(
    "subset",
    [
        pytest.param("{loadBalancer: {simple: RANDOM}}", id="another-part"),
        pytest.param("{connectionPool: {tcp: {maxConnections: 7}, http: {http1MaxPendingRequests: 1}}}", id="all-repeated"),
        pytest.param("{outlierDetection: {consecutive5xxErrors: 3, interval: 1s}}", id="more"),
        pytest.param(
            "{portLevelSettings: [{port: {number: 9000}, connectionPool: {tcp: {maxConnections: 5}}}]}", id="over-a-port-that-says-less"
        ),
    ],
)
def test_nothing_lost(mesh, subset):
    assert len(lost(mesh(rule(subset)))) == 1  # the host's own port


def test_another_way_of_balancing_is_no_loss(mesh):
    text = rule("{loadBalancer: {simple: RANDOM}}").replace(
        "proxyProtocol: {version: V2}", "loadBalancer: {consistentHash: {useSourceIp: true}}"
    )
    read = mesh(text.replace("connectionPool: {tcp: {maxConnections: 9}}", "loadBalancer: {simple: RANDOM}"))
    assert [one for one in lost(read) if "loadBalancer" in one] == []
    assert read.treatment(80, "v1").balancing == Simple.RANDOM


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        pytest.param("{}", ["NET0572 spec.trafficPolicy"], id="nothing"),
        pytest.param("{portLevelSettings: [{port: {number: 80}}]}", ["NET0572 spec.trafficPolicy.portLevelSettings[0]"], id="empty-port"),
        pytest.param(
            "{portLevelSettings: [{tls: {mode: DISABLE}}]}", ["NET0571 spec.trafficPolicy.portLevelSettings[0].port"], id="no-port"
        ),
        pytest.param(
            "{portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}, {port: {number: 80}, tls: {mode: SIMPLE}}]}",
            ["NET0584 spec.trafficPolicy.portLevelSettings[1].tls.mode", "NET0573 spec.trafficPolicy.portLevelSettings[1]"],
            id="port-twice",
        ),
        pytest.param(
            "{tunnel: {targetHost: a.example, targetPort: 1}, proxyProtocol: {}}",
            ["NET0571 spec.trafficPolicy.proxyProtocol"],
            id="tunnel-excludes-proxy-protocol",
        ),
        pytest.param(
            "{tunnel: {targetHost: '*', targetPort: 70000, protocol: GET}}",
            [f"NET0571 spec.trafficPolicy.tunnel.{one}" for one in ("protocol", "targetHost", "targetPort")],
            id="tunnel",
        ),
        pytest.param("{proxyProtocol: {version: V3}}", ["NET0571 spec.trafficPolicy.proxyProtocol.version"], id="proxy-protocol"),
    ],
)
def test_refused(mesh, policy, told):
    head = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews, namespace: shop}"
    assert mesh(f"{head}\nspec: {{host: reviews, trafficPolicy: {policy}}}").told == told
