"""Settings that are lost without a word: portLevelSettings replace what stands above them, and a subset's parts those of the whole host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.destination_rules.place import Place
from seaway.resources.istio.destination_rule import DestinationRuleSpec

PARTS = ("loadBalancer", "connectionPool", "outlierDetection", "tls")
EJECTING = "outlierDetection"
BY_PORT = (
    "portLevelSettings do not add to what stands above them: for their port they replace loadBalancer, connectionPool, outlierDetection "
    "and tls together, and what they leave out goes back to the mesh's defaults."
)
BY_PART = "A subset's trafficPolicy replaces the host's part by part: a connectionPool of its own is the whole connectionPool."

Raw = Mapping[str, Any]


def check_replaced(place: Place, spec: DestinationRuleSpec) -> Findings:
    """Warnings about settings of a rule that its own deeper layers switch off."""
    if spec.traffic_policy is None and not spec.subsets:
        return ()
    raw = place.resource.raw["spec"]
    whole = _mapping(raw.get("trafficPolicy"))
    at = place.of("trafficPolicy")
    findings = list(_ports(whole, at, whole, at))
    for index, subset in enumerate(raw.get("subsets") or ()):
        policy = _mapping(subset.get("trafficPolicy"))
        if not policy:
            continue
        here = place.of("subsets", index, "trafficPolicy")
        findings += _parts(policy, here, whole, at)
        findings += _ports(policy, here, whole, at)
    return tuple(findings)


def _ports(policy: Raw, here: Place, whole: Raw, above: Place) -> Iterator[Finding]:
    """portLevelSettings of `policy` against what would hold for their port without them."""
    for index, item in enumerate(policy.get("portLevelSettings") or ()):
        port = _mapping(item.get("port")).get("number")
        base, place = (whole, above) if policy is whole else _base(whole, above, port)
        merged = dict(base) if policy is whole else {**base, **{part: policy[part] for part in PARTS if policy.get(part)}}
        lost = _lost(merged, _mapping(item), PARTS)
        if lost:
            yield _says(here.of("portLevelSettings", index), place, lost, BY_PORT)


def _base(whole: Raw, above: Place, port: object) -> tuple[Raw, Place]:
    """What the host's own policy says for a port: its portLevelSettings for it, else all of it."""
    for index, item in enumerate(whole.get("portLevelSettings") or ()):
        if _mapping(item.get("port")).get("number") == port:
            return _mapping(item), above.of("portLevelSettings", index)
    return whole, above


def _parts(policy: Raw, here: Place, whole: Raw, above: Place) -> Iterator[Finding]:
    """The parts that a subset gives itself against the host's."""
    for part in PARTS:
        lost = _lost(whole, policy, (part,)) if policy.get(part) else []
        if lost:
            yield _says(here.of(part), above.of(part), lost, BY_PART)


def _lost(above: Raw, below: Raw, parts: Iterable[str]) -> list[str]:
    """What `above` says and `below` does not, as paths: whole parts, or fields of a part that both give."""
    found: list[str] = []
    for part in parts:
        before, after = _part(above, part), _part(below, part)
        if not before:
            continue
        if not after:
            found.append(part)
            continue
        found += [f"{part}.{field}" for field in before if field not in after and not _same_choice(part, field, after)]
    return found


def _part(policy: Raw, part: str) -> Raw:
    """A part of a policy; a circuitBreaker counts as the outlierDetection that it means."""
    found = _mapping(policy.get(part))
    return found or (_mapping(policy.get("circuitBreaker")) if part == EJECTING else {})


def _same_choice(part: str, field: str, after: Raw) -> bool:
    """Whether `field` was replaced by another way of saying the same thing: simple and consistentHash are one choice, and modes of TLS."""
    if part == "loadBalancer":
        return field in ("simple", "consistentHash") and bool({"simple", "consistentHash"} & set(after))
    return part == "tls" and "mode" in after


def _says(here: Place, above: Place, lost: list[str], layer: str) -> Finding:
    holds = "holds" if len(lost) == 1 else "hold"
    return here.find(codes.SETTINGS_REPLACED, field=here.field, place=above.origin, lost=" and ".join(lost), holds=holds, layer=layer)


def _mapping(value: object) -> Raw:
    return value if isinstance(value, Mapping) else {}
