"""What a limit says, once its defaults are filled in, and which requests it counts. Mistakes are shown by tests/cases/rate-limits."""

from __future__ import annotations

import pytest

from seaway.analysis.terms import Call, holds
from seaway.core.names import Key
from seaway.frontends.istio.authorization.fields import Surroundings
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.rate_limits.limits import read_limit
from seaway.model.authorization import CountedBy, LimitKey, RateLimit
from seaway.resources.load import load_text

AROUND = Surroundings("shop", ("cluster.local",))


def read(limit: str) -> RateLimit:
    text = f"apiVersion: seaway.dev/v1alpha1\nkind: RateLimitPolicy\nmetadata: {{name: one, namespace: shop}}\nspec: {{limits: [{{{limit}}}]}}\n"
    (resource,) = load_text(text, "limit.yaml").resources
    found, findings = read_limit(resource.body.spec.limits[0], 0, Place(resource, ("spec", "limits", 0)), AROUND)
    assert (findings, found is not None) == ((), True)
    assert found is not None
    return found


def test_defaults() -> None:
    limit = read("requests: 5, per: minute")
    assert (limit.burst, limit.shared, limit.status, limit.fail_open, limit.dry_run) == (5, False, 429, True, False)
    assert (limit.key, limit.name) == (Key("seaway.dev", "RateLimitPolicy", "shop", "one"), "shop/one[0]")


@pytest.mark.parametrize(
    ("per", "seconds"),
    [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86400), ("10s", 10), ("1m30s", 90), ("50ms", 0.05)],
)
def test_periods(per: str, seconds: float) -> None:
    assert read(f"requests: 1, per: {per}").per_s == seconds


@pytest.mark.parametrize(
    ("key", "by"),
    [
        ("header: X-User", LimitKey(CountedBy.HEADER, "x-user")),
        ("queryParam: Key", LimitKey(CountedBy.PARAMETER, "Key")),
        ("claim: realm.user", LimitKey(CountedBy.CLAIM, "realm.user")),
        ("remoteAddress: {}", LimitKey(CountedBy.CLIENT)),
        ("sourcePrincipal: {}", LimitKey(CountedBy.CALLER)),
        ("path: {}", LimitKey(CountedBy.PATH)),
        ("method: {}", LimitKey(CountedBy.METHOD)),
    ],
)
def test_keys(key: str, by: LimitKey) -> None:
    assert read(f"requests: 1, per: second, key: [{{{key}}}]").keys == (by,)


CALL = Call(
    peer="10.0.0.1",
    destination="10.0.0.2",
    port=8080,
    client="192.0.2.7",
    principal="spiffe://cluster.local/ns/shop/sa/web",
    path="/orders/1",
    headers=((":method", "POST"), (":authority", "Shop.test:80"), ("x-batch", "yes")),
)


@pytest.mark.parametrize(
    ("match", "counts"),
    [
        pytest.param("[]", True, id="nothing-is-everything"),
        pytest.param("[{methods: [POST, PUT], paths: [/orders*]}]", True, id="all-fields"),
        pytest.param("[{methods: [GET], paths: [/orders*]}]", False, id="one-field-does-not-fit"),
        pytest.param("[{methods: [GET]}, {paths: [/orders/*]}]", True, id="one-of-two"),
        pytest.param("[{notMethods: [POST]}]", False, id="excluded-method"),
        pytest.param("[{paths: [/orders*], notPaths: [/orders/2]}]", True, id="path-but-for-one"),
        pytest.param('[{paths: ["/orders/{*}"]}]', True, id="template"),
        pytest.param("[{hosts: [shop.test*]}]", True, id="host-and-port"),
        pytest.param("[{notHosts: [shop.test*]}]", False, id="excluded-host"),
        pytest.param("[{headers: {X-Batch: {}}}]", True, id="header-is-there"),
        pytest.param("[{headers: {x-batch: {exact: other}}}]", False, id="header-of-another-value"),
        pytest.param("[{principals: [cluster.local/ns/shop/sa/web]}]", True, id="caller"),
        pytest.param("[{notPrincipals: [cluster.local/ns/shop/sa/web]}]", False, id="excluded-caller"),
        pytest.param("[{namespaces: [shop]}]", True, id="namespace"),
        pytest.param("[{notNamespaces: [shop]}]", False, id="excluded-namespace"),
        pytest.param("[{remoteIpBlocks: [192.0.2.0/24]}]", True, id="client"),
        pytest.param("[{notRemoteIpBlocks: [192.0.2.7]}]", False, id="excluded-client"),
    ],
)
def test_what_counts(match: str, counts: bool) -> None:
    assert holds(read(f"requests: 1, per: second, match: {match}").when, CALL) is counts
