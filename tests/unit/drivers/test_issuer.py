"""What a CA signs, and for whom it does not."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.core.errors import DriverError
from seaway.drivers.ca.issuer import MOST_BACKDATE, brought_issuer, make_issuer, sign
from seaway.drivers.ca.request import finish, make_request

WEB, API = "spiffe://cluster.local/ns/shop/sa/web", "spiffe://cluster.local/ns/shop/sa/api"
NOW = 1_800_000_000.0
DAY = 86_400.0


def first(chain: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates(chain.encode())[0]


def test_a_leaf_is_for_one_identity_and_one_use() -> None:
    issuer = make_issuer(NOW)
    leaf = first(sign(issuer, make_request(WEB).text, WEB, NOW, DAY))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert (names.critical, list(names.value)) == (True, [x509.UniformResourceIdentifier(WEB)])
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign, usage.key_encipherment) == (True, False, False)
    assert set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    leaf.verify_directly_issued_by(issuer.signing)


@pytest.mark.parametrize(("life", "before"), [(DAY, MOST_BACKDATE.total_seconds()), (20.0, 2.0)])
def test_its_time(life: float, before: float) -> None:
    leaf = first(sign(make_issuer(NOW), make_request(WEB).text, WEB, NOW, life))
    assert leaf.not_valid_before_utc.timestamp() == NOW - before
    assert leaf.not_valid_after_utc.timestamp() == NOW + life


def test_a_made_root_is_a_ca_and_shows_no_key() -> None:
    issuer = make_issuer(NOW)
    root = first(issuer.root.pem)
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(ca=True, path_length=0)
    assert issuer.root.id == root.fingerprint(hashes.SHA256()).hex()
    root.verify_directly_issued_by(root)
    assert "EllipticCurve" not in repr(issuer)


def test_an_intermediate_goes_along_and_its_root_does_not() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    top = make_issuer(NOW)
    middle = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string("CN=middle"))
        .issuer_name(top.signing.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(top.begins)
        .not_valid_after(top.ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(top.key, hashes.SHA256())
    )
    pem = middle.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    issuer = brought_issuer(pem + top.root.pem, private, top.root.pem)
    leaf, *rest = x509.load_pem_x509_certificates(sign(issuer, make_request(WEB).text, WEB, NOW, DAY).encode())
    leaf.verify_directly_issued_by(middle)
    assert rest == [middle]
    assert issuer.root == top.root


@pytest.mark.parametrize("text", ["", "what", make_request(WEB).text[:200]], ids=["nothing", "words", "half"])
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(DriverError, match="not a certificate request"):
        sign(make_issuer(NOW), text, WEB, NOW, DAY)


def test_a_request_for_another_name_is_refused() -> None:
    with pytest.raises(DriverError, match="another identity"):
        sign(make_issuer(NOW), make_request(API).text, WEB, NOW, DAY)


def request_with(names: list[x509.GeneralName], key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = builder.add_extension(x509.SubjectAlternativeName(names), critical=True).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def test_a_request_for_more_names_is_refused() -> None:
    names = [x509.UniformResourceIdentifier(WEB), x509.DNSName("example.com")]
    with pytest.raises(DriverError, match="another identity"):
        sign(make_issuer(NOW), request_with(names, ec.generate_private_key(ec.SECP256R1())), WEB, NOW, DAY)


def test_another_kind_of_key_is_refused() -> None:
    names = [x509.UniformResourceIdentifier(WEB)]
    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(DriverError, match="P-256"):
            sign(make_issuer(NOW), request_with(names, key), WEB, NOW, DAY)


def test_a_key_that_the_asker_does_not_have_is_refused() -> None:
    mine, theirs = make_request(WEB), make_request(WEB)
    own, other = (x509.load_pem_x509_csr(one.text.encode()).public_bytes(serialization.Encoding.DER) for one in (mine, theirs))
    point = mine.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    foreign = theirs.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    forged = x509.load_der_x509_csr(own.replace(point, foreign)).public_bytes(serialization.Encoding.PEM).decode()
    assert own != other
    with pytest.raises(DriverError, match="proves no"):
        sign(make_issuer(NOW), forged, WEB, NOW, DAY)


def test_nothing_is_signed_outside_of_the_ca_s_own_time() -> None:
    issuer = make_issuer(NOW)
    with pytest.raises(DriverError, match="the CA is valid from"):
        sign(issuer, make_request(WEB).text, WEB, issuer.ends.timestamp() + 1, DAY)
    late = issuer.ends.timestamp() - 60
    assert first(sign(issuer, make_request(WEB).text, WEB, late, DAY)).not_valid_after_utc == issuer.ends


def test_a_chain_for_another_key_or_name_is_not_taken() -> None:
    issuer, mine, theirs = make_issuer(NOW), make_request(WEB), make_request(WEB)
    assert finish(mine, sign(issuer, mine.text, WEB, NOW, DAY)).identity == WEB
    with pytest.raises(DriverError, match="another key"):
        finish(mine, sign(issuer, theirs.text, WEB, NOW, DAY))
    with pytest.raises(DriverError, match="another key"):
        finish(dataclasses.replace(mine, identity=API), sign(issuer, mine.text, WEB, NOW, DAY))
    with pytest.raises(DriverError, match="no certificate"):
        finish(mine, "what")


def test_a_leaf_shows_no_key() -> None:
    request = make_request(WEB)
    leaf = finish(request, sign(make_issuer(NOW), request.text, WEB, NOW, DAY))
    assert "PRIVATE KEY" in leaf.key
    assert "PRIVATE KEY" not in repr(leaf)
    assert "key=" not in repr(request)
