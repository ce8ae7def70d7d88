"""What gateways in the mesh call: the hosts of the registry as any member does, with their own identity and by the rules that they see.

A gateway is in the mesh if all of its pods are, as an ingress controller's are whose namespace is labelled for injection. The others call
as the frontend of Ingress has it, in plaintext.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.destination_rules.build import DestinationRules
from seaway.frontends.istio.registry import Registry
from seaway.model.mesh import Member
from seaway.model.route import Forward, Gateway, Route
from seaway.model.upstream import UpstreamId


def call_as_members(
    gateways: tuple[Gateway, ...], members: tuple[Member, ...], registry: Registry, rules: DestinationRules
) -> tuple[Gateway, ...]:
    """The gateways, with the destinations of those in the mesh as their clients see them."""
    inside = {member.pod for member in members}
    return tuple(_inside(one, registry, rules) if one.pods and inside.issuperset(one.pods) else one for one in gateways)


def _inside(gateway: Gateway, registry: Registry, rules: DestinationRules) -> Gateway:
    client = Client(gateway.pods[0].namespace, gateway=gateway.name)

    def identify(to: UpstreamId) -> UpstreamId:
        host = registry.called(to.host, client.namespace)
        return rules.identify(client, host, to.port, to.subset) if host is not None else to

    hosts = tuple(replace(host, routes=tuple(_route(route, identify) for route in host.routes)) for host in gateway.hosts)
    return replace(gateway, hosts=hosts)


def _route(route: Route, identify: Callable[[UpstreamId], UpstreamId]) -> Route:
    if not isinstance(route.action, Forward):
        return route
    destinations = tuple(replace(one, to=identify(one.to)) for one in route.action.destinations)
    return replace(route, action=replace(route.action, destinations=destinations))
