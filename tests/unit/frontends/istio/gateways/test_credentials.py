"""Certificates of servers, by every way to name one; what is missing closes its server; 421 for hosts of other servers."""

from __future__ import annotations

import textwrap

import pytest

from seaway.model.route import ClosedServer

ROUTE = "http: [{route: [{destination: {host: web.shop.svc.cluster.local}}]}]"


def secret(name, where="seaway-system", **values):
    body = "".join(f"  {key.replace('_', '.')}: |\n{textwrap.indent(value.strip(), '    ')}\n" for key, value in values.items())
    return f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {where}}}\nstringData:\n{body}"


def https(tls, hosts="a.test", name="https"):
    return f"- {{port: {{number: 443, name: {name}, protocol: HTTPS}}, hosts: [{hosts}], tls: {{{tls}}}}}"


@pytest.fixture
def secrets(pair):
    chain, key = pair
    return (
        secret("good", tls_crt=chain, tls_key=key)
        + secret("generic", cert=chain, key=key, cacert=chain)
        + secret("good-cacert", ca_crt=chain)
        + secret("empty", tls_crt="nothing", tls_key="nothing")
        + secret("elsewhere", "shop", tls_crt=chain, tls_key=key)
    )


@pytest.mark.parametrize(
    ("tls", "clients"),
    [
        ("mode: SIMPLE, credentialName: good", None),
        ("mode: SIMPLE, credentialName: 'kubernetes://good'", None),
        ("mode: SIMPLE, credentialName: generic", None),
        ("mode: SIMPLE, credentialNames: [good, generic]", None),
        ("mode: MUTUAL, credentialName: good", (True, "seaway-system/good-cacert")),
        ("mode: OPTIONAL_MUTUAL, credentialName: generic", (False, "seaway-system/generic")),
        ("mode: MUTUAL, credentialName: generic, caCertCredentialName: good-cacert", (True, "seaway-system/good-cacert")),
    ],
)
def test_found(serve, write, bind, secrets, tls, clients):
    served = serve(secrets, write(https(tls)), bind("a.test", ROUTE))
    termination = served.server(443).tls
    assert served.codes == []
    assert termination is not None
    assert all(one.owner is not None and one.owner.namespace == "seaway-system" for one in termination.certificates)
    assert (termination.clients and (termination.clients.required, termination.clients.source)) == clients


@pytest.mark.parametrize(
    ("tls", "problem"),
    [
        ("mode: SIMPLE, credentialName: nobody", "no Secret seaway-system/nobody"),
        ("mode: SIMPLE, credentialName: empty", "empty"),
        ("mode: SIMPLE, credentialName: 'kubernetes://shop/elsewhere'", "not for a gateway"),
        ("mode: SIMPLE, credentialName: elsewhere", "no Secret seaway-system/elsewhere"),
        ("mode: MUTUAL, credentialName: good, caCertCredentialName: nobody", "no Secret seaway-system/nobody"),
        ("mode: MUTUAL, credentialName: good, verifyCertificateSpki: [x]", "no SHA-256"),
        ("mode: MUTUAL, credentialName: good, verifyCertificateHash: [x]", "no SHA-256"),
        ("mode: SIMPLE, serverCertificate: /nowhere/a.crt, privateKey: /nowhere/a.key", "holds no certificate"),
    ],
)
def test_missing_closes_this_server_alone(serve, write, bind, secrets, tls, problem):
    other = https("mode: SIMPLE, credentialName: good", "b.test", "other")
    served = serve(secrets, write(f"{https(tls)}\n{other}"), bind("a.test, b.test", ROUTE))
    assert served.codes == ["NET0558"]
    assert problem in served.findings[0].message
    assert isinstance(served.server(443, "a.test").does, ClosedServer)
    assert served.hosts(443, "b.test")["b.test"] != []


def test_what_is_asked_of_handshakes(serve, write, secrets):
    tls = (
        "mode: MUTUAL, credentialName: good, subjectAltNames: [x.test], minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_2, "
        "cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256, TLS_AES_128_GCM_SHA256], ecdhCurves: [P-256, P-1], insecureSkipVerify: true"
    )
    served = serve(secrets, write(https(tls)))
    termination = served.server(443).tls
    assert termination is not None
    assert termination.clients is not None
    assert (termination.minimum, termination.maximum) == ("TLSv1_2", "TLSv1_2")
    assert (termination.ciphers, termination.curves) == (("ECDHE-RSA-AES128-GCM-SHA256",), ("P-256",))
    assert (termination.clients.names, termination.clients.verify) == (("x.test",), False)
    assert served.codes.count("NET0564") == 2


def test_the_gateways_own_certificate(serve, write):
    termination = serve(write(https("mode: ISTIO_MUTUAL"))).server(443).tls
    assert termination is not None
    assert termination.certificates == ()


def test_hosts_of_other_servers_are_misdirected(serve, write, bind, secrets):
    wide = https("mode: SIMPLE, credentialName: good", "'*.test'", "wide")
    narrow = https("mode: MUTUAL, credentialName: good", "a.test", "narrow")
    served = serve(secrets, write(f"{wide}\n{narrow}"), bind("a.test, b.test", ROUTE))
    assert {host: routes for host, routes in served.hosts(443, "*.test").items() if routes == ["421"]} == {"*": ["421"], "a.test": ["421"]}
    assert served.hosts(443, "*.test")["*.test"] == [], "a host of the server without routes is not found"
    assert [host for host, routes in served.hosts(443, "a.test").items() if routes == ["421"]] == ["*"]
