"""At which pods the limits of a policy count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seaway.frontends.ingress.controllers import SYSTEM_NAMESPACE

WORLD = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop, labels: {app: api}}
spec: {containers: [{name: api, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: site, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: seaway.dev/v1alpha1
kind: RateLimitPolicy
"""


@pytest.mark.parametrize(
    ("namespace", "chosen", "pods"),
    [
        pytest.param("shop", "", {"api", "web"}, id="namespace"),
        pytest.param("shop", "selector: {matchLabels: {app: web}}, ", {"web"}, id="labels"),
        pytest.param("shop", "targetRefs: [{kind: Service, name: site}], ", {"web"}, id="service"),
        pytest.param("shop", "targetRefs: [{group: networking.istio.io, kind: Gateway, name: edge}], ", {"gateway"}, id="gateway-by-name"),
        pytest.param(SYSTEM_NAMESPACE, "selector: {matchLabels: {istio: ingressgateway}}, ", {"gateway"}, id="gateway-by-labels"),
        pytest.param("istio-system", "", {"api", "web", "gateway"}, id="root-namespace"),
        pytest.param("istio-system", "selector: {matchLabels: {app: api}}, ", {"api"}, id="labels-from-the-root-namespace"),
        pytest.param("other", "", set[str](), id="another-namespace"),
    ],
)
def test_where(build: Callable[[str], Any], namespace: str, chosen: str, pods: set[str]) -> None:
    policy = f"metadata: {{name: one, namespace: {namespace}}}\nspec: {{{chosen}limits: [{{requests: 1, per: second}}]}}\n"
    model = build(WORLD + policy).built.model
    limited = {one.id for one in model.mesh.policies if one.limits}
    members = {one.pod.name for one in model.mesh.members if one.policy in limited and one.pod.namespace == "shop"}
    gateways = {"gateway" for gateway in model.gateways if gateway.policy in limited}
    assert members | gateways == pods


def test_limits_of_several_policies_add_up(build: Callable[[str], Any]) -> None:
    first = "metadata: {name: b, namespace: shop}\nspec: {limits: [{requests: 1, per: second}, {requests: 9, per: day}]}\n---\n"
    second = "apiVersion: seaway.dev/v1alpha1\nkind: RateLimitPolicy\nmetadata: {name: a, namespace: shop}\nspec: {limits: [{requests: 2, per: hour}]}\n"
    model = build(WORLD + first + second).built.model
    (policy,) = [one for one in model.mesh.policies if one.limits]
    assert [one.name for one in policy.limits] == ["shop/a[0]", "shop/b[0]", "shop/b[1]"]


def test_a_policy_that_moves_in_its_file_is_the_same(build: Callable[[str], Any]) -> None:
    policy = "metadata: {name: a, namespace: shop}\nspec: {limits: [{requests: 2, per: hour}]}\n"
    before, after = (build(text).built.model.mesh.policies for text in (WORLD + policy, "# moved\n" + WORLD + policy))
    assert [one.id for one in before] == [one.id for one in after]


def test_a_header_that_a_claim_sets_is_not_the_callers(build: Callable[[str], Any]) -> None:
    policy = "metadata: {name: a, namespace: shop}\nspec: {limits: [{requests: 2, per: hour, key: [{header: x-sub}, {claim: sub}]}]}\n---\n"
    tokens = (
        "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: a, namespace: shop}\n"
        "spec: {jwtRules: [{issuer: a.test, jwks: '{\"keys\": []}', outputClaimToHeaders: [{header: x-sub, claim: sub}]}]}\n"
    )
    found = [one.code.id for one in build(WORLD + policy + tokens).built.findings]
    assert not {"NET0683", "NET0684"} & set(found)
    assert {"NET0683", "NET0684"} <= {one.code.id for one in build(WORLD + policy).built.findings}
