"""Why a verdict is what it is: the rules and policies behind it, each with its line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.policies.language import Direction, Layer7, Policy, Rule, Tier


class Reason(Enum):
    """OPEN: no policy has a say. DEFAULT_DENY: policies select the pod, and no rule lets this pass."""

    OPEN = "open"
    ALLOWED = "allowed"
    DENIED = "denied"
    DEFAULT_DENY = "default deny"


@dataclass(frozen=True, slots=True)
class RuleRef:
    """One rule that decided."""

    policy: Key
    tier: Tier
    direction: Direction
    index: int
    origin: Origin
    name: str = ""
    layer7: Layer7 | None = None

    def __str__(self) -> str:
        called = f" ({self.name})" if self.name else ""
        return f"{self.direction.value} rule {self.index + 1}{called} of {self.policy} ({self.origin})"


@dataclass(frozen=True, slots=True)
class Cause:
    """Of one direction's verdict. `rules` are those that let it pass or denied it; of a default deny `policies` are those that isolate."""

    reason: Reason
    rules: tuple[RuleRef, ...] = ()
    policies: tuple[tuple[Key, Origin], ...] = ()

    def __str__(self) -> str:
        match self.reason:
            case Reason.OPEN:
                return "no policy"
            case Reason.DEFAULT_DENY:
                return "default deny of " + ", ".join(f"{key} ({origin})" for key, origin in self.policies)
            case Reason.ALLOWED | Reason.DENIED:
                return f"{self.reason.value} by " + ", ".join(map(str, self.rules))


NO_POLICY = Cause(Reason.OPEN)


def rule_ref(policy: Policy, direction: Direction, rule: Rule) -> RuleRef:
    return RuleRef(policy.key, policy.tier, direction, rule.index, rule.origin, rule.name, rule.layer7)
