"""Upstreams in a few words, and the cluster that comes of one as JSON has it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.certificate import Certificate
from seaway.model.locality import Locality
from seaway.model.service import ServiceName
from seaway.model.upstream import AppProtocol, Endpoints, OfService, Treatment, Upstream, UpstreamId
from seaway.plans.envoy.clusters.plan import plan_cluster
from seaway.plans.envoy.site import Site
from seaway.plans.envoy.static import decode_resource

PROTOCOLS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def make_upstream(
    protocol: AppProtocol = AppProtocol.HTTP, endpoints: Endpoints | None = None, variant: str = "", **treatment: Any
) -> Upstream:
    return Upstream(
        id=UpstreamId("web.shop.svc.cluster.local", 80, "", variant),
        protocol=protocol,
        endpoints=endpoints or OfService(ServiceName("shop", "web"), 0),
        treatment=Treatment(**treatment),
        owners=(Key("networking.istio.io", "DestinationRule", "shop", "web"),),
        origin=Origin("mesh.yaml", 7, 1, "spec.trafficPolicy"),
    )


@pytest.fixture(scope="session")
def upstream() -> Callable[..., Upstream]:
    return make_upstream


@pytest.fixture(scope="session")
def cluster() -> Callable[..., dict[str, Any]]:
    """The cluster of `make_upstream` with these arguments."""

    def plan(all_take_mtls: bool = False, **words: Any) -> dict[str, Any]:
        resource = plan_cluster(make_upstream(**words), Site("node-1", Locality("eu", "eu-1"), dns_refresh_s=30), all_take_mtls)
        return cast(dict[str, Any], decode_resource(resource))

    return plan


@pytest.fixture(scope="session")
def protocols(cluster: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Its protocol options."""
    return lambda **words: {
        key: value for key, value in cluster(**words)["typed_extension_protocol_options"][PROTOCOLS].items() if key != "@type"
    }


@pytest.fixture(scope="session")
def certificate() -> Certificate:
    """A key pair that callers show."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, start + timedelta(days=36500))
    chain = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Certificate("shop/client/1", chain, secret, (), "2126-01-01T00:00:00+00:00", None, Origin("mesh.yaml"))
