"""The certificate that a gateway shows where no Secret fits: self-signed, kept for as long as the state folder lives."""

from __future__ import annotations

import datetime
import os
from hashlib import blake2b
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seaway.core.errors import DriverError
from seaway.core.origin import GENERATED
from seaway.model.certificate import Certificate

COMMON_NAME = "Seaway default gateway certificate"
_LIFE = datetime.timedelta(days=365)
_RENEW_BEFORE = datetime.timedelta(days=30)
_KEY_END = "-----END PRIVATE KEY-----\n"


def default_certificate(path: Path) -> Certificate:
    """The certificate kept in this file (PEM, key first, mode 0600); made where there is none, or it ends within 30 days."""
    try:
        kept = _read(path)
    except (OSError, ValueError):
        kept = None
    if kept is not None and kept[1] - datetime.datetime.now(datetime.UTC) > _RENEW_BEFORE:
        return kept[0]
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(_make())
        return _read(path)[0]
    except OSError as error:
        raise DriverError(f"cannot keep the default certificate: {error}", help="the state folder must be writable") from error


def _read(path: Path) -> tuple[Certificate, datetime.datetime]:
    key, _, chain = path.read_text().partition(_KEY_END)
    certificate = x509.load_pem_x509_certificate(chain.encode())
    digest = blake2b(chain.encode(), digest_size=6).hexdigest()
    end = certificate.not_valid_after_utc
    found = Certificate(f"default/{digest}", chain, key + _KEY_END, (), end.strftime("%Y-%m-%dT%H:%M:%SZ"), None, GENERATED)
    return found, end


def _make() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("ingress.local")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private.decode() + certificate.public_bytes(serialization.Encoding.PEM).decode()
