"""Virtual hosts: which routes a Host header sees, as Envoy's `domains` and, where those say too much, a guard on `:authority`.

A wildcard of an Ingress stands for exactly one label; Envoy's matches any depth. So the virtual host of `*.example.com` guards its own
routes with an expression for one label, and serves everything deeper with the routes of `*`, where such a request belongs: no other
wildcard can match it, since Envoy prefers the longest.
https://kubernetes.io/docs/concepts/services-networking/ingress/#hostname-wildcards
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import re2

from seaway.model.route import Gateway, Route
from seaway.plans.envoy.proto import Fields
from seaway.plans.envoy.refusals import refuses_host
from seaway.plans.envoy.routes.guards import authority

ANY_HOST = "*"


@dataclass(frozen=True, slots=True)
class HostRoutes:
    """Routes that a request sees after its Host matched `domain`, if `guards` hold too. In the order in which they are tried."""

    domain: str
    routes: tuple[Route, ...]
    guards: tuple[Fields, ...] = ()


def host_routes(gateway: Gateway) -> tuple[tuple[HostRoutes, ...], ...]:
    """The gateway's hosts in order of domain, each domain once: one group of routes for a plain one, two for a wildcard."""
    merged: dict[str, tuple[Route, ...]] = {}
    for host in gateway.hosts:
        domain = host.host.lower() or ANY_HOST
        if refuses_host(domain):
            continue
        merged[domain] = merged.get(domain, ()) + host.routes
    anywhere = merged.get(ANY_HOST, ())
    return tuple(tuple(_groups(domain, merged[domain], anywhere)) for domain in sorted(merged))


def _groups(domain: str, routes: tuple[Route, ...], anywhere: tuple[Route, ...]) -> Iterator[HostRoutes]:
    if not domain.startswith("*."):
        yield HostRoutes(domain, routes)
        return
    one_label = f"(?i)[^.:]+{re2.escape(domain[1:])}(?::[0-9]+)?"
    yield HostRoutes(domain, routes, (authority(one_label),))
    if anywhere:
        yield HostRoutes(domain, anywhere, (authority(one_label, invert=True),))
