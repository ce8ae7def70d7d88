"""The treatment of every upstream, for every client. There are no rules yet: every client treats every upstream alike."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.finding import Findings
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.registry import Host, Registry
from seaway.frontends.istio.settings import Settings
from seaway.model.route import HashBy
from seaway.model.upstream import MutualMesh, OriginalDestination, Plain, Treatment, Upstream, UpstreamId
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class DestinationRules:
    """Look-ups by client and by upstream."""

    registry: Registry
    settings: Settings

    def identify(self, client: Client, host: Host, port: int, subset: str) -> UpstreamId:
        """The upstream that a client means by this port and subset of a host."""
        del client
        return UpstreamId(host.name, port, subset)

    def build(self, upstream: UpstreamId) -> Upstream:
        """The upstream itself. Its host and port must be in the registry."""
        host = self.registry.hosts[upstream.host][0]
        port = host.port(upstream.port)
        assert port is not None, f"{upstream} leads to a port that its host does not have"
        sni = f"outbound_.{upstream.port}_.{upstream.subset}_.{upstream.host}"
        automatic = self.settings.automatic_mtls and not host.external
        protection = MutualMesh(host.identities, sni, automatic=True) if automatic else Plain()
        endpoints = OriginalDestination() if host.headless else port.endpoints
        return Upstream(upstream, port.protocol, endpoints, Treatment(protection=protection), (host.key,), port.origin)

    def hash_by(self, upstream: UpstreamId) -> tuple[HashBy, ...]:
        """What a request's choice among the upstream's endpoints is made by, where it is a consistent hash."""
        del upstream
        return ()


def build_destination_rules(snapshot: Snapshot, registry: Registry, settings: Settings) -> tuple[DestinationRules, Findings]:
    del snapshot
    return DestinationRules(registry, settings), ()
