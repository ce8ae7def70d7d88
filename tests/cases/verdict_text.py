"""Network policies as text: each with its rules in words, then who may open what to whom, and why, where it is not everything."""

from __future__ import annotations

from collections.abc import Iterator

from show import Block

from seaway.model.index import Model
from seaway.model.policies.causes import Reason
from seaway.model.policies.identities import Identity
from seaway.model.policies.language import Policy
from seaway.model.policies.verdicts import PortVerdict
from seaway.model.policies.words import peers_text, pods_text, ports_text


def verdict_blocks(model: Model) -> Iterator[Block]:
    for policy in model.policies:
        yield f"{policy.key}, {policy.tier.value}{f' {policy.priority}' if policy.priority else ''}", tuple(_rules(policy))
    table = model.verdicts
    for destination in table.identities:
        rows: list[str] = []
        for group in table.into(destination.number):
            for source in (table.identity[number] for number in group.numbers):
                verdicts = table.between(source.number, destination.number)
                rows += dict.fromkeys(f"{_who(source)}: {_verdict(one)}" for one in verdicts)
        if rows:
            yield f"into {_who(destination)}", tuple(rows)


def _rules(policy: Policy) -> Iterator[str]:
    yield f"selects {pods_text(policy.subject)}{', audit' if policy.audit else ''}"
    for section in policy.sections:
        yield f"{section.direction.value}{', isolates' if section.isolates else ''}"
        for rule in section.rules:
            deeper = f" {rule.layer7}" if rule.layer7 is not None else ""
            yield f"  {rule.index + 1} {rule.action.value}: {peers_text(rule)}: {ports_text(rule)}{deeper} ({rule.origin})"


def _who(one: Identity) -> str:
    return ", ".join(map(str, one.pods or one.nodes)) or f"outside {' '.join(one.blocks[:3])}{' …' if len(one.blocks) > 3 else ''}"


def _verdict(one: PortVerdict) -> str:
    """What is denied or audited without its ports: they are all that is not let through."""
    why = "; ".join(
        f"{side} {cause}" for side, cause in (("egress", one.egress), ("ingress", one.ingress)) if cause.reason is not Reason.OPEN
    )
    if not one.allowed or one.audited:
        names = f" but for names {', '.join(pattern for each in one.names for pattern in each.patterns)}" if one.names else ""
        return f"{'audited' if one.audited else 'denied'}{names}, {why}"
    whole = (one.first, one.last) in ((0, 65535), (0, 255), (0, 0))
    span = "" if whole else f" {one.first}" if one.first == one.last else f" {one.first}-{one.last}"
    return f"{one.protocol.value}{span} allowed, {why}"
