"""`localityLbSetting`: traffic that stays near, is split over places, or moves on when a place fails.

https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting
"""

from __future__ import annotations

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.destination_rules.blocks import Locality
from seaway.frontends.istio.destination_rules.place import Place
from seaway.model.upstream import Distribute
from seaway.resources.istio.destination_rule import LocalityDistribute, LocalityFailover, LocalityLoadBalancerSetting

LEFT_OUT = "The whole localityLbSetting is left out, as if it were not there."
TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")


def read_locality(block: LocalityLoadBalancerSetting, place: Place, ejects: bool) -> tuple[Locality | None, Findings]:
    """What a `localityLbSetting` means; None where upstream refuses it. `ejects`: there is outlier detection."""
    wrong: list[Finding] = []
    notes: list[Finding] = []
    if block.distribute and block.failover:
        wrong.append(place.of("failover").refuses("it excludes distribute", LEFT_OUT))
    if block.failover and any(label in TOPOLOGY for label in block.failover_priority):
        wrong.append(place.of("failoverPriority").refuses("labels of the topology exclude failover", LEFT_OUT))
    distribute = tuple(_distribute(one, place.of("distribute", index), wrong) for index, one in enumerate(block.distribute))
    _apart([one.source for one in distribute], place.of("distribute"), wrong)
    failover = tuple(_failover(one, place.of("failover", index), wrong) for index, one in enumerate(block.failover))
    if (block.failover or block.failover_priority) and not ejects:
        at = place.of("failover" if block.failover else "failoverPriority")
        notes.append(at.find(codes.FAILOVER_INACTIVE, field=at.field))
    found = Locality(block.enabled is not False, distribute, failover, block.failover_priority)
    return (None if wrong else found), (*wrong, *notes)


def _distribute(one: LocalityDistribute, place: Place, wrong: list[Finding]) -> Distribute:
    for locality, weight in one.to.items():
        if not 1 <= weight <= 100:
            wrong.append(place.of("to", locality).refuses(f"weight {weight} is not from 1 to 100", LEFT_OUT))
    total = sum(one.to.values())
    if total != 100:
        wrong.append(place.of("to").refuses(f"the weights sum up to {total}, not to 100", LEFT_OUT))
    _apart(list(one.to), place.of("to"), wrong)
    return Distribute(one.from_, tuple(sorted(one.to.items())))


def _failover(one: LocalityFailover, place: Place, wrong: list[Finding]) -> tuple[str, str]:
    if one.from_ == one.to:
        wrong.append(place.refuses("from and to are the same region", LEFT_OUT))
    for name, region in (("from", one.from_), ("to", one.to)):
        if not region or "/" in region or "*" in region:
            wrong.append(place.of(name).refuses(f"{plain(region)} is not the name of a region", LEFT_OUT))
    return one.from_, one.to


def _apart(localities: list[str], place: Place, wrong: list[Finding]) -> None:
    """No locality within another one that stands before it, and each well-formed."""
    seen: list[tuple[str, ...]] = []
    for text in localities:
        steps = tuple(text.split("/", 2))
        if not all(steps):
            wrong.append(place.refuses(f"locality {plain(text)} has an empty region, zone or subzone", LEFT_OUT))
        elif "*" in text[:-1]:
            wrong.append(place.refuses(f"locality {plain(text)}: a star can only stand at the end", LEFT_OUT))
        elif any(_overlap(steps, other) for other in seen):
            wrong.append(place.refuses(f"locality {plain(text)} overlaps another one", LEFT_OUT))
        seen.append(steps)


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether some place lies in both; what follows the last step is any."""
    return all(a == b or "*" in (a, b) for a, b in zip(one, other, strict=False))
