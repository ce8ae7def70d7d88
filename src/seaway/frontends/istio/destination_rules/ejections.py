"""Ejection that never happens: fewer endpoints than the share of them that may be ejected makes one.

Envoy ejects an endpoint only while those that are ejected, with it, are at most `maxEjectionPercent` of all
(`DetectorImpl::ejectHost`); Istio leaves its default, 10 %, as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import ceil

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Findings, finding
from seaway.core.origin import Origin
from seaway.frontends.istio.destination_rules.layers import effective
from seaway.frontends.istio.destination_rules.merging import Merged
from seaway.frontends.istio.destination_rules.subsets import only
from seaway.frontends.istio.registry import Host
from seaway.model.upstream import Ejection, Endpoints


def check_ejections(rules: Iterable[Merged], hosts: Callable[[str], tuple[Host, ...]], count: Callable[[Endpoints], int]) -> Findings:
    """Blocks that eject nobody of any port or subset that they hold for. A single endpoint is not meant to be ejected."""
    most: dict[tuple[Origin, Ejection], tuple[Merged, int]] = {}
    for merged in rules:
        for at, ejection, endpoints in _ejecting(merged, hosts(merged.host)):
            _, before = most.get((at, ejection), (merged, 0))
            most[at, ejection] = (merged, max(before, count(endpoints)))
    return tuple(
        finding(codes.EJECTION_NEVER, at, merged.rules[0].key, percent=percent, count=endpoints, enough=ceil(100 / percent))
        for (at, ejection), (merged, endpoints) in most.items()
        if endpoints > 1 and endpoints * (percent := ejection.max_percent) < 100
    )


def _ejecting(merged: Merged, hosts: tuple[Host, ...]) -> Iterator[tuple[Origin, Ejection, Endpoints]]:
    """Each block of the rule, and where it stands, with the endpoints that it holds for: of the host's ports and of its subsets."""
    for host in hosts:
        for port in host.ports:
            for subset in (None, *merged.subsets):
                blocks = effective(merged.policy, subset.policy if subset else None, port.number, subset is not None)
                if blocks.ejection is not None and blocks.ejection.origin is not None:
                    yield blocks.ejection.origin, blocks.ejection, only(port.endpoints, subset.labels) if subset else port.endpoints
