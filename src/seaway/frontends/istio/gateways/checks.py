"""What does not meet: VirtualServices and the servers of the Gateways that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from seaway.core.codes import gateways as codes
from seaway.core.finding import Finding, finding
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.gateways.hosts import intersection
from seaway.frontends.istio.gateways.rules import GatewayRules, ServerRules
from seaway.frontends.istio.virtual_services.build import VirtualServices
from seaway.frontends.istio.virtual_services.rules import VirtualRules
from seaway.model.route import EdgePort, HttpServer


def check_routes(server: ServerRules, routed: bool, rules: str) -> Iterator[Finding]:
    """A server that nothing is bound to. One that only redirects to https needs no routes."""
    if routed or server.redirect:
        return
    effect = "Every request is answered 404." if rules == "http" else "Every connection is closed."
    words = {"hint": "", "effect": effect, "gateway": server.gateway, "rules": rules}
    yield server.place.find(codes.SERVER_WITHOUT_ROUTES, **words)


def check_claims(gateway: str, edges: Iterable[EdgePort]) -> Iterator[Finding]:
    """Routes that ask for claims, at a gateway where no token is verified."""
    servers = (server.does for edge in edges for server in edge.servers)
    for host in (host for does in servers if isinstance(does, HttpServer) for host in does.hosts):
        for route in host.routes:
            if route.conditions.claims:
                yield finding(codes.CLAIMS_UNVERIFIED, route.origin, route.owner, gateway=gateway)


def check_bindings(virtual_services: VirtualServices, gateways: Iterable[GatewayRules]) -> Iterator[Finding]:
    """Hosts of VirtualServices that no server of their Gateway has."""
    known: Mapping[str, GatewayRules] = {one.name: one for one in gateways}
    for virtual in virtual_services.rules:
        for name in virtual.gateways:
            if name in known:
                yield from _hosts(virtual, known[name])


def _hosts(virtual: VirtualRules, gateway: GatewayRules) -> Iterator[Finding]:
    namespace = virtual.key.namespace
    for index, host in enumerate(virtual.hosts):
        if any(intersection(server.hosts_for(namespace), (host,)) for server in gateway.servers):
            continue
        every = sorted({one for server in gateway.servers for one in server.names})
        elsewhere = any(intersection(server.names, (host,)) for server in gateway.servers)
        near = get_close_matches(host, every, n=1, cutoff=0.8)
        hint = f"; did you mean {plain(near[0])}?" if near else ""
        if elsewhere:
            hint = f": that host of it is not for namespace {namespace}"
        yield virtual.place.of("hosts", index).find(codes.HOST_NOT_SERVED, host=plain(host), gateway=gateway.name, hint=hint)
