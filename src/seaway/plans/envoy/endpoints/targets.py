"""The endpoints of an upstream as one node's Envoy sees them: who may be called now, where they are, and how near."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from seaway.model.index import Model
from seaway.model.locality import NOWHERE, Locality, parse_locality, topology_labels
from seaway.model.service import Endpoint, Health, endpoints
from seaway.model.upstream import Fixed, FixedEndpoint, MutualMesh, OfService, Resolved, Upstream
from seaway.model.workload import PodName
from seaway.plans.envoy.endpoints.priorities import nearness
from seaway.plans.envoy.site import Site


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint. `address` is an IP address, a DNS name or, with port 0, the path of a unix socket.

    `mtls`: it is called with mutual TLS. `here`: a member on this node, which the shorter way leads to
    where there is one. `nearness` counts from 0 and is 0 where it does not matter.
    """

    address: str
    port: int
    pod: PodName | None = None
    node: str = ""
    locality: Locality = NOWHERE
    weight: int = 1
    mtls: bool = False
    here: bool = False
    nearness: int = 0


def targets_of(model: Model, upstream: Upstream, health: Health, site: Site) -> tuple[Target, ...]:
    """Everything that may be called now; none where endpoints are not known beforehand."""
    match upstream.endpoints:
        case OfService(service, port, labels):
            found = endpoints(model.service[service], port, health) if service in model.service else ()
            return tuple(_pod_target(model, upstream, site, one) for one in found if set(labels) <= _labels(model, one.pod))
        case Fixed(found):
            return tuple(_fixed_targets(model, upstream, health, site, found))
        case _:
            return ()


def named_targets(upstream: Upstream, site: Site) -> tuple[Target, ...]:
    """Endpoints that Envoy resolves itself."""
    found = upstream.endpoints.endpoints if isinstance(upstream.endpoints, Resolved) else ()
    return tuple(_named(upstream, site, one) for one in found)


def _labels(model: Model, pod: PodName | None) -> set[tuple[str, str]]:
    return set(model.pod[pod].labels) if pod is not None and pod in model.pod else set()


def _pod_target(model: Model, upstream: Upstream, site: Site, one: Endpoint) -> Target:
    locality = model.locality_of(one.pod, one.node)
    labels = dict(_labels(model, one.pod)) | topology_labels(locality, one.node)
    return Target(
        address=one.address,
        port=one.port,
        pod=one.pod,
        node=one.node,
        locality=locality,
        mtls=isinstance(upstream.treatment.protection, MutualMesh) and model.takes_mtls(one.pod, one.port),
        here=one.node == site.node and one.pod in model.member,
        nearness=nearness(upstream.treatment.locality, site, locality, labels),
    )


def _fixed_targets(model: Model, upstream: Upstream, health: Health, site: Site, found: tuple[FixedEndpoint, ...]) -> Iterator[Target]:
    """A pod that is not ready gets nothing, and is called as the mesh knows it."""
    for one in found:
        target = _named(upstream, site, one)
        pod = model.pod.get(one.pod) if one.pod is not None else None
        if one.pod is None:
            yield target
        elif pod is not None and pod.id in health.ready:
            mtls = isinstance(upstream.treatment.protection, MutualMesh) and model.takes_mtls(pod.id, one.port)
            yield replace(target, pod=pod.id, node=pod.node, mtls=mtls)


def _named(upstream: Upstream, site: Site, one: FixedEndpoint) -> Target:
    locality = parse_locality(one.locality)
    return Target(
        address=one.address,
        port=one.port,
        locality=locality,
        weight=one.weight,
        mtls=one.mtls and isinstance(upstream.treatment.protection, MutualMesh),
        nearness=nearness(upstream.treatment.locality, site, locality, dict(one.labels) | topology_labels(locality, "")),
    )
