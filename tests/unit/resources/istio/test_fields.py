"""Fields of Istio's kinds: what is taken, what is refused and with which words, and where each stands."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.core.finding import Findings
from seaway.resources.istio.authorization_policy import AuthorizationPolicy, From
from seaway.resources.istio.destination_rule import CircuitBreaker, DestinationRule
from seaway.resources.istio.peer_authentication import MutualTLS, PeerAuthentication
from seaway.resources.istio.selection import StringMatch
from seaway.resources.istio.virtual_service import VirtualService
from seaway.resources.load import load_text
from seaway.resources.resource import Resource

VERSIONS = {
    **dict.fromkeys(("PeerAuthentication", "RequestAuthentication", "AuthorizationPolicy"), "security.istio.io/v1"),
    "Telemetry": "telemetry.istio.io/v1",
    "RateLimitPolicy": "seaway.dev/v1alpha1",
}


def load(kind: str, spec: str) -> tuple[tuple[Resource[Any], ...], Findings]:
    """Spec starts on line 5, indented by two."""
    version = VERSIONS.get(kind, "networking.istio.io/v1")
    lines = "".join(f"  {line}\n" for line in spec.splitlines())
    loaded = load_text(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n{lines}", "a.yaml")
    return loaded.resources, loaded.findings


def body(kind: str, spec: str) -> Any:
    resources, findings = load(kind, spec)
    assert findings == ()
    return resources[0].body


ROUTE = "http: [{route: [{destination: {host: a}}]}]"
REFUSED = [
    pytest.param(
        "VirtualService",
        "http:\n- match:\n  - uri: {prefx: /a}",
        "NET0120",
        (7, 13),
        "StringMatch has no field spec.http[0].match[0].uri.prefx, did you mean prefix?",
        id="misspelt-in-a-match",
    ),
    pytest.param("VirtualService", "hosts: a", "NET0121", (5, 3), 'spec.hosts must be a list, not the text "a"', id="a-text-for-a-list"),
    pytest.param(
        "VirtualService",
        "http:\n- route:\n  - destination: {subset: v1}",
        "NET0122",
        (7, 7),
        "spec.http[0].route[0].destination.host is missing",
        id="destination-without-host",
    ),
    pytest.param(
        "VirtualService",
        "http:\n- timeout: 5\n  route: [{destination: {host: a}}]",
        "NET0121",
        (6, 5),
        "spec.http[0].timeout must be text, not the number 5",
        id="duration-as-a-number",
    ),
    pytest.param(
        "VirtualService",
        "http:\n- route:\n  - destination: {host: a}\n    weight: '90'",
        "NET0121",
        (8, 7),
        'weight must be a whole number, not the text "90"',
        id="weight-in-quotes",
    ),
    pytest.param(
        "VirtualService",
        "http:\n- match: [{headers: {end-user: jason}}]",
        "NET0121",
        (6, 24),
        'spec.http[0].match[0].headers.end-user must be a mapping, not the text "jason"',
        id="header-without-its-match",
    ),
    pytest.param(
        "VirtualService",
        "http:\n- fault: {abort: {percentage: 50, httpStatus: 500}}",
        "NET0121",
        (6, 21),
        "spec.http[0].fault.abort.percentage must be a mapping, not the number 50",
        id="percentage-without-value",
    ),
    pytest.param(
        "VirtualService",
        "http:\n- mirrorPercentage: {value: half}",
        "NET0121",
        (6, 24),
        'spec.http[0].mirrorPercentage.value must be a number, not the text "half"',
        id="no-number",
    ),
    pytest.param(
        "VirtualService",
        "http:\n- match: [{sourceLabels: {tier: 1}}]",
        "NET0121",
        (6, 29),
        "sourceLabels.tier must be text, not the number 1",
        id="label-as-a-number",
    ),
    pytest.param("DestinationRule", "subsets: []", "NET0122", (4, 1), "spec.host is missing", id="rule-without-host"),
    pytest.param(
        "DestinationRule",
        "host: a\nconnectionPool: {tcp: {maxConnections: 1}}",
        "NET0120",
        (6, 3),
        "DestinationRuleSpec has no field spec.connectionPool, but there is spec.trafficPolicy.connectionPool",
        id="one-level-too-high",
    ),
    pytest.param(
        "DestinationRule",
        "host: a\ntrafficPolicy: {circuitBreaker: {consecutiveErrors: 3, sleepWindow: 30s}}",
        "NET0120",
        (6, 58),
        "CircuitBreaker has no field spec.trafficPolicy.circuitBreaker.sleepWindow",
        id="unknown-in-a-circuit-breaker",
    ),
    pytest.param(
        "DestinationRule",
        "host: a\ntrafficPolicy: {loadBalancer: ROUND_ROBIN}",
        "NET0121",
        (6, 19),
        "spec.trafficPolicy.loadBalancer must be a mapping",
        id="load-balancer-as-text",
    ),
    pytest.param(
        "DestinationRule",
        "host: a\ntrafficPolicy: {outlierDetection: {consecutive5xxErrors: 2.5}}",
        "NET0121",
        (6, 38),
        "must be a whole number, not the number 2.5",
        id="half-an-error",
    ),
    pytest.param(
        "Gateway",
        "servers:\n- port: {number: 80, protocol: HTTP}\n  hosts: ['*']",
        "NET0122",
        (6, 5),
        "spec.servers[0].port.name is missing",
        id="port-without-name",
    ),
    pytest.param(
        "Gateway", "selector: {matchLabels: {a: b}}", "NET0121", (5, 14), "must be text, not a mapping", id="selector-of-another-kind"
    ),
    pytest.param("ServiceEntry", "ports: []", "NET0122", (4, 1), "spec.hosts is missing", id="entry-without-hosts"),
    pytest.param(
        "ServiceEntry",
        "hosts: [a.example]\nworkloadSelector: {matchLabels: {app: a}}",
        "NET0120",
        (6, 22),
        "LabelsSelector has no field spec.workloadSelector.matchLabels",
        id="the-other-selector",
    ),
    pytest.param("WorkloadGroup", "probe: {}", "NET0122", (4, 1), "spec.template is missing", id="group-without-template"),
    pytest.param(
        "Sidecar", "egress: [{port: {number: 80}}]", "NET0122", (5, 12), "spec.egress[0].hosts is missing", id="egress-without-hosts"
    ),
    pytest.param("PeerAuthentication", "mtls: STRICT", "NET0121", (5, 3), "spec.mtls must be a mapping", id="mode-without-its-field"),
    pytest.param("PeerAuthentication", "mtls: {mod: STRICT}", "NET0120", (5, 10), "did you mean mode?", id="misspelt-mode"),
    pytest.param(
        "RequestAuthentication",
        "jwtRules: [{issuer: a, jwksURI: https://a.example}]",
        "NET0120",
        (5, 26),
        "did you mean jwksUri?",
        id="case",
    ),
    pytest.param(
        "AuthorizationPolicy",
        "rules: [{to: [{operation: {ports: [80]}}]}]",
        "NET0121",
        (5, 38),
        "spec.rules[0].to[0].operation.ports[0] must be text, not the number 80",
        id="port-as-a-number",
    ),
    pytest.param(
        "AuthorizationPolicy",
        "rules: [{from: [{principals: [a]}]}]",
        "NET0120",
        (5, 20),
        "From has no field spec.rules[0].from[0].principals, but there is spec.rules[0].from[0].source.principals",
        id="source-left-out",
    ),
    pytest.param(
        "AuthorizationPolicy", "rules: [{when: [{values: [a]}]}]", "NET0122", (5, 19), "key is missing", id="condition-without-key"
    ),
    pytest.param(
        "AuthorizationPolicy",
        "targetRefs: [{kind: Service}]",
        "NET0122",
        (5, 16),
        "spec.targetRefs[0].name is missing",
        id="target-without-name",
    ),
    pytest.param("Telemetry", "metrics: [{providers: [prometheus]}]", "NET0121", (5, 26), "must be a mapping", id="provider-as-text"),
    pytest.param(
        "RateLimitPolicy", "limits: [{requests: 5}]", "NET0122", (5, 12), "spec.limits[0].per is missing", id="limit-without-period"
    ),
    pytest.param(
        "RateLimitPolicy",
        "limits: [{requests: 5, per: minute, key: [remoteAddress]}]",
        "NET0121",
        (5, 45),
        "spec.limits[0].key[0] must be a mapping",
        id="key-as-text",
    ),
]


@pytest.mark.parametrize(("kind", "spec", "code", "place", "message"), REFUSED)
def test_refused(kind: str, spec: str, code: str, place: tuple[int, int], message: str) -> None:
    resources, (found,) = load(kind, spec)
    assert resources == ()
    assert (found.code.id, (found.origin.line, found.origin.column)) == (code, place)
    assert message in found.message
    assert found.key is not None
    assert (found.key.kind, found.key.name) == (kind, "a")


def test_every_mistake_is_reported() -> None:
    _, findings = load("VirtualService", "host: [a]\nhttp: [{rout: []}]\ntcp: {}")
    assert [(one.code.id, one.origin.line) for one in findings] == [("NET0120", 5), ("NET0120", 6), ("NET0121", 7)]


def test_a_circuit_breaker_is_read_without_a_word() -> None:
    """It is no field of the API. Whoever acts on it says so, and says what it is taken for."""
    text = "host: a\ntrafficPolicy: {circuitBreaker: {consecutiveErrors: 3, interval: 30s, baseEjectionTime: 1m}}"
    rule: DestinationRule = body("DestinationRule", text)
    assert rule.spec.traffic_policy is not None
    assert rule.spec.traffic_policy.circuit_breaker == CircuitBreaker(consecutive_errors=3, interval="30s", base_ejection_time="1m")
    assert rule.spec.traffic_policy.outlier_detection is None


def test_absence_is_told_from_emptiness() -> None:
    """An empty `from` is a mistake, an absent one no condition; a rule without fields fits everything, no rules nothing."""
    policy: AuthorizationPolicy = body("AuthorizationPolicy", "rules: [{}, {from: []}, {from: [{}]}, {from: [{source: {}}]}]")
    nothing, empty, no_source, source = policy.spec.rules
    assert (nothing.from_, nothing.to) == (None, None)
    assert empty.from_ == ()
    assert no_source.from_ == (From(),)
    assert source.from_ is not None
    assert source.from_[0].source is not None
    assert body("AuthorizationPolicy", "{}").spec.rules == ()


def test_zero_is_told_from_absence() -> None:
    service: VirtualService = body(
        "VirtualService", "http:\n- {retries: {attempts: 0}, mirrorPercentage: {value: 0}}\n- {retries: {}, mirrorPercentage: {}}\n- {}"
    )
    written, empty, absent = service.spec.http
    assert (written.retries and written.retries.attempts, empty.retries and empty.retries.attempts, absent.retries) == (0, None, None)
    assert (written.mirror_percentage, absent.mirror_percentage) == (empty.mirror_percentage, None)


def test_an_empty_match_asks_for_presence() -> None:
    service: VirtualService = body("VirtualService", "http: [{match: [{headers: {a: {}, b: {exact: ''}, c: null}}]}]")
    assert service.spec.http[0].match[0].headers == {"a": StringMatch(), "b": StringMatch(exact=""), "c": StringMatch()}


def test_null_is_absence() -> None:
    service: VirtualService = body("VirtualService", ROUTE + "\ntcp: null\nexportTo: null")
    assert (service.spec.tcp, service.spec.export_to) == ((), ())


def test_whole_numbers_are_numbers() -> None:
    """And a float without a fraction is a whole number, as in JSON."""
    service: VirtualService = body("VirtualService", "http: [{mirrorPercentage: {value: 50}, match: [{port: 8080.0}]}]")
    assert service.spec.http[0].mirror_percentage is not None
    assert service.spec.http[0].mirror_percentage.value == 50.0
    assert service.spec.http[0].match[0].port == 8080


def test_ports_as_keys_are_text() -> None:
    peer: PeerAuthentication = body("PeerAuthentication", "portLevelMtls: {8080: {mode: DISABLE}, '9090': {mode: STRICT}}")
    assert peer.spec.port_level_mtls == {"8080": MutualTLS(mode="DISABLE"), "9090": MutualTLS(mode="STRICT")}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        pytest.param(("spec", "http", 0, "match", 0, "headers", "canary"), (9, 9), id="map-key"),
        pytest.param(("spec", "http", 0, "route", 0, "weight"), (13, 7), id="weight"),
        pytest.param(("spec", "http", 1, "route", 1, "destination", "subset"), (16, 34), id="flow"),
        pytest.param(("spec", "http", 1, "timeout"), (14, 5), id="absent"),
    ],
)
def test_places(path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    text = """hosts: [shop]
http:
- match:
  - headers:
      canary: {exact: "true"}
  route:
  - destination:
      host: shop
    weight: 100
