"""The PROXY protocol: each connection begins with a header that says who the caller is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from seaway.plans.envoy.proto import Fields, ProxyProtocolTransport, RawBuffer, extension

VERSIONS = {1: "V1", 2: "V2"}


def wrap(fields: Fields, version: int) -> Fields:
    """A cluster's transport sockets, each within one that writes the header first; as they are where `version` is 0."""
    if not version:
        return fields
    if "transport_socket_matches" in fields:
        matches = cast(Sequence[Mapping[str, object]], fields["transport_socket_matches"])
        return {"transport_socket_matches": [{**one, "transport_socket": _within(one["transport_socket"], version)} for one in matches]}
    inner = fields.get("transport_socket", extension("envoy.transport_sockets.raw_buffer", RawBuffer()))
    return {"transport_socket": _within(inner, version)}


def _within(socket: object, version: int) -> Fields:
    config = ProxyProtocolTransport(config={"version": VERSIONS[version]}, transport_socket=socket)
    return extension("envoy.transport_sockets.upstream_proxy_protocol", config)
