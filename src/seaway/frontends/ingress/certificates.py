"""TLS Secrets as certificates. A Secret that cannot be used is a finding, and its hosts get the gateway's default certificate."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from hashlib import blake2b

from seaway.core.codes import ingress as codes
from seaway.core.finding import Findings, finding
from seaway.core.memo import Memo
from seaway.core.names import Key, is_dns_subdomain
from seaway.core.origin import Origin
from seaway.frontends.ingress.absence import absence
from seaway.frontends.ingress.key_pairs import BadPair, KeyPair, Problem, read_key_pair
from seaway.frontends.ingress.quoting import plain, shown
from seaway.model.certificate import Certificate
from seaway.model.index import Model
from seaway.resources.core_v1 import Secret
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot

CHAIN, KEY = "tls.crt", "tls.key"
TLS_TYPE = "kubernetes.io/tls"

_PROBLEMS = {Problem.CHAIN_UNREADABLE: CHAIN, Problem.KEY_UNREADABLE: KEY}


def find_certificate(snapshot: Snapshot, wanted: str, at: Origin, asking: Key, memo: Memo) -> tuple[Certificate | None, Findings]:
    """The certificate of the Secret `wanted` (`namespace/name`), which `asking` names at `at`. A name cannot lead to another namespace."""
    namespace, _, name = wanted.partition("/")
    if not is_dns_subdomain(name):
        return None, (finding(codes.SECRET_NAME_INVALID, at, asking, name=shown(name)),)
    secret = snapshot.get(Secret, "", namespace, name)
    if secret is None:
        state = absence(snapshot, Key("", "Secret", namespace, name))
        return None, (finding(codes.SECRET_MISSING, at, asking, secret=f"{namespace}/{name}", state=state),)
    return memo(secret.key, read_certificate, secret)


def read_certificate(secret: Resource[Secret]) -> tuple[Certificate | None, Findings]:
    """A Secret's `tls.crt` and `tls.key`."""
    name = f"{secret.key.namespace}/{secret.key.name}"
    findings: Findings = ()
    if secret.body.type != TLS_TYPE:
        findings += (finding(codes.SECRET_TYPE, secret.at("type"), secret.key, secret=name, type=plain(secret.body.type)),)
    chain, more = _value(secret, CHAIN)
    key, again = _value(secret, KEY)
    findings += more + again
    if chain is None or key is None:
        return None, findings
    pair = read_key_pair(chain, key)
    if isinstance(pair, BadPair):
        return None, findings + _bad(secret, pair)
    if pair.misplaced:
        findings += (finding(codes.CHAIN_ORDER, _at(secret, CHAIN), secret.key, secret=name, position=pair.misplaced),)
    if pair.unusual:
        findings += (finding(codes.KEY_UNUSUAL, _at(secret, KEY), secret.key, secret=name),)
    return _certificate(secret, pair), findings


def check_expiry(certificate: Certificate, now: datetime) -> Findings:
    """A warning if the certificate has expired at `now` (with time zone)."""
    if datetime.fromisoformat(certificate.not_after) > now.astimezone(UTC):
        return ()
    secret = certificate.owner
    name = f"{secret.namespace}/{secret.name}" if secret else certificate.id
    return (finding(codes.CERTIFICATE_EXPIRED, certificate.origin, secret, secret=name, when=certificate.not_after),)


def find_expired(model: Model, now: datetime) -> Findings:
    """Warnings about all gateways' certificates that have expired at `now`."""
    served = {certificate.id: certificate for gateway in model.gateways for certificate in gateway.certificates}
    return tuple(one for certificate in served.values() for one in check_expiry(certificate, now))


def _certificate(secret: Resource[Secret], pair: KeyPair) -> Certificate:
    content = blake2b(f"{pair.chain}\0{pair.key}".encode(), digest_size=8).hexdigest()
    return Certificate(
        id=f"{secret.key.namespace}/{secret.key.name}/{content}",
        chain=pair.chain,
        key=pair.key,
        names=pair.names,
        not_after=pair.not_after,
        owner=secret.key,
        origin=_at(secret, CHAIN),
    )


def _value(secret: Resource[Secret], key: str) -> tuple[bytes | None, Findings]:
    """One value's bytes; `stringData` wins over `data`, as the API server merges them."""
    if secret.body.string_data.get(key):
        return secret.body.string_data[key].encode(), ()
    name = f"{secret.key.namespace}/{secret.key.name}"
    text = secret.body.data.get(key, "")
    if not text:
        return None, (finding(codes.SECRET_KEY_MISSING, _at(secret, key), secret.key, secret=name, key=key),)
    return base64.b64decode(text), ()  # an object with other text than base64 is refused when it is read


def _bad(secret: Resource[Secret], pair: BadPair) -> Findings:
    name = f"{secret.key.namespace}/{secret.key.name}"
    match pair.problem:
        case Problem.CHAIN_UNREADABLE | Problem.KEY_UNREADABLE:
            key = _PROBLEMS[pair.problem]
            return (finding(codes.CERTIFICATE_UNREADABLE, _at(secret, key), secret.key, secret=name, key=key, problem=pair.detail),)
        case Problem.KEY_MISMATCH:
            return (finding(codes.KEY_MISMATCH, _at(secret, KEY), secret.key, secret=name, hint=pair.detail),)
        case Problem.KEY_UNSUPPORTED:
            return (finding(codes.KEY_UNSUPPORTED, _at(secret, CHAIN), secret.key, secret=name, problem=pair.detail),)


def _at(secret: Resource[Secret], key: str) -> Origin:
    return secret.at("stringData" if key in secret.body.string_data else "data", key)
