"""The `tls` block of a server: what upstream refuses in it, and what of it has no effect. Certificates are `credentials.py`'s matter."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.codes import gateways as codes
from seaway.core.finding import Finding
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.gateways.rules import ServerRules, Speaks
from seaway.frontends.istio.places import Place
from seaway.resources.istio.gateway import ServerTLSSettings

MODES = ("PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL")
ASKS_CLIENTS = ("MUTUAL", "OPTIONAL_MUTUAL")
VERSIONS = {"TLSV1_0": "TLSv1_0", "TLSV1_1": "TLSv1_1", "TLSV1_2": "TLSv1_2", "TLSV1_3": "TLSv1_3"}

CIPHERS = frozenset(
    f"{first}{rest}"
    for first in ("ECDHE-ECDSA-", "ECDHE-RSA-", "")
    for rest in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA")
) | {"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305", "DES-CBC3-SHA"}
"""What upstream lets pass: pkg/config/security/security.go."""

CURVES = ("X25519", "P-256", "P-384", "P-521")
_RANK = (None, "TLS_AUTO", *VERSIONS)

Problem = tuple[tuple[str, ...], str, str]
"""The field below `tls`, what is wrong with it, and the mend."""


def tls_problems(protocol: str, http: bool, encrypted: bool, tls: ServerTLSSettings | None) -> Iterator[Problem]:
    """What upstream refuses."""
    if tls is None:
        if encrypted:
            yield (), f"a server of {protocol} has no tls", "Add tls with a mode, and a credentialName where TLS ends at the gateway."
        return
    if not encrypted:
        if not http:
            yield (), f"a server of {plain(protocol)} has tls", "Write protocol TLS, or remove tls."
        elif _says_more_than_redirect(tls):
            yield (), "a server of plain HTTP has tls that does more than redirect", "Write protocol HTTPS, or keep httpsRedirect alone."
        return
    if tls.mode is not None and tls.mode not in MODES:
        yield ("mode",), f"{plain(tls.mode)} is no mode", f"Write one of {', '.join(MODES)}."
        return
    yield from _certificate_problems(tls)
    if tls.min_protocol_version not in _RANK or tls.max_protocol_version not in _RANK:
        yield (), "a TLS version is none", f"Write TLS_AUTO, {', '.join(VERSIONS)}."
    elif _below(tls.max_protocol_version, tls.min_protocol_version):
        yield ("maxProtocolVersion",), "it is lower than minProtocolVersion", "Raise it."


def _says_more_than_redirect(tls: ServerTLSSettings) -> bool:
    return tls != ServerTLSSettings(https_redirect=tls.https_redirect, mode=tls.mode)


def _below(highest: str | None, lowest: str | None) -> bool:
    return highest in VERSIONS and lowest in VERSIONS and _RANK.index(highest) < _RANK.index(lowest)


def _certificate_problems(tls: ServerTLSSettings) -> Iterator[Problem]:
    named = bool(tls.credential_name) + bool(tls.credential_names)
    files = bool(tls.server_certificate or tls.private_key or tls.ca_certificates) + bool(tls.tls_certificates)
    mode = tls.mode or "PASSTHROUGH"
    if mode == "ISTIO_MUTUAL" and (named or files):
        yield (), "ISTIO_MUTUAL uses the gateway's own certificate, and another one is named", "Remove the other certificate."
    if mode not in ("SIMPLE", *ASKS_CLIENTS):
        return
    if named > 1 or (named and files) or files > 1:
        mend = "Keep one of credentialName, credentialNames, tlsCertificates and the names of files."
        yield (), "it names certificates in several ways", mend
    if len(tls.credential_names) > 2 or len(tls.tls_certificates) > 2:
        yield (), "it names more than two certificates", "Name one, or one with an RSA and one with an ECDSA key."
    if not named and not files:
        yield (), f"{mode} has no certificate", "Set credentialName to a Secret in the namespace of the gateway's pods."
    if files and not tls.tls_certificates:
        for field, value in (("serverCertificate", tls.server_certificate), ("privateKey", tls.private_key)):
            if not value:
                yield (field,), f"{mode} has no {field}", "Set credentialName to a Secret instead."
        if mode == "MUTUAL" and not tls.ca_certificates and not tls.ca_cert_credential_name:
            yield ("caCertificates",), "MUTUAL has no caCertificates", "Name the authorities of clients."


def tls_findings(tls: ServerTLSSettings | None, rules: ServerRules, place: Place) -> Iterator[Finding]:
    """What upstream takes, and what has no effect."""
    if tls is None:
        return
    if tls.https_redirect and rules.speaks is not Speaks.HTTP:
        why = "Only plain HTTP can be redirected to https."
        yield _idle(place.of("httpsRedirect"), "httpsRedirect has no effect", why, "Set it on the server of plain HTTP.")
    if rules.speaks is Speaks.HTTP and not tls.https_redirect:
        yield _idle(place, "tls has no effect", "The server takes plain HTTP.", "Write protocol HTTPS, or set httpsRedirect.")
    if not rules.speaks.ends_tls:
        if rules.speaks.by_name and (tls.credential_name or tls.credential_names or tls.server_certificate or tls.tls_certificates):
            mode = tls.mode or "PASSTHROUGH"
            yield _idle(place, f"a certificate has no effect with {mode}", "TLS does not end at the gateway.", "Write mode: SIMPLE.")
        return
    for index, name in enumerate(tls.cipher_suites):
        if name not in CIPHERS:
            why = "Istio passes over cipher suites that it does not know; those of TLS 1.3 cannot be chosen."
            yield _idle(place.of("cipherSuites", index), f"cipher suite {plain(name)} is passed over", why, "Remove it, or correct it.")
    for index, name in enumerate(tls.ecdh_curves):
        if name not in CURVES:
            why = "Envoy would refuse the whole listener for it."
            yield _idle(place.of("ecdhCurves", index), f"curve {plain(name)} is passed over", why, f"Write one of {', '.join(CURVES)}.")
    checks = ("subjectAltNames", "verifyCertificateSpki", "verifyCertificateHash", "caCrl", "caCertCredentialName")
    given = (tls.subject_alt_names, tls.verify_certificate_spki, tls.verify_certificate_hash, tls.ca_crl, tls.ca_cert_credential_name)
    if tls.mode not in ASKS_CLIENTS:
        for field, value in zip(checks, given, strict=True):
            if value:
                claim, why = f"{field} has no effect with {tls.mode}", "Clients are not asked for a certificate of the world."
                yield _idle(place.of(field), claim, why, "Write mode: MUTUAL, or remove it.")


def versions(tls: ServerTLSSettings) -> tuple[str, str]:
    """The lowest and the highest version, as Envoy has them; upstream's defaults are 1.2 and 1.3."""
    lowest = VERSIONS.get(tls.min_protocol_version or "", "TLSv1_2")
    highest = VERSIONS.get(tls.max_protocol_version or "", "TLSv1_3")
    return min(lowest, highest), highest


def _idle(place: Place, claim: str, why: str, help: str) -> Finding:
    return place.find(codes.SERVER_FIELD_IDLE, claim=claim, why=why, help=help)
