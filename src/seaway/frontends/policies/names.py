"""Names of domains in policies, in one way of writing patterns for all dialects; and rules by names that nothing is ever learned for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seaway.core.codes.policies import NAMES_NEVER_LEARNED
from seaway.core.finding import Finding, finding
from seaway.model.policies.lookups import askings, names_of
from seaway.model.policies.verdicts import VerdictTable
from seaway.resources.cilium_v2 import FQDNSelector

_DOMAIN = re.compile(r"(\*\.)?([a-z0-9]([-a-z0-9_]*[a-z0-9])?\.)+[a-z0-9]([-a-z0-9_]*[a-z0-9])?\.?")
_MATCH_NAME = re.compile(r"([-a-z0-9_]+\.?)+")
_MATCH_PATTERN = re.compile(r"([-a-z0-9_*]+\.?)+")


def domain_pattern(text: str) -> str | None:
    """Of `domainNames`, where a leading `*.` stands for one or more labels; None where the API server would refuse it."""
    text = text.lower()
    return text.removesuffix(".").replace("*.", "**.", 1) if _DOMAIN.fullmatch(text) else None


def selector_pattern(given: FQDNSelector) -> str | None:
    """Of Cilium's `matchName` or `matchPattern`, one of which is given; None where it is none. A lone `*` is every name."""
    name, pattern = given.match_name.strip().lower(), given.match_pattern.strip().lower()
    if bool(name) == bool(pattern) or not (_MATCH_NAME.fullmatch(name) if name else _MATCH_PATTERN.fullmatch(pattern)):
        return None
    return "**" if pattern == "*" else (name or pattern).removesuffix(".")


def check_names(table: VerdictTable) -> Iterator[Finding]:
    """Rules by names for pods whose lookups no rule with `rules.dns` lets through, where one is needed."""
    unfed = {one.identity: frozenset(one.unfed) for one in askings(table) if one.unfed}
    if not unfed:
        return
    for policy in table.policies:
        mask = table.known.peer_masks.get(policy.subject, 0)
        pods = [
            name
            for number, names in unfed.items()
            if mask >> table.known.position[number] & 1 and names & {*names_of(policy)}
            for name in table.identity[number].pods
        ]
        if pods:
            shown = f"{pods[0]} and {len(pods) - 1} more" if len(pods) > 1 else str(pods[0])
            yield finding(NAMES_NEVER_LEARNED, policy.origin, policy.key, pods=shown)
