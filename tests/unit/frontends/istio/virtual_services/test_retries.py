"""http[].retries and the mesh's default."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.model.route import NoRetries, Retries

BUILT_IN = Retries(
    2,
    ("connect-failure", "refused-stream", "reset-before-request", "unavailable", "cancelled", "retriable-status-codes"),
    safe_on=("reset",),
)
BY_USER = "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}"


@pytest.mark.parametrize(
    ("written", "want"),
    [
        pytest.param("", BUILT_IN, id="absent"),
        pytest.param("retries: {attempts: 0}", NoRetries(), id="off"),
        pytest.param("retries: {}", NoRetries(), id="attempts-default-to-0"),
        pytest.param("retries: {attempts: 5}", replace(BUILT_IN, attempts=5), id="attempts"),
        pytest.param("retries: {attempts: 1, retryOn: '5xx,reset'}", Retries(1, ("5xx", "reset")), id="on"),
        pytest.param("retries: {attempts: 1, retryOn: '503'}", Retries(1, ("retriable-status-codes",), (503,)), id="status"),
        pytest.param(
            "retries: {attempts: 1, retryOn: 'retriable-status-codes,503,429'}",
            Retries(1, ("retriable-status-codes",), (503, 429)),
            id="statuses",
        ),
        pytest.param("retries: {attempts: 1, perTryTimeout: 2s, backoff: 10ms}", Retries(1, BUILT_IN.on, (), 2, 0.01), id="times"),
        pytest.param(
            "retries: {attempts: 1, retryRemoteLocalities: true}", replace(BUILT_IN, attempts=1, other_localities=True), id="localities"
        ),
        pytest.param(
            "retries: {attempts: 1, retryIgnorePreviousHosts: false}", replace(BUILT_IN, attempts=1, avoid_tried=False), id="same-hosts"
        ),
    ],
)
def test_policies(world, http, written, want):
    built = world(http(written))
    assert built.route().policy.retries == want
    assert built.found == []


@pytest.mark.parametrize(
    ("written", "avoid"),
    [
        ("", False),
        ("retries: {attempts: 3}", False),
        ("retries: {attempts: 3, retryIgnorePreviousHosts: true}", True),
    ],
)
def test_a_consistent_hash_keeps_to_its_host(world, http, destination_rule, written, avoid):
    retries = world(http(written), destination_rule("web", BY_USER)).route().policy.retries
    assert isinstance(retries, Retries)
    assert retries.avoid_tried is avoid


def test_the_hash_of_one_among_several_destinations_changes_nothing(world, http, destination_rule):
    split = "route: [{destination: {host: web}, weight: 1}, {destination: {host: other.far.svc.cluster.local}, weight: 1}]"
    policy = world(http("", split), destination_rule("web", BY_USER)).route().policy
    assert policy.retries == BUILT_IN
    assert [one.name for one in policy.hash_by] == ["x-user"]


def test_the_meshs_default(world, http):
    mesh = "defaultHttpRetryPolicy: {attempts: 7, retryOn: gateway-error}"
    assert world(mesh=mesh).route().policy.retries == Retries(7, ("gateway-error",))
    assert world(http(), mesh=mesh).route().policy.retries == Retries(7, ("gateway-error",))
    assert world(http("retries: {attempts: 1}"), mesh=mesh).route().policy.retries == replace(BUILT_IN, attempts=1)
    assert world(http(), mesh="defaultHttpRetryPolicy: {attempts: 0}").route().policy.retries == NoRetries()


def test_a_default_that_cannot_be_used_leaves_the_built_in_one(world):
    built = world(mesh="defaultHttpRetryPolicy: {attempts: 7, retryOn: nonsense, backoff: never}")
    assert built.route().policy.retries == BUILT_IN
    assert [one.partition(":")[0] for one in built.found] == ["NET0501", "NET0501"]
    assert "retryOn knows no nonsense" in built.messages[0]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("attempts: -1", "negative"),
        ("attempts: 0, retryOn: 5xx", "switches retries off"),
        ("perTryTimeout: 1s", "switches retries off"),
        ("attempts: 1, retryOn: '5xx, reset'", "a space stands beside reset"),
        ("attempts: 1, retryOn: '503 '", "a space stands beside 503"),
        ("attempts: 1, retryOn: '5xx,'", "an empty word"),
        ("attempts: 1, retryOn: '999'", "knows no 999"),
        ("attempts: 1, retryOn: conect-failure", "knows no conect-failure"),
        ("attempts: 1, perTryTimeout: 0s", "perTryTimeout"),
        ("attempts: 1, backoff: 1d", "backoff"),
    ],
)
def test_refused(world, http, written, problem):
    built = world(http(f"retries: {{{written}}}"))
    assert built.found == ["NET0538:4"]
    assert problem in built.messages[0]
    assert built.table() == ["* -> web.shop|80"]