- route:
  - {destination: {host: shop}}
  - {destination: {host: shop, subset: canary}}
"""
    (resource,), _ = load("VirtualService", text)
    origin = resource.at(*path)
    assert (origin.line, origin.column) == place


IDENTITY = [
    pytest.param("networking.istio.io/v1", "VirtualSerivce", "NET0113", "did you mean VirtualService?", id="misspelt"),
    pytest.param("security.istio.io/v1", "authorizationpolicy", "NET0113", "did you mean AuthorizationPolicy?", id="case"),
    pytest.param("networking.istio.io/v1beta2", "Gateway", "NET0115", "served as networking.istio.io/v1", id="unknown-version"),
    pytest.param(
        "security.istio.io/v1alpha3", "PeerAuthentication", "NET0115", "served as security.istio.io/v1", id="version-of-another-group"
    ),
    pytest.param("networking.istoi.io/v1", "VirtualService", "NET0115", "served as networking.istio.io/v1", id="misspelt-group"),
    pytest.param("networking.k8s.io/v1", "Sidecar", "NET0115", "served as networking.istio.io/v1", id="group-of-kubernetes"),
    pytest.param("v1", "ServiceEntry", "NET0115", "served as networking.istio.io/v1", id="no-group"),
]


@pytest.mark.parametrize(("version", "kind", "code", "message"), IDENTITY)
def test_what_an_object_is(version: str, kind: str, code: str, message: str) -> None:
    loaded = load_text(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n", "a.yaml")
    assert [one.code.id for one in loaded.findings] == [code]
    assert message in loaded.findings[0].message


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("gateway.networking.k8s.io/v1", "Gateway"),
        ("networking.istio.io/v1alpha3", "EnvoyFilter"),
        ("networking.istio.io/v1beta1", "ProxyConfig"),
        ("extensions.istio.io/v1alpha1", "WasmPlugin"),
        ("gateway.solo.io/v1", "Gateway"),
    ],
)
def test_kinds_of_others_with_the_same_name(version: str, kind: str) -> None:
    loaded = load_text(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n", "a.yaml")
    assert (loaded.findings, dict(loaded.not_modelled)) == ((), {f"{version}/{kind}": 1})
