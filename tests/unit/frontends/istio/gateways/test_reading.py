"""What a Gateway says, and what upstream refuses about it."""

from __future__ import annotations

import pytest

HTTP = "- {port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test]}"
ROUTE = "http: [{route: [{destination: {host: web.shop.svc.cluster.local}}]}]"


def test_a_gateway_is_served(serve, write, bind):
    served = serve(write(HTTP), bind("a.test", ROUTE))
    assert served.codes == []
    assert list(served.hosts(80)) == ["a.test"]
    assert {str(one) for one in served.gateway.owners} == {"Gateway shop/edge", "VirtualService shop/web"}


@pytest.mark.parametrize(
    ("servers", "problem"),
    [
        ("- {port: {number: 0, name: x, protocol: HTTP}, hosts: [a]}", "port 0"),
        ("- {port: {number: 80, name: '', protocol: HTTP}, hosts: [a]}", "no name"),
        ("- {port: {number: 80, name: x, protocol: SPDY}, hosts: [a]}", "no protocol"),
        ("- {port: {number: 80, name: x, protocol: HTTP}, hosts: []}", "no hosts"),
        ("- {port: {number: 80, name: x, protocol: HTTP}, hosts: ['a.*.test']}", "no DNS name"),
        ("- {port: {number: 80, name: x, protocol: HTTP}, hosts: ['a_b/c.test']}", "no DNS label"),
        ("- {port: {number: 80, name: x, protocol: HTTP}, bind: here, hosts: [a]}", "no address"),
        ("- {port: {number: 443, name: x, protocol: HTTPS}, hosts: [a]}", "has no tls"),
        ("- {port: {number: 443, name: x, protocol: TCP}, hosts: [a], tls: {mode: SIMPLE}}", "TCP has tls"),
        ("- {port: {number: 80, name: x, protocol: HTTP}, hosts: [a], tls: {credentialName: b}}", "more than redirect"),
        ("- {port: {number: 443, name: x, protocol: TLS}, hosts: [a], tls: {mode: SIMPLE}}", "no certificate"),
        ("- {port: {number: 443, name: x, protocol: TLS}, hosts: [a], tls: {mode: ISTIO_MUTUAL, credentialName: b}}", "own certificate"),
        ("- {port: {number: 443, name: x, protocol: TLS}, hosts: [a], tls: {mode: SIMPLE, credentialName: b, serverCertificate: c}}", "several ways"),
        ("- {port: {number: 443, name: x, protocol: TLS}, hosts: [a], tls: {mode: MUTUAL, serverCertificate: /a, privateKey: /b}}", "caCertificates"),
        ("- {port: {number: 443, name: x, protocol: TLS}, hosts: [a], tls: {mode: SIMPLE, credentialName: b, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2}}", "lower"),
        (f"{HTTP}\n- {{port: {{number: 81, name: http, protocol: HTTP}}, hosts: [b.test]}}", "two servers"),
    ],
)  # fmt: skip
def test_refused(serve, write, servers, problem):
    served = serve(write(servers))
    assert "NET0556" in served.codes
    assert any(problem in one.message for one in served.findings), [one.message for one in served.findings]
    assert served.gateway.edges == ()


@pytest.mark.parametrize(
    ("server", "word"),
    [
        ("{port: {number: 80, name: x, protocol: HTTP, targetPort: 8080}, hosts: [a.test]}", "targetPort"),
        ("{port: {number: 80, name: x, protocol: HTTP}, hosts: [a.test], defaultEndpoint: '127.0.0.1:1'}", "defaultEndpoint"),
        ("{port: {number: 80, name: x, protocol: HTTP}, hosts: [a.test], tls: {mode: PASSTHROUGH}}", "tls has no effect"),
        ("{port: {number: 443, name: x, protocol: TLS}, hosts: [a.test, '*b.test'], tls: {mode: PASSTHROUGH}}", "*b.test is left out"),
        ("{port: {number: 443, name: x, protocol: TLS}, hosts: [a.test], tls: {credentialName: b}}", "certificate has no effect"),
        ("{port: {number: 80, name: x, protocol: HTTP}, hosts: [a.test], bind: 'unix:///tmp/x'}", "cannot be listened on"),
    ],
)
def test_without_effect(serve, write, server, word):
    assert any(word in one.message for one in serve(write(f"- {server}")).findings if one.code.id == "NET0564")


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_every_version_is_read(serve, write, version):
    assert list(serve(write(HTTP).replace("io/v1\n", f"io/{version}\n")).edges) == [80]
