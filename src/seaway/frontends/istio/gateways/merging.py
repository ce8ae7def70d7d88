"""Servers of all Gateways that one gateway serves, by the port that its pods listen on: those that can share one, and those that cannot.

Plain HTTP is one server a port, whoever it is of; servers of TLS are told apart by server name; of everything else there is one.
The oldest has the port. Source: mergeGateways in pilot/pkg/model/gateway.go of https://github.com/istio/istio.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from seaway.core.codes import gateways as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.gateways.reading import listens
from seaway.frontends.istio.gateways.rules import GatewayRules, ServerRules, Speaks
from seaway.frontends.istio.gateways.selection import Edge


@dataclass(frozen=True, slots=True)
class MergedPort:
    """`servers` in order of age; `by_name` as in the model."""

    number: int
    bind: str
    by_name: bool
    servers: tuple[ServerRules, ...]


@dataclass(slots=True)
class _Port:
    """A port while its servers are gathered; `names` are server names with who has them."""

    first: ServerRules
    servers: list[ServerRules] = field(default_factory=list[ServerRules])
    names: dict[str, ServerRules] = field(default_factory=dict[str, ServerRules])


def merge(gateways: Iterable[GatewayRules], edge: Edge) -> tuple[tuple[MergedPort, ...], Findings]:
    """The ports of a gateway. `gateways` are those that it serves, oldest first."""
    ports: dict[tuple[int, str], _Port] = {}
    findings: list[Finding] = []
    for server in (one for rules in gateways for one in rules.servers if listens(one)):
        number = edge.port(server.number)
        if (problem := _against_ingress(server, number, edge)) is not None:
            findings.append(problem)
            continue
        port = ports.setdefault((number, server.bind), _Port(server))
        if (problem := _conflict(server, port, number)) is not None:
            findings.append(problem)
            continue
        port.servers.append(server)
        if server.speaks.by_name:
            port.names |= dict.fromkeys(server.names, server)
    merged = (MergedPort(number, bind, port.first.speaks.by_name, tuple(port.servers)) for (number, bind), port in sorted(ports.items()))
    return tuple(merged), tuple(findings)


def _conflict(server: ServerRules, port: _Port, number: int) -> Finding | None:
    first = port.first
    alone = server.speaks is Speaks.TCP and first is not server
    if server.speaks.by_name != first.speaks.by_name or (server.speaks.by_name is False and (server.speaks is not first.speaks or alone)):
        words = {"protocol": server.protocol, "port": number, "other": f"Gateway {first.gateway}", "where": first.place.origin}
        return server.place.of("port").find(codes.SERVERS_CONFLICT, **words, others=first.protocol)
    taken = next((name for name in server.names if name in port.names), None) if server.speaks.by_name else None
    if taken is not None:
        holder = port.names[taken]
        words = {"host": plain(taken), "port": number, "other": f"Gateway {holder.gateway}", "where": holder.place.origin}
        index = next(at for at, one in enumerate(server.hosts) if one.name == taken)
        return server.place.of("hosts", index).find(codes.SERVER_HOST_TAKEN, **words)
    return None


def _against_ingress(server: ServerRules, number: int, edge: Edge) -> Finding | None:
    """Ingresses have the ports of their controller for plain HTTP and for TLS; what speaks the same shares them."""
    gateway = edge.gateway
    if not gateway.hosts or server.bind:
        return None
    plain_http, tls = number in gateway.http_ports, number in gateway.https_ports
    if (plain_http and server.speaks is not Speaks.HTTP) or (tls and not plain_http and not server.speaks.by_name):
        words = {"protocol": server.protocol, "port": number, "gateway": gateway.name}
        return server.place.of("port").find(codes.INGRESS_PORT_TAKEN, **words)
    return None
