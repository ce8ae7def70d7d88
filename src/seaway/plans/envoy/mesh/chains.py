"""Filter chains of the mesh's listeners, and which connections have to be looked into before one is chosen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seaway.plans.envoy.proto import (
    Fields,
    HttpInspector,
    Listener,
    Message,
    OriginalDst,
    TcpProxy,
    TlsInspector,
    extension,
    serialize,
    wrapped,
)


@dataclass(frozen=True, slots=True)
class Match:
    """Which connections a chain is for; what is empty or 0 does not matter. `transport` is `tls` or `raw_buffer`."""

    port: int = 0
    addresses: tuple[str, ...] = ()
    server_names: tuple[str, ...] = ()
    transport: str = ""
    alpn: tuple[str, ...] = ()

    @property
    def fields(self) -> Fields:
        found: dict[str, object] = {}
        if self.port:
            found["destination_port"] = wrapped(self.port)
        if self.addresses:
            found["prefix_ranges"] = [_prefix(one) for one in self.addresses]
        if self.server_names:
            found["server_names"] = self.server_names
        if self.transport:
            found["transport_protocol"] = self.transport
        if self.alpn:
            found["application_protocols"] = self.alpn
        return found


def chain(name: str, match: Match, filters: list[Fields], cited: Fields | None = None, socket: Fields | None = None) -> Fields:
    """A filter chain. `cited` is metadata of what decided it, and `socket` what terminates TLS on it."""
    fields: dict[str, object] = {"name": name, "filter_chain_match": match.fields, "filters": filters}
    if cited is not None:
        fields["metadata"] = cited
    if socket is not None:
        fields["transport_socket"] = socket
    return fields


def forward(prefix: str, cluster: str) -> Fields:
    """Network filter: bytes to this cluster."""
    return extension("envoy.filters.network.tcp_proxy", TcpProxy(stat_prefix=prefix, cluster=cluster))


def chains_of(chains: list[Fields], default: Fields | None = None) -> bytes:
    """The part of a listener that pods share, as bytes: followed by those of the rest they are the listener, as protobuf joins messages."""
    fields: dict[str, object] = {"filter_chains": chains}
    if default is not None:
        fields["default_filter_chain"] = default
    return serialize(Listener(**fields))


@dataclass(frozen=True, slots=True)
class Looks:
    """On which ports a connection's first bytes are looked at before its chain is chosen: `ports`, and where `others` all that are not in
    `passed`.
    """

    ports: frozenset[int] = frozenset()
    others: bool = False
    passed: frozenset[int] = frozenset()

    @property
    def anywhere(self) -> bool:
        return self.others or bool(self.ports)


def inspectors(tls: Looks, http: Looks) -> list[Fields]:
    """Listener filters: where a connection was going, and what it is. TLS comes first: what it finds, the other passes over."""
    found: list[Fields] = [extension("envoy.filters.listener.original_dst", OriginalDst())]
    if tls.anywhere:
        found.append(_inspector("envoy.filters.listener.tls_inspector", TlsInspector(), tls))
    if http.anywhere:
        found.append(_inspector("envoy.filters.listener.http_inspector", HttpInspector(), http))
    return found


def _inspector(name: str, config: Message, looks: Looks) -> Fields:
    if not looks.others:
        return {**extension(name, config), "filter_disabled": {"not_match": _any_of(looks.ports)}}
    return {**extension(name, config), **({"filter_disabled": _any_of(looks.passed)} if looks.passed else {})}


def _any_of(ports: Iterable[int]) -> Fields:
    rules: list[Fields] = [{"destination_port_range": {"start": port, "end": port + 1}} for port in sorted(ports)]
    return rules[0] if len(rules) == 1 else {"or_match": {"rules": rules}}


def _prefix(cidr: str) -> Fields:
    address, _, length = cidr.partition("/")
    return {"address_prefix": address, "prefix_len": wrapped(int(length or 32))}
