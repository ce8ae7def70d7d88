"""Gateways that call in plaintext where only mutual TLS is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from tests.unit.frontends.istio.test_gateway_calls import CONTROLLER

if TYPE_CHECKING:
    from tests.unit.frontends.istio.conftest import World

STRICT = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: {namespace}}}
spec: {spec}
"""


def told(world: World) -> list[str]:
    return [str(one.origin.field) for one in world.built.findings if one.code.id == "NET0596"]


@pytest.mark.parametrize(
    ("injection", "namespace", "spec", "expected"),
    [
        pytest.param("disabled", "shop", "{mtls: {mode: STRICT}}", ["spec.mtls.mode"], id="called"),
        pytest.param("enabled", "shop", "{mtls: {mode: STRICT}}", [], id="as-a-member"),
        pytest.param("disabled", "shop", "{mtls: {mode: PERMISSIVE}}", [], id="both-are-taken"),
        pytest.param("disabled", "istio-system", "{mtls: {mode: STRICT}}", ["spec.mtls.mode"], id="the-whole-mesh"),
        pytest.param(
            "disabled",
            "shop",
            "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: PERMISSIVE}}}",
            [],
            id="not-at-the-port-that-is-called",
        ),
        pytest.param("disabled", "edge", "{mtls: {mode: STRICT}}", [], id="where-nobody-is-called"),
        pytest.param("disabled", "elsewhere", "{mtls: {mode: STRICT}}", ["spec.mtls.mode"], id="where-no-pod-is-known"),
        pytest.param("enabled", "elsewhere", "{mtls: {mode: STRICT}}", [], id="where-no-pod-is-known-as-a-member"),
    ],
)
def test_it_is_said_where_the_mode_stands(
    build: Callable[[str], World], injection: str, namespace: str, spec: str, expected: list[str]
) -> None:
    assert told(build(f"{CONTROLLER.format(injection=injection)}---{STRICT.format(namespace=namespace, spec=spec)}")) == expected
