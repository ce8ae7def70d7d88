"""Virtual hosts of servers: the hosts that a server and a VirtualService have in common, with the routes of all such VirtualServices.

Source: buildGatewayHTTPRouteConfig in pilot/pkg/networking/core/gateway.go of https://github.com/istio/istio.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.gateways.rules import ServerRules
from seaway.frontends.istio.host_names import covers
from seaway.frontends.istio.virtual_services.build import VirtualServices
from seaway.frontends.istio.virtual_services.routes import Caller, Lookups, build_routes
from seaway.frontends.istio.virtual_services.rules import VirtualRules
from seaway.model.route import ANY_REQUEST, Regex, Respond, Route, TextPrefix, VirtualHost

ANY_PATH = TextPrefix("/")
MISDIRECTED = Respond(421, "This connection is for other host names.")


@dataclass(frozen=True, slots=True)
class Bound:
    """What a gateway's servers are routed by: its client, and all VirtualServices."""

    client: Client
    virtual_services: VirtualServices
    lookups: Lookups

    def to(self, server: ServerRules) -> tuple[VirtualRules, ...]:
        """The VirtualServices that are bound to a server's Gateway, oldest first, and have a host of the server."""
        bound = self.virtual_services.at_gateway(self.client, server.gateway)
        return tuple(one for one in bound if intersection(server.hosts_for(one.key.namespace), one.hosts))


@dataclass(slots=True)
class _Host:
    routes: list[Route] = field(default_factory=list[Route])
    https_only: bool = False


def build_hosts(servers: Iterable[ServerRules], bound: Bound) -> tuple[VirtualHost, ...]:
    """All hosts of servers that share a route table, by name."""
    found: dict[str, _Host] = {}
    seen: set[tuple[str, str, str]] = set()
    for server in servers:
        caller = Caller(bound.client, server.number, server.gateway, server.tls is not None)
        for virtual in bound.to(server):
            routes = build_routes(virtual, caller, bound.lookups)
            if not routes:
                continue
            for name in intersection(server.hosts_for(virtual.key.namespace), virtual.hosts):
                host = found.setdefault(name.lower(), _Host())
                if (who := (server.gateway, str(virtual.key), name.lower())) not in seen:
                    seen.add(who)
                    host.routes += routes
                host.https_only = host.https_only or server.redirect
        for name in server.names if server.redirect else ():
            found.setdefault(name, _Host()).https_only = True
    return tuple(VirtualHost(name, _ordered(host.routes), deep=True, https_only=host.https_only) for name, host in sorted(found.items()))


def intersection(servers: Sequence[str], virtuals: Sequence[str]) -> tuple[str, ...]:
    """The hosts that both have: of a wildcard and what it stands for, the narrower."""
    found: dict[str, None] = {}
    for one in servers:
        for other in (each.lower() for each in virtuals):
            if covers(other, one):
                found[one] = None
            elif covers(one, other):
                found[other] = None
    return tuple(found)


def _ordered(routes: list[Route]) -> tuple[Route, ...]:
    """Routes for every request go last: those of several VirtualServices stand side by side."""
    return tuple(sorted(routes, key=_takes_all))


def _takes_all(route: Route) -> bool:
    whole = route.match == ANY_PATH or (isinstance(route.match, Regex) and route.match.pattern == ".*")
    return whole and not (route.conditions.headers or route.conditions.query or route.conditions.claims)


def with_misdirected(
    server: ServerRules, hosts: tuple[VirtualHost, ...], others: Iterable[ServerRules], beside: tuple[str, ...]
) -> tuple[VirtualHost, ...]:
    """The hosts of a server of TLS, and an answer for all others: a client that asks for them has kept a connection for too long.

    `others` are the servers that share its port, `beside` names that other objects serve there. Their hosts are theirs even where a
    wildcard of this one stands for them too: they may ask for another certificate, or for one of the client. 421 makes the client connect
    again (RFC 9110, section 15.5.20); upstream answers 404, or serves what the other server would have refused.
    """
    own = server.names
    theirs = (*beside, *(name for other in others if other is not server for name in other.names))
    narrower = tuple(name for name in theirs if name not in own and any(covers(mine, name) for mine in own))
    kept = {host.host: host for host in hosts if not any(covers(name, host.host) for name in narrower)}
    for name in own:  # known hosts without routes are not found, as they are in plain HTTP
        kept.setdefault(name, VirtualHost(name, (), deep=True))
    away = tuple(dict.fromkeys((*narrower, *(() if "*" in own else ("*",)))))
    route = Route(ANY_PATH, MISDIRECTED, False, server.key, server.place.of("hosts").origin, ANY_REQUEST)
    return tuple(sorted((*kept.values(), *(VirtualHost(name, (route,), deep=True) for name in away)), key=lambda one: one.host))
