"""Several DestinationRules of one namespace for one host: the oldest comes first, later ones add subsets.

https://github.com/istio/istio/blob/master/pilot/pkg/model/destination_rule.go (mergeDestinationRule)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.istio.destination_rules.blocks import Policy
from seaway.frontends.istio.destination_rules.rules import Rule
from seaway.frontends.istio.destination_rules.subsets import SubsetRule
from seaway.frontends.istio.exports import EVERYBODY, exported_to


@dataclass(frozen=True, slots=True)
class Merged:
    """What a host's rules say together. `rules` in the order in which they were merged; visibility and selector are the first one's."""

    rules: tuple[Rule, ...]

    @property
    def name(self) -> str:
        """Unique: equal names mean equal content."""
        return "+".join(f"{one.key.namespace}/{one.key.name}" for one in self.rules)

    @property
    def namespace(self) -> str:
        return self.rules[0].key.namespace

    @property
    def host(self) -> str:
        return self.rules[0].host

    @property
    def selector(self) -> tuple[tuple[str, str], ...] | None:
        return self.rules[0].selector

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(one.key for one in self.rules)

    @property
    def policy_rule(self) -> Rule | None:
        """The first with a trafficPolicy: it counts whole."""
        return next((one for one in self.rules if one.policy is not None), None)

    @property
    def policy(self) -> Policy | None:
        return self.policy_rule.policy if self.policy_rule is not None else None

    @property
    def origin(self) -> Origin:
        return self.policy_rule.policy_origin if self.policy_rule is not None else self.rules[0].origin

    def subset(self, name: str) -> SubsetRule | None:
        """The first of this name."""
        return next((subset for rule in self.rules for subset in rule.subsets if subset.name == name), None)

    @property
    def subsets(self) -> tuple[SubsetRule, ...]:
        found: dict[str, SubsetRule] = {}
        for rule in self.rules:
            for subset in rule.subsets:
                found.setdefault(subset.name, subset)
        return tuple(found.values())

    def visible_to(self, namespace: str) -> bool:
        return exported_to(self.rules[0].export_to, namespace)


def merge(rules: Iterable[Rule]) -> tuple[Merged, ...]:
    """Rules for one host, in order: those with a selector first, then by age.

    Rules merge where their selectors are the same, and where a later one is seen wherever the earlier one is. One that is seen in
    more places than those before it stands for itself as well; so does one with a selector, which never changes what others get.
    """
    found: list[list[Rule]] = []
    for rule in rules:
        apart = True
        for group in found:
            first = group[0]
            if not _seen_wherever(rule, first) or (first.selector and rule.selector and first.selector != rule.selector):
                continue
            group.append(rule)
            if rule.export_to == first.export_to and rule.selector == first.selector:
                apart = False
        if apart:
            found.append([rule])
    return tuple(Merged(tuple(group)) for group in found)


def _seen_wherever(rule: Rule, first: Rule) -> bool:
    return rule.export_to == first.export_to or (EVERYBODY not in first.export_to and rule.export_to >= first.export_to)
