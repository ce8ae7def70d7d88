"""Ports that Ingresses and Gateways share: what each has of them."""

from __future__ import annotations

from dataclasses import replace

from seaway.core.codes import gateways as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.ingress.quoting import plain
from seaway.model.route import EdgePort, Gateway, HttpServer, Server, VirtualHost


def ingress_names(gateway: Gateway, port: int) -> tuple[str, ...]:
    """Server names that Ingresses have certificates for on this port."""
    return tuple(one.host.lower() for one in gateway.tls) if gateway.hosts and port in gateway.https_ports else ()


def beside_ingress(gateway: Gateway, edges: tuple[EdgePort, ...]) -> tuple[tuple[EdgePort, ...], Findings]:
    """The ports with hosts of Ingresses beside their own: on that of plain HTTP all of them, on that of TLS where a server takes any name.

    Names for which an Ingress has a certificate have chains of their own there, and no server's.
    """
    findings: list[Finding] = []
    made: list[EdgePort] = []
    for edge in edges:
        plain_http, tls = edge.number in gateway.http_ports, edge.number in gateway.https_ports
        if not gateway.hosts or edge.address or not (plain_http or tls):
            made.append(edge)
            continue
        servers: list[Server] = []
        for server in edge.servers:
            if isinstance(server.does, HttpServer) and not server.names:
                findings += _shared(gateway, edge.number, server.does)
                servers.append(replace(server, does=HttpServer(_joined(server.does.hosts, gateway.hosts), shared=plain_http)))
            else:
                servers.append(server)
        made.append(replace(edge, servers=tuple(servers)))
    return tuple(made), tuple(findings)


def _joined(own: tuple[VirtualHost, ...], ingresses: tuple[VirtualHost, ...]) -> tuple[VirtualHost, ...]:
    """Those of Ingresses come after: of one host, a server's routes are tried first."""
    return (*own, *ingresses)


def _shared(gateway: Gateway, port: int, server: HttpServer) -> Findings:
    """Hosts that both have, at the server's first route."""
    theirs = {host.host.lower() for host in gateway.hosts}
    words = {"port": port, "gateway": gateway.name}
    return tuple(
        finding(codes.HOST_BESIDE_INGRESS, host.routes[0].origin, host.routes[0].owner, host=plain(host.host), **words)
        for host in server.hosts
        if host.host in theirs and host.routes and host.routes[0].owner.kind == "VirtualService"
    )
