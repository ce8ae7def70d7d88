"""Virtual hosts: which routes a Host header sees, as Envoy's `domains` and, where those say too much, a guard on `:authority`.

A wildcard of an Ingress stands for exactly one label; Envoy's matches any depth. So the virtual host of `*.example.com` guards its own
routes with an expression for one label, and serves everything deeper with the routes of `*`, where such a request belongs: no other
wildcard can match it, since Envoy prefers the longest. Wildcards of VirtualServices mean any depth, as Envoy's do.
https://kubernetes.io/docs/concepts/services-networking/ingress/#hostname-wildcards
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import re2

from seaway.model.route import Route, VirtualHost
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
    https_only: bool = False


def host_routes(hosts: tuple[VirtualHost, ...]) -> tuple[tuple[HostRoutes, ...], ...]:
    """The hosts in order of domain, each domain once: one group of routes for a plain one, several for a wildcard."""
    merged: dict[str, list[VirtualHost]] = {}
    for host in hosts:
        domain = host.host.lower() or ANY_HOST
        if not refuses_host(domain):
            merged.setdefault(domain, []).append(host)
    anywhere = tuple(route for host in merged.get(ANY_HOST, ()) for route in host.routes)
    return tuple(tuple(_groups(domain, merged[domain], anywhere)) for domain in sorted(merged))


def _groups(domain: str, hosts: list[VirtualHost], anywhere: tuple[Route, ...]) -> Iterator[HostRoutes]:
    deep = [host for host in hosts if host.deep or not domain.startswith("*.")]
    https_only = any(host.https_only for host in hosts)
    if deep:
        yield HostRoutes(domain, tuple(route for host in deep for route in host.routes), https_only=https_only)
    routes = tuple(route for host in hosts if host not in deep for route in host.routes)
    if len(deep) == len(hosts):
        return
    one_label = f"(?i)[^.:]+{re2.escape(domain[1:])}(?::[0-9]+)?"
    yield HostRoutes(domain, routes, (authority(one_label),))
    if anywhere and not deep:
        yield HostRoutes(domain, anywhere, (authority(one_label, invert=True),))
