"""`http[].mirror` and `mirrors`: copies of requests, whose answers nobody sees. A percentage that is not written is 100."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.virtual_services.destinations import read_target
from seaway.frontends.istio.virtual_services.rules import Copies, Target
from seaway.resources.istio.virtual_service import HTTPRoute


def read_mirrors(written: HTTPRoute, registry: Registry, place: Place) -> tuple[Copies, Findings]:
    """Both spellings, as they are written; `mirrorPercent` counts where there is no `mirrorPercentage`."""
    findings = list(_problems(written, place))
    one: Target | None = None
    if written.mirror is not None:
        one, more = read_target(written.mirror, registry, place.of("mirror"))
        findings += more
    several: list[tuple[Target, float]] = []
    for index, mirror in enumerate(written.mirrors):
        target, more = read_target(mirror.destination, registry, place.of("mirrors", index, "destination"))
        findings += more
        several.append((target, mirror.percentage.value if mirror.percentage is not None else 100))
    return Copies(one, _percent(written), tuple(several) or None), tuple(findings)


def copies(rule: Copies) -> tuple[tuple[Target, float], ...]:
    """Where copies go, each with its percentage; none of 0."""
    first = ((rule.one, 100 if rule.percent is None else rule.percent),) if rule.one is not None else ()
    return tuple((target, percent) for target, percent in (*first, *(rule.several or ())) if percent)


def _percent(written: HTTPRoute) -> float | None:
    if written.mirror_percentage is not None:
        return written.mirror_percentage.value
    older = written.mirror_percent if written.mirror_percent is not None else written.mirror_percent_snake
    return float(older) if older is not None else None


def _problems(written: HTTPRoute, place: Place) -> Iterator[Finding]:
    if written.mirror is not None and written.mirrors:
        yield place.of("mirrors").find(codes.MIRROR_REFUSED, problem="mirror and mirrors exclude one another")
    percents = [(place.of("mirrorPercentage"), _percent(written))]
    percents += [
        (place.of("mirrors", index, "percentage"), one.percentage.value if one.percentage is not None else None)
        for index, one in enumerate(written.mirrors)
    ]
    for where, percent in percents:
        if percent is not None and not 0 <= percent <= 100:
            yield where.find(codes.MIRROR_REFUSED, problem=f"percentage {percent:g} is not from 0 to 100")
