"""Delegates: whose rules they are, which of them hold, and what they take over."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.clients import Client
from seaway.model.route import Forward, HeaderOps, NoRetries, RewritePrefix

DB = "route: [{destination: {host: db.shop.svc.cluster.local}}]"


@pytest.fixture
def roots(world, virtual):
    """A root whose first rule delegates, with `fields` besides, and the delegate `part` with these rules."""

    def make(fields: str, *rules: str, namespace: str = "shop", **more: str):
        own = ", ".join(f"{{{one}}}" for one in rules)
        root = virtual(
            f"http: [{{delegate: {{name: part, namespace: {namespace}}}{', ' if fields else ''}{fields}}}, {{route: [{{destination: {{host: web}}}}]}}]"
        )
        return world(root, virtual(f"http: [{own}]", name="part", namespace=namespace, hosts="", **more))

    return make


def test_rules_are_the_delegates(roots):
    built = roots("", f"match: [{{uri: {{prefix: /db}}}}], {DB}")
    assert built.table() == ["TextPrefix(/db) -> db.shop|5432", "* -> web.shop|80"]
    assert built.found == []
    first, last = built.routes()
    assert (first.owner.name, [one.name for one in first.via], first.origin.line) == ("part", ["web"], 9)
    assert (last.owner.name, last.via) == ("web", ())


def test_short_names_are_the_delegates_own(roots):
    assert roots("", "route: [{destination: {host: other}}]", namespace="far").table() == ["* -> other.far|80"]


def test_features_are_taken_over_whole(roots):
    root = (
        "name: r, rewrite: {uri: /r}, timeout: 9s, retries: {attempts: 9}, headers: {request: {set: {a: r}}}, mirror: {host: web}, mirrorPercentage: {value: 9}, "
        "fault: {abort: {httpStatus: 500, percentage: {value: 9}}}, corsPolicy: {allowMethods: [GET]}"
    )
    own = "name: o, rewrite: {uri: /o}, timeout: 1s, retries: {attempts: 0}, headers: {response: {set: {b: o}}}, mirror: {host: db}, mirrorPercentage: {value: 1}"
    taken, kept = roots(root, f"match: [{{uri: {{prefix: /a}}}}], {DB}", f"{own}, {DB}").routes()
    assert isinstance(taken.action, Forward)
    assert isinstance(kept.action, Forward)
    assert (taken.name, taken.action.rewrite, taken.policy.timeout_s) == ("r", RewritePrefix("/r"), 9)
    assert (kept.name, kept.action.rewrite, kept.policy.timeout_s) == ("r-o", RewritePrefix("/o"), 1)
    assert kept.policy.retries == NoRetries()
    assert taken.policy.request == HeaderOps(set=(("a", "r"),))
    assert (kept.policy.request, kept.policy.response) == (HeaderOps(), HeaderOps(set=(("b", "o"),)))
    assert [(one.policy.mirrors[0].to.host[:2], one.policy.mirrors[0].percent) for one in (taken, kept)] == [("we", 9), ("db", 1)]
    assert kept.policy.fault == taken.policy.fault is not None
    assert kept.policy.cors == taken.policy.cors is not None


@pytest.mark.parametrize(
    ("root", "own", "want"),
    [
        ("", "uri: {prefix: /a}", "TextPrefix(/a)"),
        ("uri: {prefix: /a}", "", "TextPrefix(/a)"),
        ("uri: {prefix: /a}", "uri: {prefix: /a/b}", "TextPrefix(/a/b)"),
        ("uri: {prefix: /a}", "uri: {exact: /a/b}", "Exact(/a/b)"),
        ("uri: {exact: /a}", "uri: {exact: /a}", "Exact(/a)"),
        ("uri: {regex: /a}", "method: {exact: GET}", "Regex(/a) :method=exact:GET"),
        ("headers: {a: {exact: b}}", "headers: {c: {exact: d}}", "* a=exact:b c=exact:d"),
        ("headers: {a: {prefix: b}}", "headers: {a: {exact: bc}}", "* a=exact:bc"),
        ("withoutHeaders: {a: {exact: b}}, queryParams: {q: {exact: '1'}}", "queryParams: {r: {}}", "* !a=exact:b ?q=exact:1 ?r=present:"),
        ("name: m, uri: {prefix: /a}", "name: o", "m-o"),
    ],
)
def test_matches_within_the_roots(roots, root, own, want):
    built = roots(f"match: [{{{root}}}]" if root else "", f"match: [{{{own}}}], {DB}" if own else DB)
    assert want in built.table()[0]
    assert built.found == []


@pytest.mark.parametrize(
    ("root", "own"),
    [
        ("uri: {prefix: /a}", "uri: {prefix: /b}"),
        ("uri: {prefix: /a/b}", "uri: {prefix: /a}"),
        ("uri: {exact: /a}", "uri: {prefix: /a}"),
        ("uri: {exact: /a}", "uri: {exact: /b}"),
        ("uri: {regex: /a}", "uri: {regex: /a}"),
        ("uri: {prefix: /a}", "uri: {regex: /a.*}"),
        ("uri: {prefix: /a}", "uri: {prefix: /a}, ignoreUriCase: true"),
        ("method: {exact: GET}", "method: {exact: PUT}"),
        ("headers: {a: {exact: b}}", "headers: {a: {exact: c}}"),
        ("headers: {a: {}}", "headers: {a: {exact: c}}"),
        ("withoutHeaders: {a: {exact: b}}", "withoutHeaders: {a: {exact: c}}"),
        ("queryParams: {a: {exact: b}}", "queryParams: {a: {exact: c}}"),
        ("port: 80", "port: 81"),
        ("sourceNamespace: shop", "sourceNamespace: far"),
        ("sourceNamespace: shop", "uri: {exact: /a}"),
        ("sourceLabels: {a: b}", "sourceLabels: {a: c}"),
        ("gateways: [mesh]", "gateways: [mesh, edge]"),
    ],
)
def test_a_match_outside_the_roots_leaves_its_rule_out(roots, root, own):
    built = roots(f"match: [{{{root}}}]", f"match: [{{{own}}}], {DB}", f"name: kept, {DB}")
    assert "NET0551:9" in built.found
    assert len([one for one in built.virtual.rules[0].http if one.via]) == 1


def test_sources_are_joined(roots):
    built = roots("match: [{sourceLabels: {a: b}}]", f"match: [{{sourceLabels: {{c: d}}}}], {DB}")
    both, one = Client("shop", (("a", "b"), ("c", "d"))), Client("shop", (("a", "b"),))
    assert built.table(client=both)[0] == "* -> db.shop|5432"
    assert built.table(client=one) == ["* -> web.shop|80"]


@pytest.mark.parametrize(
    ("delegate", "problem"),
    [
        pytest.param("", "no such VirtualService", id="missing"),
        pytest.param("{hosts: [db], http: [{route: [{destination: {host: db}}]}]}", "has hosts", id="served"),
        pytest.param("{http: [{retries: {attempts: -1}, route: [{destination: {host: db}}]}]}", "is refused", id="refused"),
        pytest.param("{exportTo: [far], http: [{route: [{destination: {host: db}}]}]}", "not exported to namespace shop", id="hidden"),
    ],
)
def test_a_delegate_that_cannot_be_used_leaves_the_rule_out(world, virtual, delegate, problem):
    root = virtual("http: [{delegate: {name: part}}, {route: [{destination: {host: web}}]}]")
    part = virtual("", name="part").rpartition("spec: ")[0] + f"spec: {delegate}\n---\n" if delegate else ""
    built = world(root, part)
    assert built.table() == ["* -> web.shop|80"]
    assert problem in next(one for one in built.messages if "delegate" in one)
    assert "NET0550:4" in built.found


def test_a_delegate_that_nobody_names(world, virtual):
    assert world(virtual(f"http: [{{{DB}}}]", hosts="")).found == ["NET0555:1"]


@pytest.mark.parametrize(
    "spec",
    [
        "gateways: [edge], http: [{%s}]",
        "http: [{%s}], tcp: [{%s}]",
        "http: [{%s}], tls: [{match: [{sniHosts: [db]}], %s}]",
        "http: [{delegate: {name: x}}]",
    ],
)
def test_what_a_delegate_may_not_have(world, virtual, spec):
    found = world(virtual(spec.replace("%s", DB), hosts="")).found
    assert {one.partition(":")[0] for one in found} & {"NET0530", "NET0532"}
