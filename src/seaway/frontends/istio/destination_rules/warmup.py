"""`loadBalancer.warmup`: an endpoint that is new gets its share bit by bit."""

from __future__ import annotations

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Finding
from seaway.frontends.istio.destination_rules.place import Place
from seaway.model.upstream import Balancing, Simple, Warmup
from seaway.resources.istio.destination_rule import LoadBalancerSettings

LEFT_OUT = "The whole loadBalancer is left out: a new endpoint gets its full share at once."


def read_warmup(
    block: LoadBalancerSettings, place: Place, balancing: Balancing, wrong: list[Finding], notes: list[Finding]
) -> Warmup | None:
    """`warmup`, or its old form `warmupDurationSecs`; None without either, or where the way of balancing has no use for it."""
    found = _read(block, place, wrong, notes)
    if found is not None and balancing not in (Simple.ROUND_ROBIN, Simple.LEAST_REQUEST):
        at = place.of("warmup" if block.warmup is not None else "warmupDurationSecs")
        why = "only ROUND_ROBIN and LEAST_REQUEST start an endpoint slowly"
        notes.append(at.find(codes.WITHOUT_EFFECT, field=at.field, reason=why))
        return None
    return found


def _read(block: LoadBalancerSettings, place: Place, wrong: list[Finding], notes: list[Finding]) -> Warmup | None:
    if block.warmup_duration_secs is not None:
        at = place.of("warmupDurationSecs")
        notes.append(at.find(codes.DEPRECATED, field=at.field, value="warmupDurationSecs", instead="warmup.duration"))
    if block.warmup is None:
        window = place.of("warmupDurationSecs").seconds(block.warmup_duration_secs, wrong, LEFT_OUT)
        return Warmup(window) if window else None
    at = place.of("warmup")
    window = at.of("duration").seconds(block.warmup.duration, wrong, LEFT_OUT)
    least = 10.0 if block.warmup.minimum_percent is None else block.warmup.minimum_percent
    if not 0 <= least <= 100:
        wrong.append(at.of("minimumPercent").refuses(f"{least:g} is not a percentage from 0 to 100", LEFT_OUT))
    aggression = 1.0 if block.warmup.aggression is None else block.warmup.aggression
    if aggression < 1:
        wrong.append(at.of("aggression").refuses(f"{aggression:g} is less than 1", LEFT_OUT))
    return Warmup(window, least, aggression) if window else None
