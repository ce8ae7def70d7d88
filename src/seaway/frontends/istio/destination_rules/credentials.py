"""Certificates that a rule names for connections to the world: Secrets, and files as the callers' pods mount them.

What is named and not to be had closes the host: connections must not be made in another way than the rule asks.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import blake2b

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from seaway.core.names import Key, is_dns_label, is_dns_subdomain
from seaway.core.origin import Origin
from seaway.frontends.ingress.key_pairs import BadPair, read_key_pair
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.destination_rules.blocks import Tls, TlsMode
from seaway.frontends.istio.destination_rules.mounts import mounted_file
from seaway.model.certificate import Certificate
from seaway.model.upstream import OriginateTls
from seaway.resources.core_v1 import Secret
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot

SYSTEM_ROOTS = frozenset(
    {
        "",
        "system",
        "/etc/ssl/certs/ca-certificates.crt",  # Debian, and Istio's own proxy image
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    }
)
"""Files that hold the public authorities on one system or other: this machine's roots are meant."""
CHAINS, KEYS, ROOTS, LISTS = ("tls.crt", "cert"), ("tls.key", "key"), ("ca.crt", "cacert"), ("ca.crl", "crl")
"""Keys of a Secret, each in both spellings that upstream reads."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """What is missing: the `field` of the tls block that names it, why it cannot be had, and what helps."""

    field: str
    problem: str
    mend: str


@dataclass(frozen=True, slots=True)
class Held:
    """One value, and the object that it stands in."""

    value: bytes
    owner: Key
    origin: Origin


def originate(tls: Tls, namespace: str, snapshot: Snapshot) -> OriginateTls | Unusable:
    """The connection that a SIMPLE or MUTUAL block asks for, for callers of this namespace."""
    found = _from_secret(tls, namespace, snapshot) if tls.credential else _from_files(tls, namespace, snapshot)
    if isinstance(found, Unusable):
        return found
    certificate, trust, crl = found
    return OriginateTls(
        certificate=certificate,
        sni=tls.sni,
        names=tls.names,
        match_host=tls.verify and not tls.sni and not tls.names,
        trust=trust,
        crl=crl,
        verify=tls.verify,
        origin=tls.origin,
    )


Found = tuple[Certificate | None, str, str]


def _from_secret(tls: Tls, namespace: str, snapshot: Snapshot) -> Found | Unusable:
    where, name = secret_name(tls.credential, namespace)
    mend = (
        f"Add a Secret {where}/{name or 'NAME'} with tls.crt and tls.key (MUTUAL) and ca.crt; {name or 'NAME'}-cacert may hold the latter."
    )
    if not is_dns_subdomain(name) or not is_dns_label(where):
        return Unusable("credentialName", f"{plain(tls.credential)} is not the name of a Secret", mend)
    if where != namespace:
        return Unusable("credentialName", f"Secret {where}/{name} is not for callers in {namespace}", f"Put it into namespace {namespace}.")
    secret = snapshot.get(Secret, "", where, name)
    authorities = snapshot.get(Secret, "", where, f"{name}-cacert")
    if secret is None and (authorities is None or tls.mode is TlsMode.MUTUAL):
        return Unusable("credentialName", f"there is no Secret {where}/{name}", mend)
    certificate = None
    if tls.mode is TlsMode.MUTUAL:
        assert secret is not None
        certificate = key_pair(held(secret, CHAINS), held(secret, KEYS), "credentialName", f"Secret {where}/{name}")
        if isinstance(certificate, Unusable):
            return certificate
    if not tls.verify:
        return certificate, "", ""
    found = (held(authorities, ROOTS) if authorities is not None else None) or (held(secret, ROOTS) if secret is not None else None)
    if found is None:
        return Unusable("credentialName", f"neither Secret {where}/{name} nor {name}-cacert holds ca.crt", mend)
    trust = roots(found.value)
    crl = held(secret, LISTS) if secret is not None else None
    if not trust:
        return Unusable("credentialName", f"ca.crt of {found.owner} is no certificate in PEM", mend)
    return certificate, trust, revocations(crl.value) if crl is not None else ""


def secret_name(text: str, namespace: str) -> tuple[str, str]:
    """`name`, `kubernetes://name` or `kubernetes://namespace/name`."""
    first, slash, rest = text.removeprefix("kubernetes://").partition("/")
    return (first, rest) if slash else (namespace, first)


def _from_files(tls: Tls, namespace: str, snapshot: Snapshot) -> Found | Unusable:
    read: dict[str, Held] = {}
    for field, path in (("clientCertificate", tls.chain), ("privateKey", tls.key), ("caCertificates", tls.trust), ("caCrl", tls.crl)):
        if not path or (field == "caCertificates" and path in SYSTEM_ROOTS):
            continue
        mounted = mounted_file(snapshot, namespace, path)
        if mounted is None:
            mend = (
                f"Mount it in the pods of {namespace} (annotations sidecar.istio.io/userVolume and userVolumeMount, from a Secret or "
                "ConfigMap of the manifests), or use credentialName with workloadSelector."
            )
            return Unusable(field, f"no pod in namespace {namespace} mounts {plain(path)} from a Secret or ConfigMap", mend)
        read[field] = Held(*mounted)
    certificate = None
    if tls.mode is TlsMode.MUTUAL:
        certificate = key_pair(read.get("clientCertificate"), read.get("privateKey"), "clientCertificate", plain(tls.chain))
        if isinstance(certificate, Unusable):
            return certificate
    trust = crl = ""
    if "caCertificates" in read and not (trust := roots(read["caCertificates"].value)):
        return Unusable("caCertificates", f"{plain(tls.trust)} holds no certificate in PEM", "Put the authority's certificate there.")
    if "caCrl" in read and not (crl := revocations(read["caCrl"].value)):
        return Unusable("caCrl", f"{plain(tls.crl)} holds no revocation list in PEM", "Put the authority's list there.")
    return certificate, trust, crl


def held(secret: Resource[Secret], keys: tuple[str, ...]) -> Held | None:
    """The first of these keys that holds something; `stringData` wins over `data`."""
    for key in keys:
        if secret.body.string_data.get(key):
            return Held(secret.body.string_data[key].encode(), secret.key, secret.at("stringData", key))
        if secret.body.data.get(key):
            return Held(base64.b64decode(secret.body.data[key]), secret.key, secret.at("data", key))
    return None


def key_pair(chain: Held | None, key: Held | None, field: str, where: str) -> Certificate | Unusable:
    """A chain and its key; `field` names them, and they stand in `where`."""
    mend = "Put a certificate chain and its own private key there, both in PEM."
    if chain is None or key is None:
        return Unusable(field, f"{where} holds no {'certificate' if chain is None else 'private key'}", mend)
    pair = read_key_pair(chain.value, key.value)
    if isinstance(pair, BadPair):
        return Unusable(field, f"{where}: {pair.detail or 'the private key belongs to another certificate'}", mend)
    content = blake2b(f"{pair.chain}\0{pair.key}".encode(), digest_size=8).hexdigest()
    name = f"{chain.owner.namespace}/{chain.owner.name}/{content}"
    return Certificate(name, pair.chain, pair.key, pair.names, pair.not_after, chain.owner, chain.origin)


def roots(pem: bytes) -> str:
    """The certificates written anew, "" where there is none that can be read."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError:
        return ""
    return "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in found)


def revocations(pem: bytes) -> str:
    """A revocation list written anew, "" where there is none that can be read."""
    try:
        return x509.load_pem_x509_crl(pem).public_bytes(Encoding.PEM).decode("ascii")
    except ValueError:
        return ""
