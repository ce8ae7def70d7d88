"""Gateways on Seaway's own gateway pod, with a Service `web` (80) of namespace shop behind them."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seaway.core.finding import Findings
from seaway.frontends.build import build_model
from seaway.model.cluster import Leases
from seaway.model.defaults import default_cluster
from seaway.model.route import EdgePort, Gateway, HttpServer, Server
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

BASE = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
"""


@dataclass(frozen=True)
class Served:
    """What comes of some manifests: Seaway's own gateway, and findings of this topic (`NET0556` to `NET0569`)."""

    gateway: Gateway
    findings: Findings

    @property
    def codes(self) -> list[str]:
        return [one.code.id for one in self.findings]

    @property
    def edges(self) -> dict[int, EdgePort]:
        return {edge.number: edge for edge in self.gateway.edges}

    def server(self, port: int, name: str = "") -> Server:
        """The one on a port, or the one of several for this name."""
        servers = self.edges[port].servers
        return next(one for one in servers if name in one.names) if name else servers[0]

    def hosts(self, port: int, name: str = "") -> dict[str, list[str]]:
        """Virtual hosts with what their routes do."""
        does = self.server(port, name).does
        assert isinstance(does, HttpServer)
        return {
            one.host: [
                f"{route.origin.line}" if route.owner.kind == "VirtualService" else str(getattr(route.action, "status", ""))
                for route in one.routes
            ]
            for one in does.hosts
        }


def gateway(servers: str, name: str = "edge", more: str = "", spec: str = "selector: {istio: ingressgateway}") -> str:
    """A Gateway of namespace shop; `more` is further metadata."""
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: Gateway\n"
        f"metadata: {{name: {name}, namespace: shop{more}}}\nspec:\n  {spec}\n  servers:\n{textwrap.indent(textwrap.dedent(servers).strip(), '    ')}\n"
    )


def virtual_service(hosts: str, rules: str, name: str = "web", where: str = "shop", gateways: str = "shop/edge") -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        f"metadata: {{name: {name}, namespace: {where}}}\nspec:\n  hosts: [{hosts}]\n  gateways: [{gateways}]\n{textwrap.indent(textwrap.dedent(rules).strip(), '  ')}\n"
    )


def make_pair(name: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), start, start.replace(year=2124))
    chain = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return chain, pem


@pytest.fixture(scope="session")
def pair() -> tuple[str, str]:
    return make_pair("a.test")


@pytest.fixture
def serve() -> Callable[..., Served]:
    def serve(*texts: str) -> Served:
        loaded = load_text(BASE + "\n".join(texts), "shop.yaml")
        built = build_model(snapshot_of(loaded.resources, loaded.findings), default_cluster(1), Leases())
        mine = tuple(one for one in (*loaded.findings, *built.findings) if "NET0556" <= one.code.id <= "NET0569" or one.code.id < "NET0130")
        return Served(next((one for one in built.model.gateways if one.name == "seaway-system/gateway"), built.model.gateways[0]), mine)

    return serve


@pytest.fixture
def write() -> Callable[..., str]:
    return gateway


@pytest.fixture
def bind() -> Callable[..., str]:
    return virtual_service
