"""rewrite-target: values, regex mode and its order, redirects, advice. Patterns are tried on real paths with RE2, as Envoy does."""

from __future__ import annotations

import re

import pytest
import re2

from seaway.frontends.ingress.regexes import compile_path, literal_head
from seaway.frontends.ingress.rewrite import NoTarget, PathTarget, UnusableTarget, UrlTarget, parse_target, target_problem
from seaway.model.route import Destination, Exact, Forward, Prefix, Redirect, Regex
from seaway.model.upstream import OUTSIDE_MESH, UpstreamId

H = "shop.example.com"
TARGET = "nginx.ingress.kubernetes.io/rewrite-target"


def ask(built, path, host=H):
    """The first route that matches, as Envoy tries them, and the path that its backend gets."""
    for route in built.routes(host):
        match route.match:
            case Exact(own):
                hit = path == own
            case Prefix(own):
                hit = own == "/" or path == own or path.startswith(own + "/")
            case Regex(pattern):
                hit = re2.fullmatch(pattern, path) is not None
        if hit:
            rewrite = route.action.rewrite if isinstance(route.action, Forward | Redirect) else None
            return route.action, rewritten(path, rewrite) if rewrite else path
    return None, path


def rewritten(path, rewrite):
    """C++ RE2's GlobalReplace: groups have one digit. (The Python binding reads more.)"""
    found = re2.fullmatch(rewrite.pattern, path)
    return re.sub(r"\\([0-9])", lambda group: found[int(group[1])] or "", rewrite.substitution)


@pytest.mark.parametrize(
    ("path", "target", "asked", "sent"),
    [
        pytest.param("/something(/|$)(.*)", "/$2", "/something", "/", id="recipe: bare"),
        pytest.param("/something(/|$)(.*)", "/$2", "/something/", "/", id="recipe: slash"),
        pytest.param("/something(/|$)(.*)", "/$2", "/something/new/x", "/new/x", id="recipe: below"),
        pytest.param("/something(/|$)(.*)", "/$2", "/somethingelse", None, id="recipe: another word"),
        pytest.param("/something(/|$)(.*)", "/$2", "/SomeThing/A", "/A", id="letter case of the path does not count"),
        pytest.param("/foo", "/", "/foo/x/y", "/", id="without groups all becomes the target"),
        pytest.param("/foo", "/", "/foobar", "/", id="ends open"),
        pytest.param("/id/[0-9]+", "/n", "/id/123a", "/n", id="regex ends open"),
        pytest.param("/id/[0-9]+$", "/n", "/id/123a", None, id="its own end anchor holds"),
        pytest.param("/v(1|2)/(.*)", "/api/$2/v$1", "/v2/cart", "/api/cart/v2", id="groups in any order"),
        pytest.param("/a(x)?(/.*)", "$2", "/a/b", "/b", id="a group that took no part is empty"),
        pytest.param("/a(.*)", "/b$2", "/a/c", "/b", id="a missing group is empty"),
        pytest.param("/a(.*)", "/$10", "/a/c", "//c0", id="$10 is $1 and a zero"),
        pytest.param("/a|/b", "/z", "/x/b", "/z", id="the anchor binds to the first alternative"),
        pytest.param("/a|/b", "/z", "/x/a", None, id="and holds there"),
    ],
)
def test_paths(build, ingress, path, target, asked, sent):
    built = build(ingress((H, path, "ImplementationSpecific", "web"), annotations={TARGET: target}))
    action, got = ask(built, asked)
    assert (got if isinstance(action, Forward) else None) == sent


def test_mode_spreads_over_the_host(build, ingress):
    built = build(
        ingress((H, "/foo(/|$)(.*)", "ImplementationSpecific", "web"), annotations={TARGET: "/$2"}, name="aa"),
        ingress((H, "/Exact", "Exact", "api"), (H, "/pre", "Prefix", "api"), ("b.example.com", "/pre", "Prefix", "api"), name="bb"),
    )
    assert ask(built, "/eXACTLY")[0] == ask(built, "/prefix")[0] != ask(built, "/nothing")[0]
    assert built.table("b.example.com") == ["/pre api:8080", "/ 404"]
    (spread,) = built.found("NET0330")
    assert spread.key.name == "bb"
    assert "default/aa at in.yaml" in spread.why


def test_longest_text_first_then_reverse_alphabetical(build, ingress):
    rows = [(H, path, "ImplementationSpecific", "web") for path in ("/a", "/b", "/foo/bar/bar", "/foo/bar/[a-z]{3}")]
    built = build(ingress(*rows, annotations={TARGET: "/"}))
    patterns = [one.match.pattern for one in built.routes(H) if isinstance(one.match, Regex)]
    assert patterns == ["(?i)(?:/foo/bar/[a-z]{3}).*", "(?i)(?:/foo/bar/bar).*", "(?i)(?:/b).*", "(?i)(?:/a).*"]


def test_exact_beside_prefix_in_regex_mode(build, ingress):
    built = build(
        ingress((H, "/x(.*)", "ImplementationSpecific", "web"), annotations={TARGET: "/$1"}, name="aa"),
        ingress((H, "/p", "Prefix", "web"), (H, "/p", "Exact", "api"), name="bb"),
    )
    assert ask(built, "/p")[0].destinations[0].to.host == "api.default.svc.cluster.local"
    assert ask(built, "/p/1")[0].destinations[0].to.host == "web.default.svc.cluster.local"


