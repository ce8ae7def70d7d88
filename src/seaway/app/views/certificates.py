"""Certificates as `seaway certs` shows them, and what is wrong with them now. No key is ever in either."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from seaway.app.certificates import Certificates
from seaway.core.codes import identity as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.core.origin import GENERATED
from seaway.drivers.agent.messages import CertificateHeld
from seaway.model.authority import BroughtAuthority
from seaway.model.index import Model
from seaway.model.route import Certificate

DAY_S = 86_400.0
SOON_DAYS = 30
PROMPT_S = 2.0
"""A new root that is out to all nodes within this time is nothing to speak of."""

OVERDUE = 0.15
"""A certificate is renewed long before this part of its life is all that is left."""


def certificates_document(certificates: Certificates, model: Model | None, default: Certificate) -> dict[str, Any]:
    """All certificates that are served and the roots that are trusted, with the days that each has left."""
    wall = certificates.clock().wall
    rows = [
        {"kind": "workload", "identity": one.identity, "node": node, "serial": one.serial, "root": one.root, **_validity(one, wall)}
        for node, held in sorted(certificates.held.items())
        for one in sorted(held.values(), key=lambda one: one.identity)
    ]
    return {
        "certificates": [*rows, *_of_gateways(model, default, wall)],
        "roots": [
            {
                "fingerprint": root.id,
                "state": _state(certificates, root.id),
                **_life(read_certificate(root.pem), wall),
            }
            for root in certificates.trust.bundle.roots
        ],
    }


def read_certificate(pem: str) -> x509.Certificate:
    """The first certificate of a text that was read before."""
    return x509.load_pem_x509_certificate(pem.encode())


def find_troubles(certificates: Certificates) -> Findings:
    """What is wrong now with roots, certificates and the clock."""
    return tuple(_troubles(certificates))


def _troubles(certificates: Certificates) -> Iterator[Finding]:
    at = certificates.clock()
    if certificates.not_kept:
        yield finding(codes.ROOTS_NOT_KEPT, GENERATED, path=certificates.settings.roots, reason=certificates.not_kept)
    if certificates.jump is not None:
        by, when = certificates.jump.by_s, _time(certificates.jump.at.wall)
        yield finding(codes.CLOCK_SET, GENERATED, by=f"{'forth' if by > 0 else 'back'} by {_span(abs(by))}", when=when)
    yield from _brought_troubles(certificates, at.wall)
    lacking = certificates.lacking
    if certificates.trust.wanted and lacking and certificates.trust.waited_s(at.steady) > PROMPT_S:
        nodes = ", ".join(f"{node} {'has not confirmed it' if certificates.connected(node) else 'is away'}" for node in lacking)
        meanwhile = "The one before goes on signing." if certificates.issuer is not None else "Until then nothing is signed."
        root, patience = certificates.trust.wanted[:16], f"{certificates.settings.patience_s:g}"
        yield finding(codes.ROOT_WAITS, GENERATED, root=root, nodes=nodes, meanwhile=meanwhile, patience=patience)
    for node, held in sorted(certificates.held.items()):
        for one in held.values():
            if state := _overdue(one, at.wall):
                yield finding(codes.CERTIFICATE_OVERDUE, GENERATED, identity=one.identity, node=node, state=state)


def _brought_troubles(certificates: Certificates, wall: float) -> Iterator[Finding]:
    wish, brought = certificates.wish, certificates.brought
    if not isinstance(wish, BroughtAuthority) or brought is None:
        return
    secret, days = f"{wish.owner.namespace}/{wish.owner.name}", (wish.not_after - wall) / DAY_S
    if not wish.not_before <= wall < wish.not_after:
        begins, ends = _time(wish.not_before), _time(wish.not_after)
        yield finding(codes.CA_NOT_VALID, wish.origin, wish.owner, secret=secret, begins=begins, ends=ends)
    elif days < SOON_DAYS:
        yield finding(codes.CA_ENDS_SOON, wish.origin, wish.owner, secret=secret, ends=_time(wish.not_after), days=f"{days:.0f}")


def _overdue(one: CertificateHeld, wall: float) -> str:
    if wall >= one.not_after:
        return f"ended at {_time(one.not_after)}"
    if wall < one.not_before:
        return f"is valid from {_time(one.not_before)} only"
    if one.not_after - wall < OVERDUE * (one.not_after - one.not_before):
        return f"ends at {_time(one.not_after)}"
    return ""


def _state(certificates: Certificates, root: str) -> str:
    if root == certificates.trust.signer:
        return "signs"
    return "waits" if root == certificates.trust.wanted else "trusted"


def _of_gateways(model: Model | None, default: Certificate, wall: float) -> Iterator[dict[str, Any]]:
    if model is None:
        return
    for gateway in model.gateways:
        served = {one.id: one for one in gateway.certificates}
        if gateway.https_ports:
            fallback = gateway.default_certificate or default
            served.setdefault(fallback.id, fallback)
        for certificate in served.values():
            own = read_certificate(certificate.chain)
            yield {
                "kind": "gateway",
                "identity": ", ".join(certificate.names) or own.subject.rfc4514_string(),
                "gateway": gateway.name,
                "serial": f"{own.serial_number:x}",
                "issuer": own.issuer.rfc4514_string(),
                "secret": f"{certificate.owner.namespace}/{certificate.owner.name}" if certificate.owner else None,
                "file": certificate.origin.file,
                "line": certificate.origin.line,
                **_life(own, wall),
            }


def _validity(one: CertificateHeld, wall: float) -> dict[str, Any]:
    return {"notBefore": _time(one.not_before), "notAfter": _time(one.not_after), "daysLeft": round((one.not_after - wall) / DAY_S, 3)}


def _life(certificate: x509.Certificate, wall: float) -> dict[str, Any]:
    begins, ends = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    return {"notBefore": _time(begins), "notAfter": _time(ends), "daysLeft": round((ends - wall) / DAY_S, 3)}


def _time(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _span(seconds: float) -> str:
    for unit, size in (("days", DAY_S), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (unit != "days" and seconds >= size):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"
