"""The assignment of an upstream, and whether all of its endpoints take mutual TLS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress

from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.model.index import Model
from seaway.model.names import upstream_cluster
from seaway.model.service import Endpoint, Health
from seaway.model.upstream import Fixed, OfService, OriginalDestination, Passthrough, Treatment, Upstream
from seaway.model.workload import PodName
from seaway.plans.envoy.endpoints.assignment import assignment
from seaway.plans.envoy.endpoints.targets import Target, targets_of
from seaway.plans.envoy.resource import build_resource
from seaway.plans.envoy.site import Site
from seaway.protocols.xds_resource import ENDPOINTS, XdsResource

USUAL = Treatment()


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """A model, compared by identity: one object for as long as nothing of it has changed."""

    model: Model


@dataclass(frozen=True, slots=True)
class Called:
    """An upstream whose endpoints are asked for, the name of its cluster, and the pods that may be among them."""

    cluster: str
    upstream: Upstream
    pods: tuple[PodName, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Calls:
    """Upstreams as they are called from a site: one object for all nodes that call them so."""

    name: str
    site: Site
    upstreams: tuple[Called, ...]


def called_at(model: Model, upstream: Upstream) -> Called:
    match upstream.endpoints:
        case OfService(name):
            pods = (one.pod for one in model.service[name].backends) if name in model.service else ()
        case Fixed(endpoints):
            pods = (one.pod for one in endpoints)
        case _:
            pods = ()
    return Called(upstream_cluster(upstream.id), upstream, tuple(one for one in pods if one is not None))


def plan_assignments(seen: Seen, calls: Calls, health: Health, memo: Memo) -> tuple[XdsResource, ...]:
    """The usable endpoints of these upstreams. None at all makes Envoy answer 503 at once.

    Where nothing but readiness may have changed, what is asked of each upstream is which of its pods are ready.
    """
    found: list[XdsResource] = []
    for one in calls.upstreams:
        ready = tuple(map(health.ready.__contains__, one.pods))
        usable = memo(one.cluster, _usable, seen, one, ready, calls.site)
        found.append(memo(one.cluster, _assigned, one.cluster, usable, one.upstream.treatment, calls.site))
    memo.turn()
    return tuple(found)


Usable = tuple[tuple[Target, ...], tuple[Key, ...]]
"""Endpoints, and the objects that shaped them."""


def _usable(seen: Seen, called: Called, ready: tuple[bool, ...], site: Site) -> Usable:
    model, upstream = seen.model, called.upstream
    targets = targets_of(model, upstream, Health(frozenset(compress(called.pods, ready))), site)
    return targets, (*upstream.owners, *_pod_owners(model, targets))


def asks_for_endpoints(upstream: Upstream) -> bool:
    """Whether its cluster is of type EDS."""
    return isinstance(upstream.endpoints, OfService | Fixed) and not isinstance(upstream.treatment.balancing, Passthrough)


def build_assignment(name: str, usable: tuple[Endpoint, ...], owners: tuple[Key, ...]) -> XdsResource:
    """These endpoints alike, wherever they are."""
    targets = tuple(Target(one.address, one.port, one.pod, one.node) for one in usable)
    return _assigned(name, (targets, owners), USUAL, Site(""))


def _assigned(name: str, usable: Usable, treatment: Treatment, site: Site) -> XdsResource:
    targets, owners = usable
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
