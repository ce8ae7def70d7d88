"""How a message becomes an xDS resource, and how every part of the configuration names the line that it stems from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from types import MappingProxyType

from google.protobuf.message import Message

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.plans.envoy.proto import Fields, serialize
from seaway.protocols.xds_resource import XdsResource

METADATA_NAMESPACE = "seaway"
"""Key in Envoy's `filter_metadata`: access logs and metrics read it as `%METADATA(ROUTE:seaway:from)%`."""


def build_resource(type_url: str, name: str, message: Message, owners: Iterable[Key | None]) -> XdsResource:
    """The message under its name, its version the hash of its bytes. Owners that are None (made by no manifest) are left out."""
    return resource_of(type_url, name, serialize(message), owners)


def resource_of(type_url: str, name: str, body: bytes, owners: Iterable[Key | None]) -> XdsResource:
    """A message that is bytes already."""
    version = blake2b(body, digest_size=8).hexdigest()
    return XdsResource(type_url, name, version, body, frozenset(owner for owner in owners if owner is not None))


def provenance(origin: Origin, owner: Key | None, more: Mapping[str, str] = MappingProxyType({})) -> Fields:
    """Metadata that cites a manifest: `from` is file:line, `field` the path in the object that `kind`, `namespace` and `name` identify.

    `more` are further lines (`citations.py`).
    """
    cited = {"from": str(origin), "field": origin.field}
    if owner is not None:
        cited |= {"kind": owner.kind, "namespace": owner.namespace, "name": owner.name}
    return metadata({**cited, **more})


def metadata(values: Mapping[str, str]) -> Fields:
    """A Metadata message that holds these strings in our namespace, empty ones left out."""
    fields = {key: {"string_value": as_utf8(value)} for key, value in values.items() if value}
    return {"filter_metadata": {METADATA_NAMESPACE: {"fields": fields}}}


def as_utf8(text: str) -> str:
    """The text without lone surrogates: the bytes of a file name need not be UTF-8, and protobuf takes nothing else."""
    return text.encode(errors="replace").decode()
