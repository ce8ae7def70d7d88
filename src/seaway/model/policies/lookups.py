"""Rules by names of domains: whom they are about, and what those pods may ask cluster DNS for.

Names are learned from answers. Where a rule wants it (`Names.proxied`), only answers to lookups that a rule with `Lookups` lets pass
count, as Cilium's proxy sees no others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from seaway.model.policies.identities import rules_of
from seaway.model.policies.language import Direction, Lookups, Names, Policy, Transport
from seaway.model.policies.masks import bits
from seaway.model.policies.verdicts import VerdictTable
from seaway.model.workload import DnsServer

_PORT = 53


@dataclass(frozen=True, slots=True)
class Asking:
    """What pods of one identity may look up, and which names are learned for them. `lookups` None is every name."""

    identity: int
    names: tuple[Names, ...]
    lookups: tuple[str, ...] | None
    unfed: tuple[Names, ...] = ()
    """Names of which nothing is ever learned, since no rule with `Lookups` lets these pods ask."""


def names_of(policy: Policy) -> tuple[Names, ...]:
    return tuple(
        peer
        for section in policy.sections
        if section.direction is Direction.EGRESS
        for rule in section.rules
        for peer in rule.peers or ()
        if isinstance(peer, Names)
    )


def askings(table: VerdictTable) -> tuple[Asking, ...]:
    """One for each identity of pods that rules about names select; none costs next to nothing."""
    concerned: defaultdict[int, dict[Names, None]] = defaultdict(dict)
    for policy in table.policies:
        names = names_of(policy)
        if names or _has_lookups(policy):
            for at in bits(table.known.peer_masks.get(policy.subject, 0)):
                concerned[at].update(dict.fromkeys(names))
    if not concerned:
        return ()
    servers = {table.identity_of_pod[pod.id] for pod in table.ground.pods if isinstance(pod.runs, DnsServer)}
    return tuple(_asking(table, at, tuple(names), sorted(servers)) for at, names in sorted(concerned.items()))


def _asking(table: VerdictTable, at: int, names: tuple[Names, ...], servers: Iterable[int]) -> Asking:
    number = table.known.all[at].number
    rules = [rule for server in servers for rule in table.verdict(number, server, Transport.UDP, _PORT).egress.rules]
    given = [rule.layer7 for rule in rules if isinstance(rule.layer7, Lookups)]
    limited = bool(given) and len(given) == len(rules)
    lookups = tuple(sorted({pattern for one in given for pattern in one.patterns})) if limited else None
    fed = tuple(one for one in names if given or not one.proxied)
    return Asking(number, fed, lookups, tuple(one for one in names if one not in fed))


def _has_lookups(policy: Policy) -> bool:
    return any(isinstance(rule.layer7, Lookups) for rule in rules_of(policy))
