"""Inputs of ingress-nginx's security record: each ends in a finding, and none becomes structure of a route, a name or a line of output.

Root cause of nearly all of them was text templating. Annotations that are not honoured are covered by `test_unhonoured_values_go_nowhere`.
"""

from __future__ import annotations

import pytest
import re2

from seaway.core.finding import Severity
from seaway.frontends.ingress.annotation_names import KNOWN
from seaway.model.route import Exact, Forward, Prefix, Redirect, Regex, Respond

H = "shop.example.com"
P = "nginx.ingress.kubernetes.io/"
TARGET = P + "rewrite-target"

PATHS = {
    "CVE-2021-25745 alias": "/x{alias /var/run/secrets/;}",
    "CVE-2021-25745 newline": "/x\n}",
    "CVE-2021-25748 quote": '/x";',
    "CVE-2022-4886 log_format": "/x;\nlog_format z '$http_cookie'",
    "carriage return": "/x\r",
    "final newline": "/x\n",
    "NUL": "/x\0y",
    "control": "/x\x1by",
    "line separator": "/x\u2028y",
    "64 KiB": "/" + "a" * 65536,
    "CVE-2026-24512 quote": '/"',
    "CVE-2026-24512 backslash": "/x\\",
    "CVE-2026-4342 comment": "/x#y",
    "blank": "/x y",
    "brace": "/x{",
    "traversal": "/../../etc/passwd",
    "percent slash": "/x%2f..%2fy",
    "not ASCII": "/ſecret",
    "query": "/x?admin=1",
}


def reaches(built, owner="evil"):
    """Every text of the owner's routes that an engine would see, answers of 503 apart."""
    for host in built.gateway.hosts:
        for route in host.routes:
            if route.owner.name != owner or isinstance(route.action, Respond):
                continue
            match route.match:
                case Exact(text) | Prefix(text) | Regex(text):
                    yield text
            match route.action:
                case Forward(rewrite=rewrite) | Redirect(rewrite=rewrite) if rewrite:
                    yield rewrite.pattern
                    yield rewrite.substitution
                case Redirect(location):
                    yield location
                case _:
                    pass


def assert_told(built):
    assert any(one.severity is Severity.ERROR for one in built.findings)
    for one in built.findings:
        for text in (one.message, one.why, one.help):
            assert text.isprintable()
            assert len(text) < 1000


def assert_neighbour_served(built):
    assert "=/good web:80" in built.table(H) or any(line.startswith("~(?i)(?:/good).* web:80") for line in built.table(H))


@pytest.mark.parametrize("kind", ["Exact", "Prefix"])
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_literal_path(build, ingress, path, kind):
    built = build(ingress((H, path, kind, "api"), name="evil"), ingress((H, "/good", "Exact", "web")))
    assert list(reaches(built)) == []
    assert_told(built)
    assert_neighbour_served(built)


# With ImplementationSpecific the API server asks for nothing but the slash: dots and %2f are then plain text that matches no cleaned path.
@pytest.mark.parametrize("path", [text for name, text in PATHS.items() if name not in ("traversal", "percent slash")])
def test_implementation_specific_path(build, ingress, path):
    built = build(ingress((H, path, "ImplementationSpecific", "api"), name="evil"), ingress((H, "/good", "Exact", "web")))
    assert list(reaches(built)) == []
    assert_told(built)
    assert_neighbour_served(built)


@pytest.mark.parametrize(
    "path",
    [
        "/)|(.*",
        "/x(?-i",
        r"/x\Q",
        r"/x\Q).*|(.*",
        "/x(?P<a",
        "/x)(",
        "/[",
        "/x{1001}",
        "/((((a{9}){9}){9}){9}){9}",
        "/(?#",
        "/a**",
        "/x\\",
    ],
)
def test_expressions_that_break_out(build, ingress, path):
    evil = ingress((H, path, "ImplementationSpecific", "api"), name="evil", annotations={TARGET: "/$1"})
    built = build(evil, ingress((H, "/good", "Exact", "web")))
    assert list(reaches(built)) == []
    assert_told(built)
    assert_neighbour_served(built)


