"""outlierDetection, and the circuitBreaker that many write for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.model.upstream import Ejection


def ejection_of(read):
    found = read.treatment().ejection
    assert found is not None
    return replace(found, origin=None)


def test_without_it_nothing_is_ejected(mesh):
    assert mesh("").treatment().ejection is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{}", {}, id="defaults"),
        pytest.param("{consecutive5xxErrors: 3}", {"consecutive_5xx": 3}, id="5xx"),
        pytest.param("{consecutive5xxErrors: 0}", {"consecutive_5xx": 0}, id="5xx-off"),
        pytest.param("{consecutiveGatewayErrors: 2}", {"consecutive_gateway": 2}, id="gateway"),
        pytest.param("{interval: 1s, baseEjectionTime: 2m}", {"interval_s": 1, "base_s": 120}, id="times"),
        pytest.param("{maxEjectionPercent: 100}", {"max_percent": 100}, id="most"),
        pytest.param("{maxEjectionPercent: 0}", {"max_percent": 10}, id="zero-is-the-default"),
        pytest.param("{minHealthPercent: 40}", {"min_health_percent": 40}, id="panic"),
        pytest.param("{splitExternalLocalOriginErrors: true}", {"split_local": True, "consecutive_local": 5}, id="split"),
        pytest.param(
            "{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2}",
            {"split_local": True, "consecutive_local": 2},
            id="local",
        ),
        pytest.param("{outlierDetectionHttpErrorCodes: [500, 429, 500]}", {"status_codes": (429, 500)}, id="codes"),
    ],
)
def test_fields(policy, text, expected):
    read = policy(f"outlierDetection: {text}")
    assert read.codes == []
    assert ejection_of(read) == replace(Ejection(), **expected)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("{interval: 0s}", "interval", id="no-interval"),
        pytest.param("{baseEjectionTime: 1.5ms}", "baseEjectionTime", id="too-fine"),
        pytest.param("{maxEjectionPercent: 101}", "maxEjectionPercent", id="percent"),
        pytest.param("{minHealthPercent: -1}", "minHealthPercent", id="negative"),
        pytest.param("{consecutiveLocalOriginFailures: 3}", "consecutiveLocalOriginFailures", id="local-without-split"),
        pytest.param("{outlierDetectionHttpErrorCodes: [99]}", "outlierDetectionHttpErrorCodes[0]", id="no-status"),
    ],
)
def test_refused(policy, text, field):
    read = policy(f"outlierDetection: {text}")
    assert read.told == [f"NET0571 spec.trafficPolicy.outlierDetection.{field}"]
    assert read.treatment().ejection is None


def test_consecutive_errors_mean_nothing_upstream(policy):
    read = policy("outlierDetection: {consecutiveErrors: 3}")
    assert read.told == ["NET0588 spec.trafficPolicy.outlierDetection.consecutiveErrors"]
    assert ejection_of(read) == Ejection()


def test_a_circuit_breaker_is_taken_for_what_it_means(policy):
    read = policy("circuitBreaker: {consecutiveErrors: 3, interval: 30s, baseEjectionTime: 30s}")
    assert read.told == ["NET0576 spec.trafficPolicy.circuitBreaker"]
    assert "outlierDetection: {consecutive5xxErrors: 3, interval: 30s, baseEjectionTime: 30s}" in read.found[0].help
    assert ejection_of(read) == Ejection(consecutive_5xx=3, interval_s=30, base_s=30)


def test_a_circuit_breaker_beside_outlier_detection_is_passed_over(policy):
    read = policy("circuitBreaker: {consecutiveErrors: 3}\noutlierDetection: {consecutive5xxErrors: 7}")
    assert read.codes == ["NET0576"]
    assert ejection_of(read).consecutive_5xx == 7


def test_a_circuit_breaker_with_bad_values(policy):
    read = policy("circuitBreaker: {consecutiveErrors: -3}")
    assert read.codes == ["NET0576", "NET0571"]
    assert read.treatment().ejection is None


def test_a_circuit_breaker_of_a_port(policy):
    read = policy("portLevelSettings: [{port: {number: 80}, circuitBreaker: {consecutiveErrors: 2}}]")
    assert read.told == ["NET0576 spec.trafficPolicy.portLevelSettings[0].circuitBreaker"]
    assert ejection_of(read).consecutive_5xx == 2
    assert read.treatment(port=9000).ejection is None
