"""Destinations: where a rule sends, and how requests are split over several."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.host_names import domain_problem, is_label
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.virtual_services.headers import read_headers
from seaway.frontends.istio.virtual_services.rules import NO_CHANGES, Share, Target
from seaway.resources.istio.virtual_service import Destination, HTTPRouteDestination, RouteDestination

_PORTS = range(1, 65536)
_LARGEST_TOTAL = 4294967295
"""Envoy's bound on the sum of weights."""


def read_target(written: Destination, registry: Registry, place: Place) -> tuple[Target, Findings]:
    """One destination. Whether there is such a host is another matter: `references.py`."""
    number = written.port.number if written.port is not None else None
    target = Target(registry.full_name(written.host, place.key.namespace), written.subset, number or 0, place)
    return target, tuple(_target_problems(written, place))


def read_shares(
    written: tuple[HTTPRouteDestination, ...] | tuple[RouteDestination, ...], registry: Registry, place: Place
) -> tuple[tuple[Share, ...], Findings]:
    """All destinations of a rule that get something: of several, one without weight gets nothing; a single one gets all."""
    findings: list[Finding] = []
    shares: list[Share] = []
    for index, one in enumerate(written):
        here = place.of(index)
        target, more = read_target(one.destination, registry, here.of("destination"))
        findings += more
        headers = NO_CHANGES
        if isinstance(one, HTTPRouteDestination) and one.headers is not None:
            headers, more = read_headers(one.headers, here.of("headers"))
            findings += more
        weight = one.weight or 0
        if not 0 <= weight < 1 << 31:
            findings.append(here.of("weight").find(codes.DESTINATION_REFUSED, problem=f"weight {weight} is not from 0 to 2147483647"))
        shares.append(Share(target, weight, headers))
    if len(shares) == 1:
        return (Share(shares[0].to, 1, shares[0].headers),), tuple(findings)
    total = sum(share.weight for share in shares)
    if shares and not total:
        findings.append(place.find(codes.DESTINATION_REFUSED, problem="there are several, and none has a weight"))
    if total > _LARGEST_TOTAL:
        findings.append(place.find(codes.DESTINATION_REFUSED, problem=f"the weights add up to more than {_LARGEST_TOTAL}"))
    return tuple(share for share in shares if share.weight), tuple(findings)


def _target_problems(written: Destination, place: Place) -> Iterator[Finding]:
    host = plain(written.host)
    if written.host == "*":
        yield place.of("host").find(codes.DESTINATION_REFUSED, problem="* is no destination")
    elif problem := domain_problem(written.host):
        yield place.of("host").find(codes.DESTINATION_REFUSED, problem=f"host {host}: {problem}")
    if written.subset and not is_label(written.subset):
        yield place.of("subset").find(codes.DESTINATION_REFUSED, problem=f"subset {plain(written.subset)} is no DNS label")
    if written.port is not None and (written.port.number or 0) not in _PORTS:
        yield place.of("port").find(codes.DESTINATION_REFUSED, problem=f"port {written.port.number or 0} is not from 1 to 65535")
