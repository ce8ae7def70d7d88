"""The CA that signs workloads' certificates, where the user brings one: Secret `cacerts`, as Istio's plug-in CA, else `istio-ca-secret`.

https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
Leaves to others: what the time is, and what is done where none is brought, or it cannot be used.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from seaway.core.codes import identity as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.core.origin import Origin
from seaway.frontends.ingress.key_pairs import BadPair, Problem, read_key_pair
from seaway.model.authority import MADE, Authority, BroughtAuthority, UnusableAuthority
from seaway.resources.core_v1 import Secret
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot

_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion)


@dataclass(frozen=True, slots=True)
class _Names:
    """Which values of a Secret hold what."""

    certificate: str
    key: str
    root: str
    chain: str


PLUGGED_IN = _Names("ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem")
OF_TYPE_TLS = _Names("tls.crt", "tls.key", "ca.crt", "tls.crt")  # as cert-manager writes it; istiod prefers it where tls.crt is there
SELF_SIGNED = _Names("ca-cert.pem", "ca-key.pem", "ca-cert.pem", "ca-cert.pem")  # what istiod makes for itself
MADE_BY_ISTIOD = "istio-generated"
REVOCATIONS = "ca-crl.pem"


class _Broken(Exception):
    """What is wrong with a Secret, for `read_authority` to return."""

    def __init__(self, found: Finding) -> None:
        super().__init__(found.message)
        self.found = found


def build_authority(snapshot: Snapshot, root_namespace: str) -> tuple[Authority, Findings]:
    """What is to sign: the CA of the root namespace's Secret, or one that is made."""
    secret = snapshot.get(Secret, "", root_namespace, "cacerts") or snapshot.get(Secret, "", root_namespace, "istio-ca-secret")
    return read_authority(secret) if secret is not None else (MADE, ())


def read_authority(secret: Resource[Secret]) -> tuple[Authority, Findings]:
    """The CA in a Secret. One that cannot be used is a finding."""
    names = _names_in(secret)
    notes: Findings = ()
    if _has(secret, REVOCATIONS):
        notes = (finding(codes.CA_REVOCATIONS_IGNORED, _at(secret, REVOCATIONS), secret.key, secret=_name(secret)),)
    try:
        chain, key, roots = _read(secret, names)
        path, root = _path_to_root(secret, names, chain, roots)
    except _Broken as broken:
        return UnusableAuthority(broken.found.origin), (*notes, broken.found)
    every = (*path, root)
    return BroughtAuthority(
        chain=_text(path),
        root=_text((root,)),
        also=tuple(_text((one,)) for one in roots if one != root),
        not_before=max(one.not_valid_before_utc for one in every).timestamp(),
        not_after=min(one.not_valid_after_utc for one in every).timestamp(),
        owner=secret.key,
        origin=_at(secret, names.certificate),
        key=key,
    ), notes


def _names_in(secret: Resource[Secret]) -> _Names:
    if _has(secret, OF_TYPE_TLS.certificate):
        return OF_TYPE_TLS
    made = secret.key.name != "cacerts" or MADE_BY_ISTIOD in {*secret.body.data, *secret.body.string_data}
    return SELF_SIGNED if made else PLUGGED_IN


def _read(secret: Resource[Secret], names: _Names) -> tuple[tuple[x509.Certificate, ...], str, tuple[x509.Certificate, ...]]:
    """All certificates that may be on the way from the CA to its root (the CA's own first), the CA's key, and the roots."""
    own, key = _value(secret, names.certificate), _value(secret, names.key)
    pair = read_key_pair(own, key)
    if isinstance(pair, BadPair):
        wrong = names.key if pair.problem is Problem.KEY_UNREADABLE else names.certificate
        if pair.problem is Problem.KEY_MISMATCH:
            raise _Broken(finding(codes.CA_KEY_MISMATCH, _at(secret, names.key), secret.key, secret=_name(secret)))
        raise _Broken(finding(codes.CA_UNREADABLE, _at(secret, wrong), secret.key, secret=_name(secret), key=wrong, problem=pair.detail))
    chain = (*x509.load_pem_x509_certificates(own), *_certificates(secret, names.chain))
    return chain, pair.key, _certificates(secret, names.root)


