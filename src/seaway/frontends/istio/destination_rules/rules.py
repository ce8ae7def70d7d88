"""One DestinationRule read: for which host and which callers it is, and what it says. One that upstream refuses as a whole is left out."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Findings
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.ages import by_age
from seaway.frontends.istio.destination_rules.blocks import Policy
from seaway.frontends.istio.destination_rules.defaults import Defaults
from seaway.frontends.istio.destination_rules.place import Place
from seaway.frontends.istio.destination_rules.policy import read_policy
from seaway.frontends.istio.destination_rules.replaced import check_replaced
from seaway.frontends.istio.destination_rules.subsets import SubsetRule, read_subsets
from seaway.frontends.istio.exports import read_exports
from seaway.frontends.istio.host_names import domain_problem
from seaway.frontends.istio.registry import Registry
from seaway.resources.istio.destination_rule import DestinationRule
from seaway.resources.resource import Resource


@dataclass(frozen=True, slots=True)
class Rule:
    """`host` is the full name, or a wildcard. `export_to` are namespaces, or `*`. `selector` is None where the rule is for all callers.

    `policy` is None where the rule has none. `age` sorts, the oldest first.
    """

    key: Key
    host: str
    export_to: frozenset[str]
    selector: tuple[tuple[str, str], ...] | None
    policy: Policy | None
    subsets: tuple[SubsetRule, ...]
    age: tuple[float, str, str]
    origin: Origin
    policy_origin: Origin


def read_rule(resource: Resource[DestinationRule], registry: Registry, defaults: Defaults) -> tuple[Rule | None, Findings]:
    """What a DestinationRule says; None where upstream refuses it for what it is about."""
    place = Place(resource)
    spec = resource.body.spec
    namespace = resource.key.namespace
    exports, problem = read_exports(spec.export_to, namespace, defaults.export_to)
    if spec.workload_selector is not None and not problem:
        problem = (
            "" if not spec.export_to or exports == frozenset((namespace,)) else "a rule with workloadSelector is for its own namespace only"
        )
        exports = frozenset((namespace,))
    refused = _refused(place.of("host"), domain_problem(spec.host)) + _refused(place.of("exportTo"), problem) + _selector(place)
    if refused:
        return None, refused
    policy, findings = None, ()
    if spec.traffic_policy is not None:
        policy, findings = read_policy(spec.traffic_policy, place.of("trafficPolicy"), defaults)
    subsets, more = read_subsets(spec.subsets, place.of("subsets"), defaults)
    selector = spec.workload_selector
    rule = Rule(
        key=resource.key,
        host=registry.full_name(spec.host, namespace),
        export_to=exports,
        selector=tuple(sorted(selector.match_labels.items())) if selector is not None else None,
        policy=policy,
        subsets=subsets,
        age=by_age(resource),
        origin=place.of("host").origin,
        policy_origin=place.of("trafficPolicy").origin,
    )
    return rule, findings + more + check_replaced(place, spec)


def _refused(place: Place, problem: str) -> Findings:
    return (place.find(codes.RULE_REFUSED, field=place.field, problem=problem),) if problem else ()


def _selector(place: Place) -> Findings:
    selector = place.resource.body.spec.workload_selector
    if selector is None:
        return ()
    wrong = [key for key, value in selector.match_labels.items() if not key or "*" in key or "*" in value]
    return _refused(place.of("workloadSelector", "matchLabels"), f"label {plain(wrong[0])} is empty or has a star" if wrong else "")
