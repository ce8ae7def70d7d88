"""DestinationRules in, through the real reader; the upstreams that callers get, and what is said about the rules, out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from seaway.core.finding import Finding, Findings
from seaway.frontends.build import Built, build_model
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.destination_rules.build import DestinationRules, build_destination_rules
from seaway.frontends.istio.hosts import build_registry
from seaway.frontends.istio.registry import Host
from seaway.frontends.istio.settings import read_mesh_settings
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.upstream import Treatment, Upstream, UpstreamId
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

CLUSTER = Cluster(nodes=(Node("node-1", "172.18.0.2", "10.244.0.0/24"),))
REVIEWS = "reviews.shop.svc.cluster.local"

SHOP = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec:
  selector: {app: reviews}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-raw, port: 9000}, {name: odd, port: 7000}, {name: grpc-api, port: 50051}]
---
apiVersion: v1
kind: Service
metadata: {name: ratings, namespace: shop}
spec: {clusterIP: None, selector: {app: ratings}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: shop, labels: {app: reviews, version: v1}}
spec: {containers: [{name: web, image: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two, namespace: shop, labels: {app: reviews, version: v2}}
spec: {containers: [{name: web, image: web}]}
"""


@dataclass(frozen=True)
class Mesh:
    """Rules as read, with short ways to what tests look at."""

    built: Built
    rules: DestinationRules
    found: Findings

    def host(self, name: str = REVIEWS) -> Host:
        return self.rules.registry.hosts[name][0]

    def identify(self, client: Client | str = "shop", port: int = 80, subset: str = "", host: str = REVIEWS) -> UpstreamId:
        asking = Client(client) if isinstance(client, str) else client
        return self.rules.identify(asking, self.host(host), port, subset)

    def upstream(self, client: Client | str = "shop", port: int = 80, subset: str = "", host: str = REVIEWS) -> Upstream:
        return self.rules.build(self.identify(client, port, subset, host))

    def treatment(self, port: int = 80, subset: str = "") -> Treatment:
        return self.upstream("shop", port, subset).treatment

    def check(self, *upstreams: UpstreamId) -> list[str]:
        """Codes of what shows when these are called."""
        return [_complete(one).code.id for one in self.rules.check(upstreams)]

    @property
    def codes(self) -> list[str]:
        return [one.code.id for one in self.found]

    @property
    def told(self) -> list[str]:
        """Code and field of each finding."""
        return [f"{one.code.id} {one.origin.field}" for one in self.found]


def _complete(finding: Finding) -> Finding:
    """Every template has its arguments."""
    assert finding.message
    assert finding.why
    assert finding.help
    return finding


@pytest.fixture
def mesh() -> Callable[[str], Mesh]:
    """Reads rules beside the Services reviews (two pods, v1 and v2) and ratings (headless) of namespace shop."""

    def read(text: str) -> Mesh:
        loaded = load_text(f"{textwrap.dedent(text)}\n---\n{SHOP}", "in.yaml")
        assert not [one for one in loaded.findings if one.severity.value == "error"], loaded.findings
        built = build_model(snapshot_of(loaded.resources, loaded.findings), CLUSTER, Leases())
        settings, _ = read_mesh_settings(built.snapshot, CLUSTER.domain)
        model = built.model
        registry, _ = build_registry(built.snapshot, model.services, model.pod, settings)
        rules, found = build_destination_rules(built.snapshot, registry, settings, model.services, model.pod)
        return Mesh(built, rules, tuple(map(_complete, found)))

    return read


@pytest.fixture
def policy(mesh: Callable[[str], Mesh]) -> Callable[[str], Mesh]:
    """A rule for reviews with this trafficPolicy (its fields, in YAML)."""

    def read(text: str) -> Mesh:
        fields = textwrap.indent(textwrap.dedent(text).strip(), "    ")
        head = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews, namespace: shop}"
        return mesh(f"{head}\nspec:\n  host: reviews\n  trafficPolicy:\n{fields}")

    return read


@dataclass(frozen=True)
class Pems:
    """A certificate with its key, and the root that signed it."""

    chain: str
    key: str
    root: str


@pytest.fixture(scope="session")
def pems() -> Pems:
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def certificate(name: str, key: ec.EllipticCurvePrivateKey) -> str:
        builder = x509.CertificateBuilder(
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")]),
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=start,
            not_valid_after=start + timedelta(days=3650),
        )
        return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    secret = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Pems(certificate("own", own), secret, certificate("root", authority))
