"""Certificates and roots as Envoy's secrets. Bodies hold private keys: they are never printed (`XdsResource` shows none)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Protocol, cast

from envoy.extensions.transport_sockets.tls.v3 import secret_pb2

from seaway.model.names import ROOT_SECRET
from seaway.protocols.xds_resource import SECRET, XdsResource


class _Message(Protocol):
    def SerializeToString(self, *, deterministic: bool) -> bytes: ...  # noqa: N802


class _MessageType(Protocol):
    def __call__(self, **fields: object) -> _Message: ...


_Secret = cast(_MessageType, getattr(secret_pb2, "Secret"))  # noqa: B009  # made at import, out of a type checker's sight


def leaf_secret(name: str, chain: str, key: str) -> XdsResource:
    """A certificate chain and its key, under this name. The version tells chains apart, and nothing of the key."""
    pair = {"certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}}
    return _resource(name, _Secret(name=name, tls_certificate=pair), chain)


def roots_secret(pem: str) -> XdsResource:
    """The roots that peers are verified against."""
    return _resource(ROOT_SECRET, _Secret(name=ROOT_SECRET, validation_context={"trusted_ca": {"inline_string": pem}}), pem)


def _resource(name: str, message: _Message, content: str) -> XdsResource:
    version = blake2b(content.encode(), digest_size=8).hexdigest()
    return XdsResource(SECRET, name, version, message.SerializeToString(deterministic=True), frozenset())
