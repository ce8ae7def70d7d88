"""Which rule a caller sees, how rules of one host come together, and by which id their upstreams go."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.destination_rules.variants import Variant, parse_variant


def rule(name, namespace, limit, host="reviews.shop.svc.cluster.local", more="", created=""):
    """A rule that is told by its limit of connections."""
    age = f", creationTimestamp: '{created}'" if created else ""
    policy = f"trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: {limit}}}}}}}" if limit else ""
    fields = ", ".join(one for one in (f"host: '{host}'", policy, more) if one)
    return (
        f"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
        f"metadata: {{name: {name}, namespace: {namespace}{age}}}\nspec: {{{fields}}}"
    )


def limit(read, client):
    found = read.upstream(client).treatment.pool.max_connections
    return found if found < 1000 else 0


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([], {"shop": 0, "web": 0}, id="none"),
        pytest.param([rule("a", "shop", 1)], {"shop": 1, "web": 1, "istio-system": 1}, id="the-hosts-namespace"),
        pytest.param([rule("a", "shop", 1, more="exportTo: [.]")], {"shop": 1, "web": 0}, id="private"),
        pytest.param([rule("a", "shop", 1, more="exportTo: [web]")], {"shop": 0, "web": 1, "other": 0}, id="only-for-others"),
        pytest.param([rule("a", "web", 2)], {"shop": 0, "web": 2}, id="the-callers-own"),
        pytest.param([rule("a", "shop", 1), rule("b", "web", 2)], {"shop": 1, "web": 2, "other": 1}, id="own-hides-the-hosts"),
        pytest.param([rule("a", "istio-system", 3)], {"shop": 3, "web": 3, "istio-system": 3}, id="root"),
        pytest.param([rule("a", "istio-system", 3), rule("b", "shop", 1)], {"web": 1, "istio-system": 1}, id="root-is-last"),
        pytest.param(
            [rule("a", "istio-system", 3, more="exportTo: [.]"), rule("b", "shop", 1)], {"web": 1, "istio-system": 3}, id="private-root"
        ),
        pytest.param([rule("a", "web", 2, host="*.local"), rule("b", "shop", 1)], {"web": 2, "shop": 1}, id="own-wildcard-hides-all"),
        pytest.param(
            [rule("a", "shop", 1, host="*.local"), rule("b", "shop", 2, host="*.shop.svc.cluster.local"), rule("c", "shop", 3, host="*")],
            {"web": 2},
            id="longest-wildcard",
        ),
        pytest.param([rule("a", "shop", 1, host="*.local"), rule("b", "shop", 2)], {"web": 2}, id="exact-before-wildcard"),
        pytest.param([rule("a", "shop", 1, host="reviews")], {"web": 1}, id="short-name"),
        pytest.param(
            [rule("a", "shop", 1, more="exportTo: [other]"), rule("b", "shop", 2, host="*")],
            {"web": 0, "other": 1},
            id="hidden-exact-rule-shuts-out-the-wildcard",
        ),
    ],
)
def test_precedence(mesh, rules, expected):
    read = mesh("\n---\n".join(rules))
    assert {namespace: limit(read, namespace) for namespace in expected} == expected


def test_a_selector_picks_callers(mesh):
    picked = rule("a", "web", 1, more="workloadSelector: {matchLabels: {app: cart}}")
    read = mesh(f"{picked}\n---\n{rule('b', 'web', 2)}")
    assert limit(read, Client("web", (("app", "cart"), ("tier", "front")))) == 1
    assert limit(read, Client("web", (("app", "other"),))) == 2
    assert limit(read, "shop") == 0
    assert read.rules.label_keys == {"app"}


def test_a_selector_that_picks_nobody_leaves_no_rule(mesh):
    """The step was taken all the same: the host's own rule is not asked."""
    picked = rule("a", "web", 1, more="workloadSelector: {matchLabels: {app: cart}}")
    read = mesh(f"{picked}\n---\n{rule('b', 'shop', 2)}")
    assert limit(read, "web") == 0
    assert read.identify("web").variant == "-"


def test_rules_of_one_host_merge(mesh):
    first = rule("b", "shop", 1, more="subsets: [{name: v1, labels: {version: v1}}]", created="2025-01-01T00:00:00Z")
    second = rule("a", "shop", 2, more="subsets: [{name: v2, labels: {version: v2}}, {name: v1, labels: {version: v9}}]")
    read = mesh(f"{second}\n---\n{first}")
    assert limit(read, "web") == 1
    assert read.rules.build(read.identify("web", subset="v2")).endpoints != read.rules.build(read.identify("web", subset="none")).endpoints
    assert sorted(read.codes) == ["NET0575", "NET0579", "NET0580"]
    assert read.identify("web").variant == ""


