"""The routes of every host, for every client. There are no VirtualServices yet: every host is routed to itself."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.finding import Findings
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.destination_rules.build import DestinationRules
from seaway.frontends.istio.registry import Host, Registry
from seaway.frontends.istio.settings import Settings
from seaway.model.mesh import TcpRoute
from seaway.model.route import Destination, Forward, Prefix, Retries, Route, RoutePolicy
from seaway.snapshot import Snapshot

DEFAULT_RETRIES = Retries(2, ("connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"))


@dataclass(frozen=True, slots=True)
class VirtualServices:
    """Look-ups by client, host and port."""

    def http_routes(self, client: Client, host: Host, port: int, rules: DestinationRules) -> tuple[Route, ...]:
        """All routes of a host's HTTP requests, in the order in which they are tried; never empty."""
        to = rules.identify(client, host, port, "")
        policy = RoutePolicy(retries=DEFAULT_RETRIES, hash_by=rules.hash_by(to))
        return (Route(Prefix("/"), Forward((Destination(to),), None), False, host.key, host.origin, policy=policy),)

    def tcp_routes(self, client: Client, host: Host, port: int, rules: DestinationRules) -> tuple[TcpRoute, ...]:
        """Where connections to a host's port go that are not HTTP; never empty."""
        to = rules.identify(client, host, port, "")
        return (TcpRoute(port, host.addresses, (), (Destination(to),), "", (host.key,), host.origin),)


def build_virtual_services(snapshot: Snapshot, registry: Registry, settings: Settings) -> tuple[VirtualServices, Findings]:
    del snapshot, registry, settings
    return VirtualServices(), ()
