"""Labels and selectors: their grammar, and whether a selector matches.

Grammar and meaning: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from seaway.core.names import is_dns_subdomain

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


class Operator(Enum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"

    __hash__ = object.__hash__  # Enum's own takes twenty times as long, and selectors are looked up by the thousand


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. `values` is empty for EXISTS and DOES_NOT_EXIST."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()


Selector = tuple[Requirement, ...]
"""All requirements must hold; the empty selector matches everything."""


def is_label_key(text: str) -> bool:
    """A qualified name: an optional DNS subdomain and a slash, then at most 63 of [A-Za-z0-9_.-], alphanumeric at both ends."""
    prefix, slash, name = text.rpartition("/")
    return _NAME.fullmatch(name) is not None and (not slash or is_dns_subdomain(prefix))


def is_label_value(text: str) -> bool:
    """Empty, or at most 63 of [A-Za-z0-9_.-], alphanumeric at both ends."""
    return not text or _NAME.fullmatch(text) is not None


def equal_to(labels: Mapping[str, str]) -> Selector:
    """The selector that asks for exactly these values (`matchLabels`, a Service's `selector`)."""
    return tuple(Requirement(key, Operator.IN, frozenset((value,))) for key, value in sorted(labels.items()))


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether every requirement holds. A missing label satisfies NOT_IN and DOES_NOT_EXIST."""
    return all(_holds(one, labels.get(one.key)) for one in selector)


def _holds(requirement: Requirement, value: str | None) -> bool:
    match requirement.operator:
        case Operator.IN:
            return value in requirement.values
        case Operator.NOT_IN:
            return value not in requirement.values
        case Operator.EXISTS:
            return value is not None
        case Operator.DOES_NOT_EXIST:
            return value is None
