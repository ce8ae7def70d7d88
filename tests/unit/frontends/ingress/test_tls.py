"""Which certificate answers which name, and which Secrets cannot be used. Certificates are real ones."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from seaway.frontends.ingress.certificates import check_expiry

H = "shop.example.com"
OTHER = "other.example.com"


@pytest.fixture(scope="module")
def key():
    return ec.generate_private_key(ec.SECP256R1())


def tls(*hosts, secret="cert"):
    return {"tls": [{"hosts": list(hosts), **({"secretName": secret} if secret else {})}]}


@pytest.mark.parametrize(
    ("names", "hosts", "served", "codes"),
    [
        pytest.param([H], [H], "default/cert", [], id="listed"),
        pytest.param(["*.example.com"], [H], "default/cert", [], id="wildcard certificate"),
        pytest.param(["SHOP.example.COM"], [H], "default/cert", [], id="letter case"),
        pytest.param([H], [], "default/cert", [], id="no host listed: by its names"),
        pytest.param([H, OTHER], [OTHER], "default/cert", ["NET0382"], id="another listed: by its names"),
        pytest.param([OTHER], [H], "", ["NET0381"], id="not for this host"),
        pytest.param(["*.com"], [H], "", ["NET0381"], id="a wildcard is one label"),
        pytest.param([OTHER], [], "", ["NET0383"], id="not listed and not for it"),
    ],
)
def test_certificate_of_a_host(build, ingress, pki, names, hosts, served, codes):
    built = build(ingress((H, "/", "Prefix", "web"), **tls(*hosts)), pki.pair("cert", *names))
    assert built.tls == {H: served}
    assert built.codes == codes
    assert built.table(H) == ["/ web:80 !"]  # TLS all the same


def test_common_name_counts_where_there_is_no_other(build, ingress, pki, key):
    secret = pki.secret("cert", pki.certificate(key, common_name=H), pki.key(key))
    assert build(ingress((H, "/", "Prefix", "web"), **tls(H)), secret).tls == {H: "default/cert"}
    secret = pki.secret("cert", pki.certificate(key, OTHER, common_name=H), pki.key(key))
    assert build(ingress((H, "/", "Prefix", "web"), **tls(H)), secret).codes == ["NET0381"]


def test_no_secret_name_is_the_default_certificate(build, ingress):
    built = build(ingress((H, "/", "Prefix", "web"), **tls(H, secret="")))
    assert (built.tls, built.codes, built.table(H)) == ({H: ""}, [], ["/ web:80 !"])


def test_first_ingress_with_tls_decides(build, ingress, pki):
    built = build(
        ingress((H, "/a", "Prefix", "web"), name="aa"),
        ingress((H, "/b", "Prefix", "web"), name="bb", **tls(H, secret="one")),
        ingress((H, "/c", "Prefix", "web"), name="cc", **tls(H, secret="two")),
        pki.pair("one", H),
        pki.pair("two", H),
    )
    assert built.tls == {H: "default/one"}
    (found,) = built.found("NET0384")
    assert found.key.name == "cc"
    assert "default/bb at in.yaml" in found.message


def test_wildcard_rule_and_names_below_it(build, ingress, pki):
    built = build(
        ingress(("*.example.com", "/", "Prefix", "web"), **tls("*.example.com", "a.example.com")), pki.pair("cert", "*.example.com")
    )
    assert built.tls == {"*.example.com": "default/cert", "a.example.com": "default/cert"}
    assert built.codes == []


def test_rule_for_all_hosts_serves_listed_names(build, ingress, pki):
    built = build(ingress(("", "/", "Prefix", "web"), **tls(H)), pki.pair("cert", H))
    assert built.tls == {H: "default/cert"}
    assert built.table("*") == ["/ web:80 !"]


def test_nobody_brings_a_certificate_for_a_neighbours_host(build, ingress, pki):
    intruder = ingress(("", "/x", "Prefix", "web"), name="aa", **tls(H))
    built = build(intruder, ingress((H, "/", "Prefix", "web"), name="bb"), pki.pair("cert", H))
    assert built.tls == {}
    assert built.codes == ["NET0382"]


def test_secrets_of_other_namespaces_are_out_of_reach(build, ingress, pki):
    elsewhere = pki.pair("cert", H, namespace="vault")
    built = build(ingress((H, "/", "Prefix", "web"), **tls(H)), elsewhere)
    assert (built.tls, built.codes) == ({H: ""}, ["NET0370"])
    built = build(ingress((H, "/", "Prefix", "web"), **tls(H, secret="vault/cert")), elsewhere)
    assert (built.tls, built.codes) == ({H: ""}, ["NET0371"])


@pytest.mark.parametrize("host", ["Shop.example.com", "10.0.0.1", "a..b", "*"])
def test_refused_tls_host(build, ingress, pki, host):
    built = build(ingress((H, "/", "Prefix", "web"), **tls(H, host)), pki.pair("cert", H))
    assert (built.tls, built.codes) == ({H: "default/cert"}, ["NET0385"])


def test_what_is_in_a_certificate(build, ingress, pki, key):
    chain = pki.certificate(key, H, days=30)
    built = build(ingress((H, "/", "Prefix", "web"), **tls(H)), pki.secret("cert", "# mine\n" + chain.replace("\n", "\r\n"), pki.key(key)))
    certificate = built.gateway.tls[0].certificate
    assert certificate.chain == chain  # line ends and text around are gone
    assert certificate.not_after == "2026-01-31T00:00:00+00:00"
    assert certificate.id.startswith("default/cert/")
    assert certificate.names == (H,)
    assert certificate.origin.field == 'data["tls.crt"]'
    assert "PRIVATE" not in repr(certificate)
    assert check_expiry(certificate, datetime(2026, 1, 30, tzinfo=UTC)) == ()
    (expired,) = check_expiry(certificate, datetime(2026, 2, 1, tzinfo=UTC))
    assert expired.code.id == "NET0380"
    assert "default/cert expired at 2026-01-31" in expired.message


def test_identity_follows_content(build, ingress, pki):
    first, second = (
        build(ingress((H, "/", "Prefix", "web"), **tls(H)), pki.pair("cert", H)).gateway.tls[0].certificate.id for _ in range(2)
    )
    assert first != second


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: rsa.generate_private_key(65537, 2048), id="RSA 2048"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256R1()), id="P-256"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP384R1()), id="P-384"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP521R1()), id="P-521"),
    ],
)
@pytest.mark.parametrize("format", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL], ids=["PKCS8", "traditional"])
def test_usable_keys(build, ingress, pki, make, format):
    key = make()
    built = build(ingress((H, "/", "Prefix", "web"), **tls(H)), pki.secret("cert", pki.certificate(key, H), pki.key(key, format)))
    assert (built.tls, built.codes) == ({H: "default/cert"}, [])
    written = load_pem_private_key(built.gateway.tls[0].certificate.key.encode(), None)
    assert written.public_key() == key.public_key()


def test_ed25519_is_served_with_a_warning(build, ingress, pki):
    key = ed25519.Ed25519PrivateKey.generate()
    built = build(ingress((H, "/", "Prefix", "web"), **tls(H)), pki.secret("cert", pki.certificate(key, H), pki.key(key)))
    assert (built.tls, built.codes) == ({H: "default/cert"}, ["NET0386"])


def secrets(pki, key):
    """Name, Secret, code: all that cannot be used."""
    good, chain = pki.key(key), pki.certificate(key, H)
    other = ec.generate_private_key(ec.SECP256R1())
    weak = rsa.generate_private_key(65537, 1024)
    curve = ec.generate_private_key(ec.SECP256K1())
    old = dsa.generate_private_key(2048)
    block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    plain = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "cert"}}
    encoded = base64.b64encode(chain.encode()).decode()
    return [
        ("no certificate", {**plain, "data": {"tls.crt": "", "tls.key": base64.b64encode(good.encode()).decode()}}, "NET0373"),
        ("no key", {**plain, "data": {"tls.crt": encoded}}, "NET0373"),
        ("refused at reading", {**plain, "data": {"tls.crt": "%%%", "tls.key": encoded}}, "NET0370"),
        ("garbage certificate", pki.secret("cert", "hello", good), "NET0375"),
        ("garbage block", pki.secret("cert", block, good), "NET0375"),
        ("second certificate garbage", pki.secret("cert", chain + block, good), "NET0375"),
        ("garbage key", pki.secret("cert", chain, "hello"), "NET0375"),
        ("certificate as key", pki.secret("cert", chain, chain), "NET0375"),
        ("encrypted key", pki.secret("cert", chain, pki.key(key, password=b"secret")), "NET0375"),
        ("key of another", pki.secret("cert", chain, pki.key(other)), "NET0377"),
        ("issuer first", pki.secret("cert", pki.certificate(other, common_name="ca") + chain, good), "NET0377"),
        ("RSA 1024", pki.secret("cert", pki.certificate(weak, H), pki.key(weak)), "NET0379"),
        ("secp256k1", pki.secret("cert", pki.certificate(curve, H), pki.key(curve)), "NET0379"),
        ("DSA", pki.secret("cert", pki.certificate(old, H), pki.key(old)), "NET0379"),
    ]


def test_unusable_secrets_get_the_default_certificate(build, ingress, pki, key):
    for name, secret, code in secrets(pki, key):
        built = build(ingress((H, "/", "Prefix", "web"), **tls(H)), secret)
        assert code in built.codes, (name, built.codes)
        assert built.tls in ({H: ""}, {}), name
        assert built.table(H) == ["/ web:80 !"], name
        for found in built.findings:
            assert "PRIVATE KEY" not in found.message + found.why + found.help, name


def test_issuer_first_is_explained(build, ingress, pki, key):
    secret = next(secret for name, secret, _ in secrets(pki, key) if name == "issuer first")
    (found,) = build(ingress((H, "/", "Prefix", "web"), **tls(H)), secret).found("NET0377")
    assert "another certificate of the chain" in found.message


def test_chain_out_of_order_is_served_with_a_warning(build, ingress, pki, key):
    root, middle = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    leaf = pki.certificate(key, H, issuer=("middle", middle))
    between = pki.certificate(middle, common_name="middle", issuer=("root", root))
    top = pki.certificate(root, common_name="root")
    good = build(ingress((H, "/", "Prefix", "web"), **tls(H)), pki.secret("cert", leaf + between + top, pki.key(key)))
    assert good.codes == []
    assert len(load_pem_x509_certificates(good.gateway.tls[0].certificate.chain.encode())) == 3
    bad = build(ingress((H, "/", "Prefix", "web"), **tls(H)), pki.secret("cert", leaf + top + between, pki.key(key)))
    assert (bad.tls, bad.codes) == ({H: "default/cert"}, ["NET0378"])


def test_opaque_secret_is_used_with_a_warning(build, ingress, pki, key):
    secret = pki.secret("cert", pki.certificate(key, H), pki.key(key), type="Opaque")
    built = build(ingress((H, "/", "Prefix", "web"), **tls(H)), secret)
    assert (built.tls, built.codes) == ({H: "default/cert"}, ["NET0372"])


def test_string_data_wins(build, ingress, pki, key):
    secret = pki.secret("cert", "old", "old")
    secret["stringData"] = {"tls.crt": pki.certificate(key, H), "tls.key": pki.key(key)}
    assert build(ingress((H, "/", "Prefix", "web"), **tls(H)), secret).codes == []
