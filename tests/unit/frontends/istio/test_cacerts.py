"""The CA that a user brings: what is read of it, and what each mistake is called. Certificates are real ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seaway.frontends.istio.cacerts import build_authority
from seaway.model.authority import BroughtAuthority, MadeAuthority, UnusableAuthority
from seaway.resources.load import load_text
from seaway.snapshot import Snapshot, snapshot_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CA = x509.BasicConstraints(ca=True, path_length=None)


class Made:
    """A certificate with its key."""

    def __init__(
        self, name: str, issuer: Made | None = None, constraints: x509.BasicConstraints | None = CA, days: int = 100, signs: bool = True
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name((issuer or self).name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW)
            .not_valid_after(NOW + timedelta(days=days))
        )
        if constraints is not None:
            builder = builder.add_extension(constraints, critical=True)
        usage = [False, False, False, False, False, signs, False, False, False]
        self.certificate = builder.add_extension(x509.KeyUsage(*usage), critical=True).sign((issuer or self).key, hashes.SHA256())

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


ROOT = Made("root")
MIDDLE = Made("middle", ROOT)
ISSUER = Made("issuer", MIDDLE, days=50)
OTHER = Made("other")


def plugged_in(**changes: str | None) -> dict[str, str]:
    """Istio's four values for an issuer two steps below its root; `ca_key=…` replaces `ca-key.pem`, None takes it out."""
    values: dict[str, str | None] = {
        "ca-cert.pem": ISSUER.pem,
        "ca-key.pem": ISSUER.key_pem,
        "root-cert.pem": ROOT.pem,
        "cert-chain.pem": ISSUER.pem + MIDDLE.pem + ROOT.pem,
    }
    values |= {f"{name.replace('_', '-')}.pem": value for name, value in changes.items()}
    return {name: value for name, value in values.items() if value is not None}


def manifests(values: Mapping[str, str], name: str = "cacerts", namespace: str = "istio-system") -> Snapshot:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    text = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}, indent=1)
    loaded = load_text(text, "ca.yaml")
    assert loaded.findings == ()
    return snapshot_of(loaded.resources)


def brought(values: Mapping[str, str], name: str = "cacerts") -> BroughtAuthority:
    authority, findings = build_authority(manifests(values, name), "istio-system")
    assert findings == ()
    assert isinstance(authority, BroughtAuthority)
    return authority


def test_without_a_secret_one_is_made() -> None:
    assert build_authority(snapshot_of(()), "istio-system") == (MadeAuthority(), ())
    elsewhere = manifests(plugged_in(), namespace="default")
    assert build_authority(elsewhere, "istio-system") == (MadeAuthority(), ())


def test_a_plug_in_ca() -> None:
    authority = brought(plugged_in())
    assert authority.chain == ISSUER.pem + MIDDLE.pem
    assert (authority.root, authority.also) == (ROOT.pem, ())
    assert authority.not_after == (NOW + timedelta(days=50)).timestamp()
    assert authority.owner.name == "cacerts"
    assert authority.origin.field == 'data["ca-cert.pem"]'


def test_the_key_is_never_shown() -> None:
    authority = brought(plugged_in())
    assert "PRIVATE KEY" in authority.key
    assert "PRIVATE KEY" not in repr(authority)


def test_a_root_that_signs_itself() -> None:
    authority = brought(plugged_in(ca_cert=ROOT.pem, ca_key=ROOT.key_pem, cert_chain=ROOT.pem))
    assert (authority.chain, authority.root) == (ROOT.pem, ROOT.pem)


def test_other_roots_are_trusted_too() -> None:
    authority = brought(plugged_in(root_cert=OTHER.pem + ROOT.pem))
    assert (authority.root, authority.also) == (ROOT.pem, (OTHER.pem,))


def test_as_cert_manager_writes_it() -> None:
    values = {"tls.crt": ISSUER.pem + MIDDLE.pem, "tls.key": ISSUER.key_pem, "ca.crt": ROOT.pem}
    assert brought(values).chain == ISSUER.pem + MIDDLE.pem


