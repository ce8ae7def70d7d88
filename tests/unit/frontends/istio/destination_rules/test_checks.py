"""What only shows where a rule meets the hosts that it is for."""

from __future__ import annotations

import pytest

RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: a, namespace: shop}}
spec: {{host: {host}, trafficPolicy: {{tunnel: {{targetHost: proxy.example, targetPort: 3128}}}}}}
"""


@pytest.mark.parametrize(
    ("host", "codes"), [pytest.param("ratings", ["NET0594"], id="only-http"), pytest.param("reviews", [], id="a-tcp-port")]
)
def test_a_tunnel_is_for_tcp(mesh, host, codes):
    read = mesh(RULE.format(host=host))
    assert read.check(read.identify("shop", host=f"{host}.shop.svc.cluster.local")) == codes


EJECTING = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: a, namespace: shop}}
spec: {{host: {host}, trafficPolicy: {policy}{subsets}}}
"""


@pytest.mark.parametrize(
    ("host", "policy", "subsets", "expected"),
    [
        pytest.param("reviews", "{outlierDetection: {}}", "", 1, id="a-tenth-of-two"),
        pytest.param("reviews", "{circuitBreaker: {consecutiveErrors: 3}}", "", 1, id="as-a-circuit-breaker"),
        pytest.param("reviews", "{outlierDetection: {maxEjectionPercent: 49}}", "", 1, id="not-quite-one"),
        pytest.param("reviews", "{outlierDetection: {maxEjectionPercent: 50}}", "", 0, id="one-of-two"),
        pytest.param("ratings", "{outlierDetection: {}}", "", 0, id="of-none"),
        pytest.param(
            "reviews", "{}", ", subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {outlierDetection: {}}}]", 0, id="of-one"
        ),
        pytest.param("reviews", "{portLevelSettings: [{port: {number: 80}, outlierDetection: {}}]}", "", 1, id="of-a-port"),
        pytest.param("reviews", "{loadBalancer: {simple: RANDOM}}", "", 0, id="no-ejection-meant"),
    ],
)
def test_a_share_of_less_than_one_endpoint_ejects_nobody(mesh, host, policy, subsets, expected):
    read = mesh(EJECTING.format(host=host, policy=policy, subsets=subsets))
    assert [one.code.id for one in read.built.findings].count("NET0595") == expected
