"""A workload's side of a certificate: its key, what it asks for, and what came of it. The key never leaves the process but to Envoy."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from seaway.core.errors import DriverError


@dataclass(frozen=True, slots=True)
class Request:
    """A key and the request (PEM) that asks for its certificate."""

    identity: str
    text: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate in use. `serial` is in hexadecimal; `begins` and `ends` are seconds since 1970."""

    identity: str
    chain: str
    serial: str
    begins: float
    ends: float
    key: str = field(repr=False)


def make_request(identity: str) -> Request:
    """A new ECDSA key on P-256, and a request for it in the name of this SPIFFE ID."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=True)
    text = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    return Request(identity, text, key)


def finish(request: Request, chain: str) -> Leaf:
    """The request's key with the certificate that came for it. Raises DriverError where that is for another key or another name."""
    try:
        certificate = x509.load_pem_x509_certificates(chain.encode())[0]
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, IndexError, x509.ExtensionNotFound) as error:
        raise DriverError(f"no certificate for {request.identity}: {error}") from error
    if certificate.public_key() != request.key.public_key() or list(names) != [x509.UniformResourceIdentifier(request.identity)]:
        raise DriverError(f"a certificate for another key or name than {request.identity}")
    key = request.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    begins, ends = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    return Leaf(request.identity, chain, f"{certificate.serial_number:x}", begins, ends, key.decode())
