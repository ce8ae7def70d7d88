"""Connections that several hosts claim: who gets them, and what is said to the others.

TCP names no host. What tells two claims on one port apart is the address that is called and, with TLS, the server name; where neither does
the older host has the connections, as with upstream's listeners.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from seaway.core.codes.mesh import CONNECTIONS_CLAIMED
from seaway.core.finding import Finding, Findings, finding
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.mesh import TcpRoute


@dataclass(frozen=True, slots=True)
class Claim:
    """A way for connections, and the host (with its object and the line of its port) that it belongs to."""

    route: TcpRoute
    host: str
    key: Key
    origin: Origin


def settle(claims: Iterable[Claim]) -> tuple[tuple[TcpRoute, ...], Findings]:
    """The ways that are left, and what is said of hosts that lose some. `claims` come oldest first."""
    holders: dict[tuple[int, str, str], Claim] = {}
    kept: list[TcpRoute] = []
    findings: list[Finding] = []
    for claim in claims:
        route = claim.route
        addresses: list[str] = []
        for address in route.addresses or ("",):
            first = next((found for key in _keys(route, address) if (found := holders.get(key)) is not None), None)
            if first is None:
                addresses.append(address)
                holders.update((key, claim) for key in _keys(route, address))
            elif first.host != claim.host:
                findings.append(_lost(claim, first, address))
        if addresses:
            kept.append(route if len(addresses) == len(route.addresses or ("",)) else replace(route, addresses=tuple(addresses)))
    return tuple(kept), tuple(findings)


def _keys(route: TcpRoute, address: str) -> Iterator[tuple[int, str, str]]:
    return ((route.port, address, name) for name in route.server_names or ("",))


def _lost(claim: Claim, first: Claim, address: str) -> Finding:
    where = address.removesuffix("/32") or "any address"
    words = {"host": claim.host, "port": claim.route.port, "address": where, "first": first.host}
    return finding(CONNECTIONS_CLAIMED, claim.origin, claim.key, **words)
