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
