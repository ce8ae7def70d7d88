"""Network policies with what they do here: which pods they select, what they isolate, and each rule with its line."""

from __future__ import annotations

from seaway.app.views.objects import Item, Scene
from seaway.app.views.sections import Section, facts, section
from seaway.model.policies.language import Policy, Tier
from seaway.model.policies.language import Section as Rules
from seaway.model.policies.masks import bits
from seaway.model.policies.words import peers_text, pods_text, ports_text
from seaway.model.workload import PodName

EXAMPLES = 5


def describe_policy(scene: Scene, item: Item) -> list[Section] | None:
    """None of what is no network policy."""
    found = [policy for policy in scene.model.policies if policy.key == item.key]
    return [one for policy in found for one in _sections(scene, policy)] if found else None


def _sections(scene: Scene, policy: Policy) -> list[Section]:
    pods = selected(scene, policy)
    more = f" and {len(pods) - EXAMPLES} more" if len(pods) > EXAMPLES else ""
    shown = ", ".join(map(str, pods[:EXAMPLES])) + more
    tier = "" if policy.tier is Tier.NAMESPACED else f"{policy.tier.value}, priority {policy.priority}"
    return [
        facts(
            [
                ("Selects", pods_text(policy.subject)),
                ("Pods", f"{len(pods)}: {shown}" if pods else "none"),
                ("Tier", tier),
                ("Isolates", ", ".join(one.direction.value for one in policy.sections if one.isolates) or "nothing"),
                ("Audit", "only reports what it would drop" if policy.audit else ""),
            ]
        ),
        *(_rules(one) for one in policy.sections),
    ]


def _rules(rules: Rules) -> Section:
    peers = "FROM PEERS" if rules.direction.value == "ingress" else "TO PEERS"
    rows = [
        (rule.name or str(rule.index + 1), rule.action.value, peers_text(rule), ports_text(rule), str(rule.origin)) for rule in rules.rules
    ]
    nothing = [("", "nothing is let through", "", "", "")] if rules.isolates else []
    return section(rules.direction.value.capitalize(), ("RULE", "DOES", peers, "PORTS", "FROM"), rows or nothing)


def selected(scene: Scene, policy: Policy) -> tuple[PodName, ...]:
    """The pods that a policy selects, in order of name."""
    known = scene.model.verdicts.known
    return tuple(sorted(pod for at in bits(known.peer_masks.get(policy.subject, 0)) for pod in known.all[at].pods))
