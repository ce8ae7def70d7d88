"""Where connections go that are not looked into: by server name on TLS ports, else by address.

All VirtualServices of the mesh that name the host take part, oldest first; what an earlier one matches is not matched again.
Source: pilot/pkg/networking/core/tls.go of upstream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seaway.frontends.istio.registry import Host
from seaway.frontends.istio.virtual_services.routes import Caller, Lookups, comes_from, locate
from seaway.frontends.istio.virtual_services.rules import ConnectionMatch, ConnectionRule, Share, VirtualRules
from seaway.model.mesh import TcpRoute
from seaway.model.route import Destination
from seaway.model.upstream import AppProtocol


def build_connections(host: Host, virtuals: Iterable[VirtualRules], caller: Caller, lookups: Lookups) -> tuple[TcpRoute, ...]:
    """Routes of connections to a host's port, never empty. `virtuals` are those that name the host, oldest first."""
    every = tuple(virtuals)
    port = host.port(caller.port)
    if port is not None and port.protocol is AppProtocol.TLS:
        return tuple(_by_name(host, (rule for one in every for rule in one.tls), caller, lookups))
    return tuple(_by_address(host, (rule for one in every for rule in one.tcp), caller, lookups))


def _by_name(host: Host, rules: Iterable[ConnectionRule], caller: Caller, lookups: Lookups) -> Iterator[TcpRoute]:
    """A match that repeats the names and subnets of an earlier one is passed over; without any match the host leads to itself."""
    seen: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
    for rule in rules:
        for match in rule.matches:
            what = (match.server_names, match.subnets)
            if is_connection_for(match, caller) and what not in seen:
                seen.add(what)
                yield _route(host, rule, match.subnets or host.addresses, match.server_names, caller, lookups)
    if not seen:
        yield _default(host, _own_names(host), caller, lookups)


def _own_names(host: Host) -> tuple[str, ...]:
    """Where the address says which host is meant, the name plays no part."""
    told = host.addresses and all(one.endswith("/32") for one in host.addresses)
    return () if told else (host.name,)


def _by_address(host: Host, rules: Iterable[ConnectionRule], caller: Caller, lookups: Lookups) -> Iterator[TcpRoute]:
    """Up to the first rule for all destinations; matches of subnets are one route together."""
    for rule in rules:
        matches = [match for match in rule.matches if is_connection_for(match, caller)]
        if not rule.matches or any(not match.subnets for match in matches):
            yield _route(host, rule, host.addresses, (), caller, lookups)
            return
        subnets = tuple(dict.fromkeys(subnet for match in matches for subnet in match.subnets))
        if subnets:
            yield _route(host, rule, subnets, (), caller, lookups)
            if set(subnets) == set(host.addresses):
                return
    yield _default(host, (), caller, lookups)


def is_connection_for(match: ConnectionMatch, caller: Caller) -> bool:
    """All conditions count together here, gateways and labels too."""
    sources = match.sources
    by_gateway = not sources.gateways or caller.gateway in sources.gateways
    return by_gateway and match.port in (0, caller.port) and comes_from(sources, caller.client)


def split(shares: tuple[Share, ...], caller: Caller, lookups: Lookups) -> tuple[Destination, ...]:
    """Connections are split as requests are."""
    return tuple(Destination(locate(share.to, caller, lookups), share.weight) for share in shares)


def _route(
    host: Host, rule: ConnectionRule, addresses: tuple[str, ...], names: tuple[str, ...], caller: Caller, lookups: Lookups
) -> TcpRoute:
    owners = (host.key, rule.place.key)
    return TcpRoute(caller.port, addresses, names, split(rule.shares, caller, lookups), "", owners, rule.place.origin)


def _default(host: Host, names: tuple[str, ...], caller: Caller, lookups: Lookups) -> TcpRoute:
    to = lookups.rules.identify(caller.client, host, caller.port, "")
    return TcpRoute(caller.port, host.addresses, names, (Destination(to),), "", (host.key,), host.origin)