def test_equal_path_is_ignored_and_starts_no_regex_mode(build, ingress):
    built = build(ingress((H, "/", "Prefix", "web"), annotations={TARGET: "/"}))
    assert built.table(H) == ["/ web:80"]
    assert built.codes == []


def test_root_rewritten_takes_everything(build, ingress):
    built = build(ingress((H, "/", "Prefix", "web"), annotations={TARGET: "/app"}))
    assert built.table(H) == ["~(?i)(?:/).* web:80 -> /app"]


@pytest.mark.parametrize(
    ("target", "asked", "expected"),
    [
        ("https://new.example.com", "/old/x", "302 https://new.example.com/"),
        ("http://new.example.com:8080/a", "/old/x", "302 http://new.example.com:8080/a"),
        ("https://new.example.com/a/$1", "/old/x", "302 https://new.example.com + /a/\\1"),
    ],
)
def test_url_target_redirects_before_anything_else(build, ingress, target, asked, expected):
    built = build(ingress((H, "/old/(.*)", "ImplementationSpecific", "nowhere"), annotations={TARGET: target}, tls=[{"hosts": [H]}]))
    assert built.table(H)[0] == f"~(?i)(?:/old/(.*)).* {expected}"  # no "!": the redirect comes before the one to https
    assert ask(built, asked)[1] == ("/a/x" if "$" in target else asked)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", NoTarget),
        ("/", PathTarget),
        ("/$1/x_y~z-1.html", PathTarget),
        ("$2", PathTarget),
        ("https://a.example.com/x", UrlTarget),
        ("foo", UnusableTarget),
        ("/$uri", UnusableTarget),
        ("/$0", UnusableTarget),
        ("/a$", UnusableTarget),
        ("https://$1.example.com/", UnusableTarget),
        ("https://a.example.com:99999/", UnusableTarget),
        ("https://-/", UnusableTarget),
        ("https:///x", UnusableTarget),
    ],
)
def test_values(value, expected):
    assert not target_problem(value)
    assert isinstance(parse_target(value), expected)


def test_refused_value_is_dropped_as_upstream_drops_it(build, ingress):
    built = build(ingress((H, "/a", "Prefix", "web"), annotations={TARGET: "/b;c"}))
    assert built.table(H) == ["/a web:80", "/ 404"]
    (found,) = built.findings
    assert (found.code.id, found.origin.field) == ("NET0356", f'metadata.annotations["{TARGET}"]')


def test_unusable_value_closes_the_paths_of_its_ingress_only(build, ingress):
    built = build(
        ingress((H, "/a", "Prefix", "web"), annotations={TARGET: "/$host"}, name="aa"), ingress((H, "/b", "Prefix", "api"), name="bb")
    )
    assert built.table(H) == ["/a 503", "/b api:8080", "/ 404"]
    assert built.codes == ["NET0357"]


@pytest.mark.parametrize(
    "path", ["/a(?=b)", "/a(?!b)(.*)", r"/a(.)\1", "/a(", "/a)|(.*", "/a[b", r"/a\Q", r"/a\Q)(\E(", "/a{2}{3}", "/a++", "/a\\"]
)
def test_expression_that_re2_refuses(build, ingress, path):
    built = build(
        ingress((H, path, "ImplementationSpecific", "web"), annotations={TARGET: "/z"}, name="aa"),
        ingress((H, "/b", "Prefix", "api"), (H, "/", "Prefix", "api"), name="bb"),
    )
    assert "NET0324" in built.codes
    assert ask(built, "/b")[0] == Forward((Destination(UpstreamId("api.default.svc.cluster.local", 8080, variant=OUTSIDE_MESH)),), None)
    refused = [one for one in built.routes(H) if one.owner.name == "aa"]
    assert all(one.action.status == 503 for one in refused)


def test_neighbours_literal_path_survives_regex_mode(build, ingress):
    built = build(
        ingress((H, "/x(.*)", "ImplementationSpecific", "web"), annotations={TARGET: "/$1"}, name="aa"),
        ingress((H, "/c++", "Prefix", "api"), name="bb"),
    )
    assert ask(built, "/c++/docs")[0].destinations[0].to.host == "api.default.svc.cluster.local"
    assert "NET0324" not in built.codes


@pytest.mark.parametrize("path", ["/a", "/a(b)(c)?", "/a|/b", "/(?-i)A", r"/\d+\.html", "/[^/]+/x$"])
def test_patterns_have_the_paths_own_groups(path):
    compiled = compile_path(path)
    assert not compiled.problem
    assert re2.compile(compiled.match).groups == re2.compile(compiled.rewrite).groups == compiled.groups


@pytest.mark.parametrize(
    ("path", "head"), [("/a/b", "/a/b"), ("/a(b)", "/a"), ("/ab*", "/a"), ("/ab?c", "/a"), ("/a.b", "/a"), ("/(x)", "/")]
)
def test_literal_head(path, head):
    assert literal_head(path) == head


def test_advice(build, ingress):
    flat = build(ingress((H, "/api", "Prefix", "web"), (H, "/", "Prefix", "web"), annotations={TARGET: "/"}))
    assert flat.codes == ["NET0358", "NET0362"]
    missing = build(ingress((H, "/a(.*)", "ImplementationSpecific", "web"), annotations={TARGET: "/$3"}))
    assert missing.codes == ["NET0359"]
    assert "$3" in missing.findings[0].message
