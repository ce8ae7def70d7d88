"""ssl-redirect, annotations that are not honoured, and what each kind of them means for the paths of its Ingress."""

from __future__ import annotations

import pytest

from seaway.core.finding import Severity
from seaway.frontends.ingress.annotation_names import GUARDS, HONOURED, KNOWN, NEUTRAL, NO_EFFECT, REFUSED, TRAFFIC

H = "shop.example.com"
P = "nginx.ingress.kubernetes.io/"
TLS = [{"hosts": [H], "secretName": "cert"}]


@pytest.mark.parametrize(
    ("value", "tls", "redirected", "codes"),
    [
        pytest.param(None, True, True, [], id="default with TLS"),
        pytest.param(None, False, False, [], id="default without"),
        pytest.param("true", False, False, [], id="true needs TLS"),
        pytest.param("false", True, False, [], id="switched off"),
        pytest.param("F", True, False, [], id="as Go reads it"),
        pytest.param("no", True, True, ["NET0355"], id="unreadable is the default"),
        pytest.param("false\n", True, True, ["NET0355"], id="final newline is unreadable"),
        pytest.param("", True, True, [], id="empty is absent"),
    ],
)
def test_ssl_redirect(build, ingress, pki, value, tls, redirected, codes):
    annotations = {} if value is None else {P + "ssl-redirect": value}
    built = build(ingress((H, "/", "Prefix", "web"), annotations=annotations, **({"tls": TLS} if tls else {})), pki.pair("cert", H))
    assert built.table(H) == ["/ web:80" + (" !" if redirected else "")]
    assert built.codes == codes


def test_each_ingress_of_the_host_decides_for_its_paths(build, ingress, pki):
    built = build(
        ingress((H, "/a", "Prefix", "web"), name="aa", tls=TLS),
        ingress((H, "/b", "Prefix", "web"), name="bb", annotations={P + "ssl-redirect": "false"}),
        ingress((H, "/c", "Prefix", "web"), name="cc"),
        pki.pair("cert", H),
    )
    assert built.table(H) == ["/a web:80 !", "/b web:80", "/c web:80 !", "/ 404 !"]


def test_acme_challenges_stay_on_plain_http(build, ingress, pki):
    rows = [(H, "/.well-known/acme-challenge/token", "Exact", "api"), (H, "/", "Prefix", "web")]
    built = build(ingress(*rows, tls=TLS), pki.pair("cert", H))
    assert built.table(H) == ["=/.well-known/acme-challenge/token api:8080", "/ web:80 !"]


def test_a_missing_backend_is_redirected_too(build, ingress, pki):
    assert build(ingress((H, "/", "Prefix", "gone"), tls=TLS), pki.pair("cert", H)).table(H) == ["/ 503 !"]


def test_default_backend_without_rules_is_never_redirected(build, ingress):
    built = build(ingress(defaultBackend={"service": {"name": "web", "port": {"number": 80}}}, tls=[{"secretName": "cert"}]))
    assert built.table("*") == ["/ web:80"]


def test_names_fall_in_one_group_each():
    groups = (HONOURED, GUARDS, frozenset(REFUSED), NO_EFFECT, TRAFFIC)
    assert sum(map(len, groups)) == len(KNOWN) == 138
    assert set(NEUTRAL) <= KNOWN - HONOURED


@pytest.mark.parametrize(
    ("name", "value", "code", "severity", "action"),
    [
        ("proxy-read-timeout", "30", "NET0350", Severity.WARNING, "/ web:80"),
        ("use-regex", "true", "NET0350", Severity.WARNING, "/ web:80"),
        ("proxy-buffering", "on", "NET0351", Severity.NOTE, "/ web:80"),
        ("rewrite-taget", "/", "NET0352", Severity.WARNING, "/ web:80"),
        ("server-snippet", "return 200;", "NET0353", Severity.ERROR, "/ 503"),
        ("configuration-snippet", "deny all;", "NET0353", Severity.ERROR, "/ 503"),
        ("enable-modsecurity", "true", "NET0353", Severity.ERROR, "/ 503"),
        ("auth-type", "basic", "NET0354", Severity.ERROR, "/ 503"),
        ("whitelist-source-range", "10.0.0.0/8", "NET0354", Severity.ERROR, "/ 503"),
    ],
)
def test_unhonoured(build, ingress, name, value, code, severity, action):
    built = build(ingress((H, "/", "Prefix", "web"), annotations={P + name: value}))
    (found,) = built.findings
    assert (found.code.id, found.severity) == (code, severity)
    assert name in found.message
    assert found.origin.field == f'metadata.annotations["{P}{name}"]'
    assert built.table(H) == [action]


@pytest.mark.parametrize(
    ("name", "value"),
    [("use-regex", "false"), ("enable-cors", "false"), ("backend-protocol", "HTTP"), ("enable-modsecurity", "false"), ("auth-type", "")],
)
def test_values_that_change_nothing_are_silent(build, ingress, name, value):
    built = build(ingress((H, "/", "Prefix", "web"), annotations={P + name: value}))
    assert (built.codes, built.table(H)) == ([], ["/ web:80"])


def test_nearest_spelling(build, ingress):
    (found,) = build(ingress((H, "/", "Prefix", "web"), annotations={P + "rewrite-taget": "/"})).findings
    assert f"did you mean {P}rewrite-target?" in found.message


def test_other_annotations_are_nobodys_business(build, ingress):
    assert build(ingress((H, "/", "Prefix", "web"), annotations={"example.com/owner": "me", "nginx.org/rewrites": "x"})).codes == []


def test_canary_takes_no_traffic(build, ingress):
    canary = ingress((H, "/", "Prefix", "api"), name="aa", annotations={P + "canary": "true", P + "canary-weight": "10"})
    built = build(canary, ingress((H, "/", "Prefix", "web"), name="main"))
    assert built.table(H) == ["/ web:80"]
    assert built.codes == ["NET0361"]
    assert [owner.name for owner in built.gateway.owners] == ["main"]


def test_cert_manager_is_one_note(build, ingress):
    annotations = {"cert-manager.io/cluster-issuer": "letsencrypt", "cert-manager.io/duration": "2160h", "kubernetes.io/tls-acme": "true"}
    built = build(ingress((H, "/", "Prefix", "web"), annotations=annotations))
    assert [one.severity for one in built.found("NET0360")] == [Severity.NOTE]