@pytest.mark.parametrize(
    ("name", "more"),
    [pytest.param("istio-ca-secret", {}, id="in a secret of its own"), pytest.param("cacerts", {"istio-generated": "true"}, id="marked")],
)
def test_what_istiod_made_for_itself(name: str, more: dict[str, str]) -> None:
    authority = brought({"ca-cert.pem": ROOT.pem, "ca-key.pem": ROOT.key_pem, **more}, name)
    assert (authority.chain, authority.root) == (ROOT.pem, ROOT.pem)


ENCRYPTED = ISSUER.key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
).decode()
NO_CA = Made("issuer", MIDDLE, constraints=x509.BasicConstraints(ca=False, path_length=None))
UNSAID = Made("issuer", MIDDLE, constraints=None)
NOT_SIGNING = Made("issuer", MIDDLE, signs=False)
SHORT = Made("short", ROOT, constraints=x509.BasicConstraints(ca=True, path_length=0))
BELOW_SHORT = Made("below", SHORT)


@pytest.mark.parametrize(
    ("values", "code", "field", "words"),
    [
        pytest.param(plugged_in(ca_cert=None), "NET0601", "ca-cert.pem", "has no ca-cert.pem", id="no certificate"),
        pytest.param(plugged_in(ca_key=None), "NET0601", "ca-key.pem", "has no ca-key.pem", id="no key"),
        pytest.param(plugged_in(root_cert=None), "NET0601", "root-cert.pem", "has no root-cert.pem", id="no root"),
        pytest.param(plugged_in(cert_chain=None), "NET0601", "cert-chain.pem", "has no cert-chain.pem", id="no chain"),
        pytest.param(plugged_in(ca_cert="what"), "NET0602", "ca-cert.pem", "holds no certificate", id="not a certificate"),
        pytest.param(plugged_in(ca_key="what"), "NET0602", "ca-key.pem", "holds no private key", id="not a key"),
        pytest.param(plugged_in(ca_key=ENCRYPTED), "NET0602", "ca-key.pem", "encrypted", id="an encrypted key"),
        pytest.param(plugged_in(root_cert="what"), "NET0602", "root-cert.pem", "no certificates", id="not a root"),
        pytest.param(plugged_in(cert_chain="what"), "NET0602", "cert-chain.pem", "no certificates", id="not a chain"),
        pytest.param(plugged_in(ca_key=OTHER.key_pem), "NET0603", "ca-key.pem", "not the key", id="another key"),
        pytest.param(plugged_in(ca_cert=NO_CA.pem, ca_key=NO_CA.key_pem), "NET0604", "ca-cert.pem", "CA:FALSE", id="CA:FALSE"),
        pytest.param(plugged_in(ca_cert=UNSAID.pem, ca_key=UNSAID.key_pem), "NET0604", "ca-cert.pem", "no basicConstraints", id="not said"),
        pytest.param(plugged_in(ca_cert=NOT_SIGNING.pem, ca_key=NOT_SIGNING.key_pem), "NET0604", "ca-cert.pem", "keyCertSign", id="usage"),
        pytest.param(
            plugged_in(ca_cert=BELOW_SHORT.pem, ca_key=BELOW_SHORT.key_pem, cert_chain=SHORT.pem), "NET0604", "cert-chain.pem", "pathlen:0", id="pathlen"
        ),
        pytest.param(plugged_in(cert_chain=ISSUER.pem), "NET0605", "cert-chain.pem", "CN=middle", id="a gap"),
        pytest.param(plugged_in(root_cert=OTHER.pem), "NET0605", "cert-chain.pem", "ends at CN=root, which is not in root-cert.pem", id="another root"),
    ],
)  # fmt: skip
def test_a_ca_that_cannot_be_used(values: dict[str, str], code: str, field: str, words: str) -> None:
    authority, (found,) = build_authority(manifests(values), "istio-system")
    assert isinstance(authority, UnusableAuthority)
    assert found.code.id == code
    assert found.origin.file == "ca.yaml"
    assert found.origin.line > 0
    assert words in found.message
    assert field in found.origin.field
    assert "PRIVATE" not in found.message


def test_revocations_are_not_read_and_that_is_said() -> None:
    authority, (found,) = build_authority(manifests(plugged_in(ca_crl="-----BEGIN X509 CRL-----")), "istio-system")
    assert isinstance(authority, BroughtAuthority)
    assert found.code.id == "NET0612"
