"""PEM text into a certificate chain and its key, as Envoy (BoringSSL) will accept them.

Both are written out anew, so that nothing but a chain and a key ever reaches an engine. Which Secret they stand in and who may use them is
`certificates.py`'s business. What Envoy accepts was tried on 1.40: RSA of 2048 bits and more, ECDSA on P-256, P-384 and P-521, Ed25519.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion)


class Problem(Enum):
    CHAIN_UNREADABLE = "chain"
    KEY_UNREADABLE = "key"
    KEY_MISMATCH = "mismatch"
    KEY_UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class BadPair:
    """Why a pair cannot be used. `detail` never holds key material."""

    problem: Problem
    detail: str


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A pair that belongs together. `names` are the DNS names of its first certificate, or its common name where it has none.

    `misplaced` is the position (from 1) of the first certificate that did not issue the one before it, 0 if the chain is in order.
    `unusual`: browsers refuse this kind of key.
    """

    chain: str
    key: str
    names: tuple[str, ...]
    not_after: str
    misplaced: int
    unusual: bool

    def __repr__(self) -> str:
        return f"KeyPair({', '.join(self.names)})"


@lru_cache(maxsize=256)
def read_key_pair(chain: bytes, key: bytes) -> KeyPair | BadPair:
    """Reads PEM. Text around the blocks and either kind of line end are fine; PKCS #8, PKCS #1 and SEC1 keys are."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
        names = _names(certificates[0])
        public = certificates[0].public_key()
        public_bytes = [one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for one in certificates]
    except _UNREADABLE:
        found = b"-----BEGIN CERTIFICATE-----" in chain
        return BadPair(Problem.CHAIN_UNREADABLE, "a certificate in it is damaged" if found else "it holds no certificate in PEM")
    try:
        private = load_pem_private_key(key, None)
        own = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except TypeError:
        return BadPair(Problem.KEY_UNREADABLE, "the key is encrypted")
    except _UNREADABLE:
        return BadPair(Problem.KEY_UNREADABLE, "it holds no private key in PEM")
    if own != public_bytes[0]:
        return BadPair(Problem.KEY_MISMATCH, "; it belongs to another certificate of the chain" if own in public_bytes else "")
    unsupported = _unsupported(public)
    if unsupported:
        return BadPair(Problem.KEY_UNSUPPORTED, unsupported)
    return KeyPair(
        chain="".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in certificates),
        key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"),
        names=names,
        not_after=certificates[0].not_valid_after_utc.isoformat(),
        misplaced=_misplaced(certificates),
        unusual=isinstance(public, ed25519.Ed25519PublicKey),
    )


def _unsupported(key: object) -> str:
    match key:
        case rsa.RSAPublicKey():
            return "" if key.key_size >= 2048 else f"its RSA key has {key.key_size} bits, fewer than 2048"
        case ec.EllipticCurvePublicKey():
            return "" if key.curve.name in _CURVES else f"its key is on curve {key.curve.name}, not P-256, P-384 or P-521"
        case ed25519.Ed25519PublicKey():
            return ""
        case _:
            return "its key is neither RSA, ECDSA nor Ed25519"


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """RFC 6125: the common name counts only where there is no DNS name."""
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(san.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return names or tuple(str(one.value) for one in common[:1])


def _misplaced(certificates: list[x509.Certificate]) -> int:
    for position in range(1, len(certificates)):
        if certificates[position - 1].issuer != certificates[position].subject:
            return position + 1
    return 0
