"""A certificate authority: a key in memory, and what it signs. Who may have which identity is decided before it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from seaway.core.errors import DriverError
from seaway.protocols.trust import Root

MOST_BACKDATE = timedelta(hours=2)
"""How far a certificate begins in the past, at most: a clock that is set back by an hour must not make it invalid."""

MADE_LIFE = timedelta(days=3650)
MADE_BACKDATE = timedelta(days=2)
MADE_NAME = "Seaway mesh root"

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Issuer:
    """`certificates` lead from the one that signs to below the root (they are sent along); `root` is what peers must trust."""

    root: Root
    signing: x509.Certificate
    certificates: str
    begins: datetime
    ends: datetime
    key: CertificateIssuerPrivateKeyTypes = field(repr=False)

    def is_valid(self, now: float) -> bool:
        return self.begins.timestamp() <= now < self.ends.timestamp()


def make_issuer(now: float) -> Issuer:
    """A root of our own, made now (seconds since 1970). Its key exists in this process only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Seaway"), x509.NameAttribute(NameOID.COMMON_NAME, MADE_NAME)])
    at = datetime.fromtimestamp(now, UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - MADE_BACKDATE)
        .not_valid_after(at + MADE_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Issuer(root_of(certificate), certificate, "", certificate.not_valid_before_utc, certificate.not_valid_after_utc, key)


def brought_issuer(chain: str, key: str, root: str) -> Issuer:
    """The CA of these PEM texts, which were checked to belong together (`frontends/istio/cacerts.py`)."""
    certificates = x509.load_pem_x509_certificates(chain.encode())
    anchor = x509.load_pem_x509_certificate(root.encode())
    private = serialization.load_pem_private_key(key.encode(), None)
    assert isinstance(private, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey))
    every = [*certificates, anchor]
    return Issuer(
        root=root_of(anchor),
        signing=certificates[0],
        certificates="".join(_text(one) for one in certificates if one != anchor),
        begins=max(one.not_valid_before_utc for one in every),
        ends=min(one.not_valid_after_utc for one in every),
        key=private,
    )


def read_root(pem: str) -> Root:
    """The root in this text, which was read as one before."""
    return root_of(x509.load_pem_x509_certificate(pem.encode()))


def root_of(certificate: x509.Certificate) -> Root:
    return Root(certificate.fingerprint(hashes.SHA256()).hex(), _text(certificate))


def sign(issuer: Issuer, request: str, identity: str, now: float, life_s: float) -> str:
    """The chain (PEM) that answers this certificate request, for this identity and no other. Raises DriverError.

    Nothing is taken from the request but its key. The certificate ends after `life_s`, or with its issuer.
    """
    try:
        wish = x509.load_pem_x509_csr(request.encode())
        asked = wish.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        public = wish.public_key()
        proven = wish.is_signature_valid
    except (ValueError, TypeError, x509.ExtensionNotFound, InvalidSignature) as error:
        raise DriverError(f"not a certificate request: {error}") from error
    if not proven or not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise DriverError("the request proves no ECDSA key on P-256")
    if list(asked) != [x509.UniformResourceIdentifier(identity)]:
        raise DriverError("the request names another identity")
    at = datetime.fromtimestamp(now, UTC)
    if not issuer.is_valid(now):
        raise DriverError(
            f"the CA is valid from {issuer.begins:%Y-%m-%d %H:%M} to {issuer.ends:%Y-%m-%d %H:%M} UTC, and it is {at:%Y-%m-%d %H:%M}"
        )
    life = timedelta(seconds=life_s)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.signing.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(at - min(MOST_BACKDATE, life / 10), issuer.begins))
        .not_valid_after(min(at + life, issuer.ends))
        .add_extension(asked, critical=True)  # critical, as RFC 5280 4.2.1.6 wants it where the subject is empty
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(_authority(issuer.signing), critical=False)
        .sign(issuer.key, None if isinstance(issuer.key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return _text(certificate) + issuer.certificates


def _authority(signing: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = signing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        own = x509.SubjectKeyIdentifier.from_public_key(signing.public_key())  # pyright: ignore[reportArgumentType]  # a CA's key is one that signs
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(_PEM).decode()