@pytest.mark.parametrize(
    "value",
    [
        '/"; proxy_pass http://x',
        "/\\0",
        "/\\1",
        "/\\9",
        "/%2e%2e/",
        "/x\r\nX-Evil: 1",
        "/x\n",
        "/x\r",
        "/x\u2028",
        "/x#",
        "/x;",
        "/{x}",
        "/'x'",
        "/x y",
        "/(x",
        "/$(x)",
        "/%REQ(authorization)%",
        "/%ENVIRONMENT(HOME)%",
        "/%%",
        "/$request_uri",
        "/$http_cookie",
        "/${host}",
        "/$0",
        "$host/x",
        "https://a@b.example.com/",
        "https://x/;return 200",
        "https://x/\r\nSet-Cookie: a=b",
        "https://x.example.com:0/",
        "https://$http_host/",
        "https://..",
        "javascript:alert(1)",
        "//evil.example.com:x",
    ],
)
def test_rewrite_target(build, ingress, value):
    evil = ingress((H, "/evil/(.*)", "ImplementationSpecific", "api"), name="evil", annotations={TARGET: value})
    built = build(evil, ingress((H, "/good", "Exact", "web")))
    if value.startswith("//"):  # a path of two slashes: legal upstream, and never more than a path
        assert all("evil.example.com" not in text or text == value for text in reaches(built))
        return
    assert all(value not in text and "\n" not in text and "\r" not in text for text in reaches(built))
    assert_told(built)
    assert_neighbour_served(built)


@pytest.mark.parametrize("value", ["/$10", "/$9", "/$1$2$3"])
def test_groups_that_do_not_exist_stay_within_one_digit(build, ingress, value):
    built = build(ingress((H, "/evil/(.*)", "ImplementationSpecific", "api"), name="evil", annotations={TARGET: value}))
    (action,) = [one.action for one in built.routes(H) if isinstance(one.action, Forward)]
    assert action.rewrite.substitution in ("/\\10", "/", "/\\1")  # RE2 reads one digit: \10 is group 1 and a zero


@pytest.mark.parametrize(
    "host",
    [
        "shop.example.com\n",
        "shop.example.com\r\nX: 1",
        "a b.example.com",
        "~.*",
        "*.com;",
        "_",
        "a..b",
        ".example.com",
        "shop.example.com/x",
        "$host",
        "%REQ(:authority)%",
        "*",
        "**",
        "shop.example.com\0",
        "ſhop.example.com",
        "[::1]",
    ],
)
def test_host(build, ingress, host):
    built = build(ingress((host, "/", "Prefix", "api"), name="evil"), ingress((H, "/good", "Exact", "web")))
    assert [one.host for one in built.gateway.hosts] == [H]
    assert_told(built)
    assert_neighbour_served(built)


@pytest.mark.parametrize("name", ["../../x", "..", "/etc/passwd", "vault/cert", "cert\n", "CERT", "a" * 300, "a_b"])
def test_secret_name(build, ingress, pki, name):
    tls = [{"hosts": [H], "secretName": name}]
    built = build(ingress((H, "/", "Prefix", "web"), name="evil", tls=tls), pki.pair("cert", H, namespace="vault"))
    assert built.tls == {H: ""}
    assert_told(built)


def test_secrets_whose_names_join_alike_stay_apart(build, ingress, pki):
    first, second = pki.pair("c", H, namespace="a-b"), pki.pair("b-c", H, namespace="a")
    tls = [{"hosts": [H], "secretName": "c"}]
    one = ingress((H, "/", "Prefix", "web"), tls=tls)
    one["metadata"]["namespace"] = "a-b"
    built = build(one, first, second)
    assert built.tls == {H: "a-b/c"}


def test_uid_is_nobodys_name(build, ingress):
    evil = ingress((H, "/", "Prefix", "web"), name="evil")
    evil["metadata"]["uid"] = "../../../x\n}"
    built = build(evil)
    assert all("x\n" not in text for text in reaches(built))


@pytest.mark.parametrize("value", ['"; }', "a\r\nb", "%ENVIRONMENT(X)%", "$(id)", "\x1b[31m", "CN=abc #(\n){}", "http://169.254.169.254/"])
def test_unhonoured_values_go_nowhere(build, ingress, value):
    annotations = {P + name: value for name in KNOWN if name != "rewrite-target"}
    built = build(ingress((H, "/", "Prefix", "web"), name="evil", annotations=annotations))
    assert list(reaches(built)) == []
    assert_told(built)


def test_unknown_annotation_names_are_escaped(build, ingress):
    (found,) = build(ingress((H, "/", "Prefix", "web"), annotations={P + "x\u202e": "1"})).found("NET0352") or (None,)
    assert found is None or found.message.isascii()


def test_catastrophic_expressions_are_linear(build, ingress):
    built = build(ingress((H, "/(a+)+$", "ImplementationSpecific", "web"), name="evil", annotations={TARGET: "/x"}))
    (route,) = [one for one in built.routes(H) if isinstance(one.match, Regex)]

    assert re2.fullmatch(route.match.pattern, "/" + "a" * 5000 + "!") is None