def _certificates(secret: Resource[Secret], key: str) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(_value(secret, key)))
    except _UNREADABLE as error:
        problem = "it holds no certificates in PEM"
        raise _Broken(finding(codes.CA_UNREADABLE, _at(secret, key), secret.key, secret=_name(secret), key=key, problem=problem)) from error


def _path_to_root(
    secret: Resource[Secret], names: _Names, chain: tuple[x509.Certificate, ...], roots: tuple[x509.Certificate, ...]
) -> tuple[tuple[x509.Certificate, ...], x509.Certificate]:
    """The certificates from the CA's own to below its root, and the root. A CA that is the root is the path itself."""
    path = [chain[0]]
    _check_signs(secret, names.certificate, chain[0], 0)
    while True:
        last = path[-1]
        if last in roots:
            return tuple(path), last
        root = next((one for one in roots if _signed(last, one)), None)
        if root is not None:
            _check_signs(secret, names.root, root, len(path))
            return tuple(path), root
        above = next((one for one in chain if one not in path and _signed(last, one)), None)
        if above is None:
            why = f"is not in {names.root}" if last.issuer == last.subject else f"nothing here has signed: {_issuer(last)}"
            problem = f"it ends at {_subject(last)}, which {why}"
            raise _Broken(finding(codes.CA_CHAIN_BROKEN, _at(secret, names.chain), secret.key, secret=_name(secret), problem=problem))
        _check_signs(secret, names.chain, above, len(path))
        path.append(above)


def _check_signs(secret: Resource[Secret], key: str, certificate: x509.Certificate, below: int) -> None:
    """A CA by its extensions, `below` of which are between it and what is signed for workloads."""
    problem = _why_not(certificate, below)
    if problem:
        at, subject = _at(secret, key), _subject(certificate)
        raise _Broken(finding(codes.CA_SIGNS_NOTHING, at, secret.key, secret=_name(secret), key=key, subject=subject, problem=problem))


def _why_not(certificate: x509.Certificate, below: int) -> str:
    """RFC 5280, 4.2.1.3 and 4.2.1.9."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = next((one.value for one in certificate.extensions if isinstance(one.value, x509.KeyUsage)), None)
    except x509.ExtensionNotFound:
        return "it has no basicConstraints"
    except _UNREADABLE:
        return "its extensions cannot be read"
    if not constraints.ca:
        return "its basicConstraints say CA:FALSE"
    if usage is not None and not usage.key_cert_sign:
        return "its keyUsage lacks keyCertSign"
    if constraints.path_length is not None and constraints.path_length < below:
        return f"its pathlen:{constraints.path_length} does not allow {below} other CAs below it"
    return ""


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*_UNREADABLE, InvalidSignature):
        return False
    return True


def _has(secret: Resource[Secret], key: str) -> bool:
    return bool(secret.body.string_data.get(key) or secret.body.data.get(key))


def _value(secret: Resource[Secret], key: str) -> bytes:
    if not _has(secret, key):
        raise _Broken(finding(codes.CA_VALUE_MISSING, _at(secret, key), secret.key, secret=_name(secret), key=key))
    text = secret.body.string_data.get(key)
    return text.encode() if text else base64.b64decode(secret.body.data[key])  # other text than base64 is refused when it is read


def _at(secret: Resource[Secret], key: str) -> Origin:
    return secret.at("stringData" if key in secret.body.string_data else "data", key)


def _name(secret: Resource[Secret]) -> str:
    return f"{secret.key.namespace}/{secret.key.name}"


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"


def _issuer(certificate: x509.Certificate) -> str:
    return f"it names {certificate.issuer.rfc4514_string() or 'nobody'} as its issuer"


def _text(certificates: tuple[x509.Certificate, ...]) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)
