"""`subsets`: parts of a host's endpoints, by label, each an upstream of its own."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Finding, Findings
from seaway.core.labels import is_label_key, is_label_value
from seaway.core.names import Key, is_dns_label
from seaway.core.origin import Origin
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.destination_rules.blocks import Policy
from seaway.frontends.istio.destination_rules.defaults import Defaults
from seaway.frontends.istio.destination_rules.place import Place
from seaway.frontends.istio.destination_rules.policy import read_policy
from seaway.model.upstream import Endpoints, Fixed, OfService, Resolved
from seaway.resources.istio.destination_rule import Subset

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SubsetRule:
    """`policy` is None where the subset has none of its own."""

    name: str
    labels: Labels
    policy: Policy | None
    owner: Key
    origin: Origin


def read_subsets(subsets: tuple[Subset, ...], place: Place, defaults: Defaults) -> tuple[tuple[SubsetRule, ...], Findings]:
    """The subsets of one rule, each name once: of two with one name the first stays."""
    found: dict[str, SubsetRule] = {}
    findings: list[Finding] = []
    for index, subset in enumerate(subsets):
        at = place.of(index)
        problem = _problem(subset)
        if problem:
            findings.append(at.of("name").find(codes.SUBSET_REFUSED, subset=plain(subset.name), problem=problem))
            continue
        if subset.name in found:
            where = found[subset.name].origin
            findings.append(at.of("name").find(codes.SUBSET_TWICE, subset=plain(subset.name), place=where))
            continue
        policy = None
        if subset.traffic_policy is not None:
            policy, more = read_policy(subset.traffic_policy, at.of("trafficPolicy"), defaults)
            findings += more
        labels = tuple(sorted(subset.labels.items()))
        found[subset.name] = SubsetRule(subset.name, labels, policy, place.key, at.of("name").origin)
    return tuple(found.values()), tuple(findings)


def _problem(subset: Subset) -> str:
    if not is_dns_label(subset.name.lower()):
        return "its name is not a DNS label"
    wrong = [key for key, value in subset.labels.items() if not is_label_key(key) or not is_label_value(value)]
    return f"label {plain(wrong[0])} is not one that a pod can have" if wrong else ""


def only(endpoints: Endpoints, labels: Labels) -> Endpoints:
    """Those that have all of these labels. Where an endpoint is known only when it is called, there is nothing to choose from."""
    match endpoints:
        case OfService(service, port, before):
            return OfService(service, port, tuple(sorted({**dict(before), **dict(labels)}.items())))
        case Fixed(all_of_them):
            return Fixed(tuple(one for one in all_of_them if set(labels) <= set(one.labels)))
        case Resolved(all_of_them, round_robin):
            return Resolved(tuple(one for one in all_of_them if set(labels) <= set(one.labels)), round_robin)
        case _:
            return endpoints
