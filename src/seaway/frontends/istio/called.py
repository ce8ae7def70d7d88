"""Upstreams that something leads to: what proxies have to know. Others are left out, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seaway.model.authorization import WorkloadPolicy
from seaway.model.mesh import Scope
from seaway.model.route import Destination, Forward, Gateway, Mirror, Route
from seaway.model.upstream import NOWHERE, UpstreamId


def of_gateways(gateways: tuple[Gateway, ...]) -> Iterator[UpstreamId]:
    for gateway in gateways:
        yield from gateway.leads_to


def of_scopes(scopes: tuple[Scope, ...]) -> Iterator[UpstreamId]:
    """Hosts and routes that scopes share are looked into once."""
    hosts = {id(host): host for scope in scopes for table in scope.http for host in table.hosts}
    for host in hosts.values():
        yield from _of_routes(host.routes)
    routes = {id(route): route for scope in scopes for route in scope.tcp}
    for route in routes.values():
        yield from _called(route.destinations)
    yield from (scope.proxy for scope in scopes if scope.proxy is not None)


def of_policies(policies: tuple[WorkloadPolicy, ...]) -> Iterator[UpstreamId]:
    """Whoever is asked for a verdict."""
    return (one.to for policy in policies for one in policy.authorizers)


def _of_routes(routes: tuple[Route, ...]) -> Iterator[UpstreamId]:
    for route in routes:
        if isinstance(route.action, Forward):
            yield from _called(route.action.destinations)
        yield from _called(route.policy.mirrors)


def _called(places: Iterable[Destination | Mirror]) -> Iterator[UpstreamId]:
    """Those that exist: what else a route names is answered without any."""
    return (one.to for one in places if one.to.variant != NOWHERE)
