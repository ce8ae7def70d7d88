"""Certificates, delivered as SDS secrets: replacing one moves no listener."""

from __future__ import annotations

from seaway.model.certificate import Certificate
from seaway.model.names import certificate_secret
from seaway.plans.envoy.proto import Secret
from seaway.plans.envoy.resource import build_resource
from seaway.protocols.xds_resource import SECRET, XdsResource


def plan_certificate(certificate: Certificate) -> XdsResource:
    """One key pair. The body holds the private key: never print it."""
    name = certificate_secret(certificate.id)
    pair = {"certificate_chain": {"inline_string": certificate.chain}, "private_key": {"inline_string": certificate.key}}
    return build_resource(SECRET, name, Secret(name=name, tls_certificate=pair), (certificate.owner,))
