"""`tls`: how connections to a host are protected, where that is not left to automatic mutual TLS.

What upstream refuses here is never taken for plaintext: the host gets no traffic until it is mended.
https://istio.io/latest/docs/reference/config/networking/destination-rule/#ClientTLSSettings
"""

from __future__ import annotations

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.destination_rules.blocks import Tls, TlsMode
from seaway.frontends.istio.destination_rules.place import Place
from seaway.resources.istio.destination_rule import ClientTLSSettings

CLOSED = "Nothing is sent to this host until it is mended (503): what was to be encrypted must not go in plaintext."
KEPT = "They are ignored: the workload's own certificate is shown, and the mesh's root believed."
ORIGINATING = (TlsMode.SIMPLE, TlsMode.MUTUAL)


def read_tls(block: ClientTLSSettings, place: Place) -> tuple[Tls, Findings]:
    """What a `tls` block means, `broken` where upstream refuses it."""
    wrong: list[Finding] = []
    notes: list[Finding] = []
    mode = _mode(block, place, wrong, notes)
    if mode in ORIGINATING:
        _files(block, place, mode, wrong)
        _verification(block, place, mode, wrong, notes)
    if mode is TlsMode.ISTIO_MUTUAL:
        for name, value in _file_fields(block).items():
            if value:
                notes.append(place.of(name).refuses("ISTIO_MUTUAL excludes certificates of one's own", KEPT))
    tls = Tls(
        mode=mode,
        chain=block.client_certificate,
        key=block.private_key,
        trust=block.ca_certificates,
        crl=block.ca_crl,
        credential=block.credential_name,
        names=block.subject_alt_names,
        sni=block.sni,
        verify=not block.insecure_skip_verify,
        broken=bool(wrong),
        origin=place.of("mode").origin,
    )
    return tls, (*wrong, *notes)


def _mode(block: ClientTLSSettings, place: Place, wrong: list[Finding], notes: list[Finding]) -> TlsMode:
    if block.mode is None:
        notes.append(place.find(codes.TLS_WITHOUT_MODE, field=place.field))
        return TlsMode.DISABLE
    if block.mode not in TlsMode.__members__:
        wrong.append(place.of("mode").refuses(f"{plain(block.mode)} is none of {', '.join(TlsMode.__members__)}", CLOSED))
        return TlsMode.DISABLE
    return TlsMode(block.mode)


def _file_fields(block: ClientTLSSettings) -> dict[str, str]:
    return {
        "clientCertificate": block.client_certificate,
        "privateKey": block.private_key,
        "caCertificates": block.ca_certificates,
        "caCrl": block.ca_crl,
    }


def _files(block: ClientTLSSettings, place: Place, mode: TlsMode, wrong: list[Finding]) -> None:
    if block.credential_name:
        for name, value in _file_fields(block).items():
            if value:
                wrong.append(place.of(name).refuses("credentialName excludes it", CLOSED))
    elif mode is TlsMode.MUTUAL:
        missing = (name for name in ("clientCertificate", "privateKey") if not _file_fields(block)[name])
        wrong.extend(place.of(name).refuses("MUTUAL needs it, or credentialName", CLOSED) for name in missing)


def _verification(block: ClientTLSSettings, place: Place, mode: TlsMode, wrong: list[Finding], notes: list[Finding]) -> None:
    if block.insecure_skip_verify:
        excluded = {"caCertificates": block.ca_certificates, "subjectAltNames": block.subject_alt_names}
        if mode is TlsMode.SIMPLE:
            excluded["credentialName"] = block.credential_name
        for name, value in excluded.items():
            if value:
                wrong.append(place.of(name).refuses("insecureSkipVerify excludes it", CLOSED))
        notes.append(place.of("insecureSkipVerify").find(codes.TLS_UNVERIFIED))
    elif block.sni and not block.subject_alt_names:
        notes.append(place.of("sni").find(codes.TLS_ANY_NAME, sni=plain(block.sni)))
    elif not block.ca_certificates and not block.credential_name:
        notes.append(place.of("mode").find(codes.TLS_SYSTEM_ROOTS, mode=mode.value))
