"""Manifests through the whole frontend: real loading, real pods and Services, so that backends are what they are in a run."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from seaway.core.finding import Finding
from seaway.frontends.build import build_model
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.index import Model
from seaway.model.route import Destination, Exact, Forward, Gateway, Prefix, Redirect, Regex, Rewrite, Route
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

CLUSTER = Cluster(nodes=(Node("node-1", "172.18.0.2", "10.244.0.0/24"),))

SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{name: http, port: 80, targetPort: 8080}, {name: quic, port: 443, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {ports: [{port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: ExternalName, externalName: example.org, ports: [{port: 80}]}
"""


@dataclass(frozen=True)
class Built:
    model: Model
    findings: tuple[Finding, ...]

    @property
    def gateway(self) -> Gateway:
        (only,) = self.model.gateways
        return only

    @property
    def codes(self) -> list[str]:
        return sorted({one.code.id for one in self.findings})

    def found(self, code: str) -> list[Finding]:
        return [one for one in self.findings if one.code.id == code]

    def routes(self, host: str) -> tuple[Route, ...]:
        return next((one.routes for one in self.gateway.hosts if one.host == host), ())

    def table(self, host: str) -> list[str]:
        """One line a route: `=/exact`, `/prefix` or `~pattern`, then where it goes; `!` marks the redirect to https."""
        return [f"{_match(one)} {_action(one)}{' !' if one.https_redirect else ''}" for one in self.routes(host)]

    @property
    def tls(self) -> dict[str, str]:
        """Server name to `namespace/name` of the Secret, "" for the default certificate."""
        return {one.host: one.certificate.id.rpartition("/")[0] if one.certificate else "" for one in self.gateway.tls}


def _match(route: Route) -> str:
    match route.match:
        case Exact(path):
            return f"={path}"
        case Prefix(path):
            return path
        case Regex(pattern):
            return f"~{pattern}"


def _action(route: Route) -> str:
    match route.action:
        case Forward((Destination(to),), rewrite):
            return f"{to.host.partition('.')[0]}:{to.port}" + (f" -> {rewrite.substitution}" if isinstance(rewrite, Rewrite) else "")
        case Redirect(status, scheme, authority, port, path, rewrite):
            location = f"{scheme}://{authority}{f':{port}' if port else ''}{path}"
            return f"{status} {location}" + (f" + {rewrite.substitution}" if isinstance(rewrite, Rewrite) else "")
        case respond:
            return str(respond.status)


@pytest.fixture(scope="session")
def build() -> Callable[..., Built]:
    """Builds YAML text or plain objects, beside the Services web (80 http, 443 UDP), api (8080) and outside (ExternalName)."""

    def run(*parts: str | dict[str, Any], services: bool = True) -> Built:
        texts = [dedent(part) if isinstance(part, str) else json.dumps(part) for part in parts]
        texts += [SERVICES] if services else []
        loaded = load_text("\n---\n".join(texts), "in.yaml")
        built = build_model(snapshot_of(loaded.resources, loaded.findings), CLUSTER, Leases())
        ours = [one for one in built.findings if one.code.id.startswith("NET03")]
        for one in ours:  # every template has its arguments
            assert one.message
            assert one.why
            assert one.help
        return Built(built.model, (*loaded.findings, *ours))

    return run


@pytest.fixture(scope="session")
def ingress() -> Callable[..., dict[str, Any]]:
    """An Ingress of class seaway from `(host, path, pathType, service)` rows; port 80 for web, 8080 for api."""

    def make(
        *rows: tuple[str, str, str, str], name: str = "shop", annotations: dict[str, str] | None = None, **spec: Any
    ) -> dict[str, Any]:
        rules = [
            {
                **({"host": host} if host else {}),
                "http": {
                    "paths": [
                        {
                            "path": path,
                            "pathType": kind,
                            "backend": {"service": {"name": service, "port": {"number": 8080 if service == "api" else 80}}},
                        }
                    ]
                },
            }
            for host, path, kind, service in rows
        ]
        metadata: dict[str, Any] = {"name": name, "namespace": "default"}
        if annotations:
            metadata["annotations"] = annotations
        whole = {"ingressClassName": "seaway", **({"rules": rules} if rules else {}), **spec}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": whole}

    return make


def certificate_for(key: Any, *names: str, common_name: str = "test", issuer: tuple[str, Any] | None = None, days: int = 30) -> str:
    """PEM of a certificate for the key; signed by itself unless an issuer (common name, key) is given."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer[0])]) if issuer else subject
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(by).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + timedelta(days=days))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    signing = issuer[1] if issuer else key
    digest = None if isinstance(signing, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signing, digest).public_bytes(serialization.Encoding.PEM).decode()


def pem_key(key: Any, format: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8, password: bytes = b"") -> str:
    secrecy = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, format, secrecy).decode()


@dataclass(frozen=True)
class Pki:
    """Certificates and Secrets for tests."""

    certificate: Callable[..., str] = certificate_for
    key: Callable[..., str] = pem_key

    def secret(self, name: str, chain: str, key: str, type: str = "kubernetes.io/tls", namespace: str = "default") -> dict[str, Any]:
        data = {"tls.crt": base64.b64encode(chain.encode()).decode(), "tls.key": base64.b64encode(key.encode()).decode()}
        return {"apiVersion": "v1", "kind": "Secret", "type": type, "metadata": {"name": name, "namespace": namespace}, "data": data}

    def pair(self, name: str, *names: str, namespace: str = "default") -> dict[str, Any]:
        """A usable Secret for these DNS names."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self.secret(name, certificate_for(key, *names), pem_key(key), namespace=namespace)


@pytest.fixture(scope="session")
def pki() -> Pki:
    return Pki()
