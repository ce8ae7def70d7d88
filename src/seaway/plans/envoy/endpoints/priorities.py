"""How near an endpoint is to the callers on a node, where that decides who is called first.

https://github.com/istio/istio/blob/master/pilot/pkg/networking/core/loadbalancer/loadbalancer.go
"""

from __future__ import annotations

from collections.abc import Mapping

from seaway.model.locality import Locality, topology_labels
from seaway.model.upstream import LocalityBalancing
from seaway.plans.envoy.site import Site

STEPS = 5  # nearness by place runs from 0 to 4


def nearness(locality: LocalityBalancing, site: Site, place: Locality, labels: Mapping[str, str]) -> int:
    """0 for the nearest; only the order counts. 0 for all where traffic is not kept near, or is split by weights."""
    if not locality.active or locality.distribute:
        return 0
    by_labels = _by_labels(locality.priority_labels, site, labels)
    if locality.priority_labels and not locality.failover:
        return by_labels
    return by_labels * STEPS + _by_place(locality.failover, site, place)


def _by_labels(priority: tuple[str, ...], site: Site, labels: Mapping[str, str]) -> int:
    """By how many of the leading labels agree with the caller's: all 0, none as many as there are."""
    own = topology_labels(site.locality, site.node)
    for position, text in enumerate(priority):
        name, given, value = text.partition("=")
        if (value if given else own.get(name, "")) != labels.get(name, ""):
            return len(priority) - position
    return 0


def _by_place(failover: tuple[tuple[str, str], ...], site: Site, place: Locality) -> int:
    """The same place, zone, region, then all others; of these the region that the caller's one fails over to comes first."""
    distance = site.locality.distance(place)
    if distance < 3:
        return distance
    to = dict(failover).get(site.locality.region)
    return distance if to is None or place.region == to else distance + 1
