"""loadBalancer: simple, consistentHash, warm-up."""

from __future__ import annotations

import pytest

from seaway.model.upstream import ConsistentHash, HashBy, Passthrough, Simple, Warmup

HEADER = HashBy("header", "x-user")


@pytest.mark.parametrize(
    ("text", "expected", "codes"),
    [
        pytest.param("{simple: ROUND_ROBIN}", Simple.ROUND_ROBIN, [], id="round-robin"),
        pytest.param("{simple: RANDOM}", Simple.RANDOM, [], id="random"),
        pytest.param("{simple: LEAST_REQUEST}", Simple.LEAST_REQUEST, [], id="least-request"),
        pytest.param("{simple: UNSPECIFIED}", Simple.LEAST_REQUEST, [], id="unspecified"),
        pytest.param("{simple: LEAST_CONN}", Simple.LEAST_REQUEST, ["NET0589"], id="least-conn"),
        pytest.param("{simple: PASSTHROUGH}", Passthrough(), [], id="passthrough"),
        pytest.param("{consistentHash: {httpHeaderName: x-user}}", ConsistentHash(HEADER), [], id="header"),
        pytest.param("{consistentHash: {useSourceIp: true}}", ConsistentHash(HashBy("source")), [], id="source"),
        pytest.param("{consistentHash: {httpQueryParameterName: id}}", ConsistentHash(HashBy("query", "id")), [], id="query"),
        pytest.param("{consistentHash: {httpCookie: {name: user}}}", ConsistentHash(HashBy("cookie", "user")), [], id="cookie-read"),
        pytest.param(
            "{consistentHash: {httpCookie: {name: user, ttl: 0s}}}",
            ConsistentHash(HashBy("cookie", "user", "", 0)),
            [],
            id="session-cookie",
        ),
        pytest.param(
            "{consistentHash: {httpCookie: {name: user, path: /, ttl: 1h, attributes: [{name: SameSite, value: Lax}]}}}",
            ConsistentHash(HashBy("cookie", "user", "/", 3600, (("SameSite", "Lax"),))),
            [],
            id="cookie-made",
        ),
        pytest.param(
            "{consistentHash: {httpHeaderName: x-user, ringHash: {minimumRingSize: 8}}}", ConsistentHash(HEADER, 8), [], id="ring"
        ),
        pytest.param(
            "{consistentHash: {httpHeaderName: x-user, minimumRingSize: 16}}", ConsistentHash(HEADER, 16), ["NET0589"], id="old-ring"
        ),
        pytest.param(
            "{consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 65537}}}", ConsistentHash(HEADER, 1024, 65537), [], id="maglev"
        ),
    ],
)
def test_balancing(policy, text, expected, codes):
    read = policy(f"loadBalancer: {text}")
    assert read.codes == codes
    assert read.treatment().balancing == expected
    assert read.rules.hash_by(read.identify()) == ((expected.by,) if isinstance(expected, ConsistentHash) else ())


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("{simple: FASTEST}", "simple", id="unknown"),
        pytest.param("{simple: RANDOM, consistentHash: {useSourceIp: true}}", "consistentHash", id="both"),
        pytest.param("{consistentHash: {}}", "consistentHash", id="no-key"),
        pytest.param("{consistentHash: {useSourceIp: false}}", "consistentHash", id="key-off"),
        pytest.param("{consistentHash: {useSourceIp: true, httpHeaderName: a}}", "consistentHash", id="two-keys"),
        pytest.param("{consistentHash: {httpCookie: {name: ''}}}", "consistentHash.httpCookie", id="nameless-cookie"),
        pytest.param("{consistentHash: {httpCookie: {name: a, ttl: -1s}}}", "consistentHash.httpCookie.ttl", id="negative-ttl"),
        pytest.param("{consistentHash: {useSourceIp: true, maglev: {tableSize: 10}}}", "consistentHash.maglev.tableSize", id="no-prime"),
        pytest.param("{consistentHash: {useSourceIp: true, maglev: {}}}", "consistentHash.maglev.tableSize", id="no-table"),
        pytest.param(
            "{consistentHash: {useSourceIp: true, maglev: {tableSize: 5000011}}}", "consistentHash.maglev.tableSize", id="too-large"
        ),
        pytest.param("{consistentHash: {useSourceIp: true, maglev: {tableSize: 7}, ringHash: {}}}", "consistentHash", id="two-algorithms"),
        pytest.param(
            "{consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 9000000}}}",
            "consistentHash.ringHash.minimumRingSize",
            id="ring-too-large",
        ),
        pytest.param("{warmup: {duration: 0s}}", "warmup.duration", id="no-warm-up"),
        pytest.param("{warmup: {duration: 1m, minimumPercent: 101}}", "warmup.minimumPercent", id="percent"),
        pytest.param("{warmup: {duration: 1m, aggression: 0.5}}", "warmup.aggression", id="aggression"),
    ],
)
def test_refused(policy, text, field):
    read = policy(f"loadBalancer: {text}")
    assert read.told == [f"NET0571 spec.trafficPolicy.loadBalancer.{field}"]
    assert read.treatment().balancing == Simple.LEAST_REQUEST
    assert read.treatment().warmup is None


@pytest.mark.parametrize(
    ("text", "expected", "codes"),
    [
        pytest.param("{warmup: {duration: 30s}}", Warmup(30), [], id="defaults"),
        pytest.param("{warmup: {duration: 30s, minimumPercent: 0, aggression: 2}}", Warmup(30, 0, 2), [], id="all"),
        pytest.param("{simple: ROUND_ROBIN, warmup: {duration: 30s}}", Warmup(30), [], id="round-robin"),
        pytest.param("{warmupDurationSecs: 45s}", Warmup(45), ["NET0589"], id="old-form"),
        pytest.param("{simple: RANDOM, warmup: {duration: 30s}}", None, ["NET0592"], id="random-has-no-use-for-it"),
    ],
)
def test_warmup(policy, text, expected, codes):
    read = policy(f"loadBalancer: {text}")
    assert read.codes == codes
    assert read.treatment().warmup == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("{zoneAwareLbSetting: {enabled: true}}", "NET0593", id="zone-aware"),
        pytest.param("{backendUtilization: {}}", "NET0592", id="utilization"),
    ],
)
def test_what_is_not_honoured_is_said(policy, text, code):
    assert policy(f"loadBalancer: {text}").codes == [code]


def test_headless_services_leave_the_choice_to_the_caller(mesh):
    host = "ratings.shop.svc.cluster.local"
    read = mesh("")
    assert read.upstream(host=host).treatment.balancing == Passthrough()
