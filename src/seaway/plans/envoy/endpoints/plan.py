"""The assignment of an upstream, and whether all of its endpoints take mutual TLS."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.model.index import Model
from seaway.model.names import upstream_cluster
from seaway.model.service import Endpoint, Health
from seaway.model.upstream import Fixed, OfService, OriginalDestination, Passthrough, Treatment, Upstream
from seaway.plans.envoy.endpoints.assignment import assignment
from seaway.plans.envoy.endpoints.targets import Target, targets_of
from seaway.plans.envoy.resource import build_resource
from seaway.plans.envoy.site import Site
from seaway.protocols.xds_resource import ENDPOINTS, XdsResource

USUAL = Treatment()


def plan_endpoints(model: Model, upstream: Upstream, health: Health, site: Site, memo: Memo) -> Iterator[XdsResource]:
    """The usable endpoints of an upstream whose cluster asks for them. None at all makes Envoy answer 503 at once.

    What is computed anew when a pod comes or goes is a tuple of targets; bytes are made only of those that changed.
    """
    if not asks_for_endpoints(upstream):
        return
    targets = targets_of(model, upstream, health, site)
    owners = (*upstream.owners, *_pod_owners(model, targets))
    yield memo(upstream.id, _assigned, upstream_cluster(upstream.id), targets, upstream.treatment, site, owners)


def asks_for_endpoints(upstream: Upstream) -> bool:
    """Whether its cluster is of type EDS."""
    return isinstance(upstream.endpoints, OfService | Fixed) and not isinstance(upstream.treatment.balancing, Passthrough)


def build_assignment(name: str, usable: tuple[Endpoint, ...], owners: tuple[Key, ...]) -> XdsResource:
    """These endpoints alike, wherever they are."""
    targets = tuple(Target(one.address, one.port, one.pod, one.node) for one in usable)
    return _assigned(name, targets, USUAL, Site(""), owners)


def _assigned(name: str, targets: tuple[Target, ...], treatment: Treatment, site: Site, owners: tuple[Key, ...]) -> XdsResource:
    return build_resource(ENDPOINTS, name, assignment(name, targets, treatment, site), owners)


def _pod_owners(model: Model, targets: tuple[Target, ...]) -> Iterator[Key]:
    for one in targets:
        pod = model.pod.get(one.pod) if one.pod is not None else None
        if pod is not None:
            yield pod.owner


def all_take_mtls(model: Model, upstream: Upstream) -> bool:
    """Whether every endpoint, ready or not, takes mutual TLS, where the caller's own choice of one is kept."""
    endpoints = upstream.endpoints
    if not isinstance(upstream.treatment.balancing, Passthrough) and not isinstance(endpoints, OriginalDestination):
        return False
    if not isinstance(endpoints, OfService) or endpoints.service not in model.service:
        return False
    ports = [(one.pod, one.ports[endpoints.port]) for one in model.service[endpoints.service].backends if one.ports[endpoints.port]]
    return bool(ports) and all(model.takes_mtls(pod, port) for pod, port in ports)