def test_the_first_traffic_policy_counts(mesh):
    read = mesh(f"{rule('a', 'shop', 0, more='subsets: [{name: v1, labels: {version: v1}}]')}\n---\n{rule('b', 'shop', 2)}")
    assert limit(read, "web") == 2
    assert read.codes == ["NET0580"]


def test_rules_with_other_audiences_stand_apart(mesh):
    read = mesh(f"{rule('a', 'shop', 1, more='exportTo: [.]')}\n---\n{rule('b', 'shop', 2)}")
    assert limit(read, "web") == 2
    assert limit(read, "shop") == 2  # of several without a selector the last counts, as upstream has it


@pytest.mark.parametrize(
    ("rules", "client", "variant"),
    [
        pytest.param([rule("a", "shop", 1)], "shop", "", id="what-all-see"),
        pytest.param([rule("a", "shop", 1, more="exportTo: [.]")], "shop", "shop/a", id="private"),
        pytest.param([rule("a", "shop", 1, more="exportTo: [.]")], "web", "", id="without-it"),
        pytest.param([rule("a", "web", 1)], "web", "web/a", id="own"),
        pytest.param([rule("a", "web", 1)], Client("web", in_mesh=False), "ingress", id="outside-the-mesh"),
        pytest.param([], Client("web", gateway="edge"), "", id="gateway"),
    ],
)
def test_ids(mesh, rules, client, variant):
    assert mesh("\n---\n".join(rules)).identify(client).variant == variant


def test_gateways_call_headless_services_and_unknown_protocols_in_another_way(mesh):
    read = mesh("")
    gateway = Client("web", gateway="edge")
    assert read.identify(gateway, host="ratings.shop.svc.cluster.local").variant == "gateway"
    assert read.identify(gateway, port=7000).variant == "gateway"
    assert read.identify("web", port=7000).variant == ""
    assert read.upstream(gateway, port=7000).protocol.http
    assert not read.upstream("web", port=7000).protocol.http


@pytest.mark.parametrize(
    "variant",
    [
        Variant(),
        Variant("-"),
        Variant("shop/a+shop/b"),
        Variant("shop/a", "other", True, "web"),
        Variant(gateway=True),
        Variant(credentials_of="web"),
        Variant("shop/a", labels=(("example.org/rack", "7"), ("tier", ""))),
    ],
)
def test_variants_are_read_back(variant):
    assert parse_variant(str(variant)) == variant


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param("host: ''", ["NET0570 spec.host"], id="no-host"),
        pytest.param("host: a_b", ["NET0570 spec.host"], id="no-name"),
        pytest.param("host: 'a.*.b'", ["NET0570 spec.host"], id="star-inside"),
        pytest.param("host: reviews, exportTo: [., shop]", ["NET0570 spec.exportTo"], id="twice"),
        pytest.param("host: reviews, exportTo: ['*', web]", ["NET0570 spec.exportTo"], id="all-and-one"),
        pytest.param("host: reviews, exportTo: ['~']", ["NET0570 spec.exportTo"], id="nobody"),
        pytest.param(
            "host: reviews, exportTo: ['*'], workloadSelector: {matchLabels: {a: b}}", ["NET0570 spec.exportTo"], id="selector-abroad"
        ),
        pytest.param(
            "host: reviews, workloadSelector: {matchLabels: {a: '*'}}", ["NET0570 spec.workloadSelector.matchLabels"], id="selector-star"
        ),
        pytest.param("host: reviewz", ["NET0578 spec.host"], id="unknown"),
        pytest.param("host: reviews.shop", ["NET0578 spec.host"], id="half-a-name"),
        pytest.param("host: '*.example.org'", ["NET0578 spec.host"], id="unknown-wildcard"),
        pytest.param("host: '*.local'", [], id="wildcard"),
        pytest.param("host: reviews, exportTo: [.], workloadSelector: {matchLabels: {a: b}}", [], id="selector-at-home"),
    ],
)
def test_whole_rules(mesh, fields, told):
    read = mesh(f"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: a, namespace: shop}}\nspec: {{{fields}}}")
    assert read.told == told
