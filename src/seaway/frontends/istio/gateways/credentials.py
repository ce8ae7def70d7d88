"""Certificates of servers: Secrets of the gateway's namespace, and files as its pods mount them.

What is named and not to be had closes the server's hosts: no other certificate may answer for them, and no client go unasked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from seaway.core.names import is_dns_label, is_dns_subdomain
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.destination_rules.credentials import CHAINS, KEYS, LISTS, ROOTS, Held, Unusable, key_pair, revocations, roots
from seaway.frontends.istio.destination_rules.credentials import held as held_in
from seaway.frontends.istio.destination_rules.credentials import secret_name as name_of
from seaway.frontends.istio.destination_rules.mounts import mounted_file
from seaway.frontends.istio.gateways.tls_rules import ASKS_CLIENTS, CIPHERS, CURVES, versions
from seaway.model.certificate import Certificate
from seaway.model.route import ClientCertificates, Termination
from seaway.resources.core_v1 import Secret
from seaway.resources.istio.gateway import ServerTLSSettings
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot

_SPKI = re.compile(r"[A-Za-z0-9+/]{43}=")
_HASH = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31}")


@dataclass(frozen=True, slots=True)
class Vault:
    """Where certificates are looked for: the namespace of the gateway's pods."""

    snapshot: Snapshot
    namespace: str


def terminate(tls: ServerTLSSettings, vault: Vault) -> Termination | Unusable:
    """TLS that ends at a server."""
    lowest, highest = versions(tls)
    ciphers = tuple(name for name in tls.cipher_suites if name in CIPHERS)
    curves = tuple(name for name in tls.ecdh_curves if name in CURVES)
    if tls.mode == "ISTIO_MUTUAL":
        return Termination((), None, lowest, highest, ciphers, curves)
    certificates = _certificates(tls, vault)
    if isinstance(certificates, Unusable):
        return certificates
    clients: ClientCertificates | Unusable | None = None
    if tls.mode in ASKS_CLIENTS:
        clients = _clients(tls, vault)
        if isinstance(clients, Unusable):
            return clients
    return Termination(certificates, clients, lowest, highest, ciphers, curves)


def _certificates(tls: ServerTLSSettings, vault: Vault) -> tuple[Certificate, ...] | Unusable:
    found: list[Certificate] = []
    for name in tls.credential_names or ((tls.credential_name,) if tls.credential_name else ()):
        field = "credentialNames" if tls.credential_names else "credentialName"
        secret = _secret(name, field, vault)
        if isinstance(secret, Unusable):
            return secret
        pair = key_pair(held_in(secret, CHAINS), held_in(secret, KEYS), field, f"Secret {secret.key.namespace}/{secret.key.name}")
        if isinstance(pair, Unusable):
            return pair
        found.append(pair)
    files = [(one.server_certificate, one.private_key) for one in tls.tls_certificates]
    for chain, key in files or ([(tls.server_certificate, tls.private_key)] if tls.server_certificate else []):
        pair = key_pair(_file(chain, vault), _file(key, vault), "serverCertificate", plain(chain))
        if isinstance(pair, Unusable):
            mend = f"Mount {plain(chain)} and its key in pods of {vault.namespace} from a Secret, or use credentialName."
            return Unusable(pair.field, pair.problem, mend)
        found.append(pair)
    return tuple(found)


def _secret(name: str, field: str, vault: Vault) -> Resource[Secret] | Unusable:
    """A Secret by its name; in another namespace than the gateway's none may be used."""
    where, short = name_of(name, vault.namespace)
    if not is_dns_subdomain(short) or not is_dns_label(where):
        return Unusable(field, f"{plain(name)} is not the name of a Secret", "Write the name of a Secret.")
    if where != vault.namespace:
        mend = f"Put it into namespace {vault.namespace}."
        return Unusable(field, f"Secret {where}/{short} is not for a gateway in {vault.namespace}", mend)
    secret = vault.snapshot.get(Secret, "", where, short)
    if secret is None:
        mend = f"Add a Secret {where}/{short} with tls.crt and tls.key: it must be in the namespace of the gateway's pods."
        return Unusable(field, f"there is no Secret {where}/{short}", mend)
    return secret


def _file(path: str, vault: Vault) -> Held | None:
    found = mounted_file(vault.snapshot, vault.namespace, path) if path else None
    return Held(*found) if found is not None else None


def _clients(tls: ServerTLSSettings, vault: Vault) -> ClientCertificates | Unusable:
    """Authorities: of the Secret that is named for them, else of `NAME-cacert`, else of the server's own Secret."""
    trust, crl, field = _authorities(tls, vault)
    where = f"{trust.owner.namespace}/{trust.owner.name}" if trust is not None else ""
    mend = "Put the authorities of clients as ca.crt into the Secret of credentialName, or into one of that name with -cacert."
    if isinstance(field, Unusable):
        return field
    if trust is None and not tls.insecure_skip_verify:
        return Unusable(field, "it names no authorities that clients' certificates are verified by", mend)
    pinned = ("verifyCertificateSpki", tls.verify_certificate_spki, _SPKI), ("verifyCertificateHash", tls.verify_certificate_hash, _HASH)
    for name, pins, expression in pinned:
        if wrong := next((one for one in pins if not expression.fullmatch(one)), ""):
            return Unusable(name, f"{plain(wrong)} is no SHA-256 hash", "Write the hash in base64 (Spki) or hexadecimal (Hash).")
    pem = roots(trust.value) if trust is not None else ""
    if trust is not None and not pem:
        return Unusable(field, f"ca.crt of {where} is no certificate in PEM", mend)
    return ClientCertificates(
        required=tls.mode == "MUTUAL",
        source=where,
        trust=pem,
        crl=revocations(crl.value) if crl is not None else "",
        names=tls.subject_alt_names,
        spki=tls.verify_certificate_spki,
        hashes=tls.verify_certificate_hash,
        verify=not tls.insecure_skip_verify,
    )


def _authorities(tls: ServerTLSSettings, vault: Vault) -> tuple[Held | None, Held | None, str | Unusable]:
    if tls.ca_cert_credential_name:
        secret = _secret(tls.ca_cert_credential_name, "caCertCredentialName", vault)
        if isinstance(secret, Unusable):
            return None, None, secret
        return held_in(secret, ROOTS), held_in(secret, LISTS), "caCertCredentialName"
    name = tls.credential_name or (tls.credential_names[0] if tls.credential_names else "")
    if name:
        where, short = name_of(name, vault.namespace)
        places = [vault.snapshot.get(Secret, "", where, one) for one in (f"{short}-cacert", short)]
        found = [one for one in places if one is not None and held_in(one, ROOTS) is not None]
        return (held_in(found[0], ROOTS), held_in(found[0], LISTS), "credentialName") if found else (None, None, "credentialName")
    path = tls.ca_certificates or next((one.ca_certificates for one in tls.tls_certificates if one.ca_certificates), "")
    return _file(path, vault), _file(tls.ca_crl, vault), "caCertificates"
