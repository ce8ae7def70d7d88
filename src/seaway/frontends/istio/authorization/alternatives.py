"""Several items under `rules` where one was meant: `from`, `to` and `when`, each with a dash of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seaway.core.codes import authorization as codes
from seaway.core.finding import Finding
from seaway.frontends.istio.authorization.fields import Field
from seaway.frontends.istio.authorization.policies import Read
from seaway.frontends.istio.authorization.rules import WrittenRule
from seaway.frontends.istio.authorization.scene import Scene
from seaway.model.authorization import Action

_ANYONE, _ANYTHING = "anyone", "anything"
_FOR_ALL = re.compile(r".*/(health|live|ready|status|ping|metrics|favicon|robots|static|public|login).*")
"""Paths that are meant for everybody, whoever else is named."""


def check_alternatives(read: Read, _: Scene) -> Iterator[Finding]:
    """Items of ALLOW that say one thing each, all different things: who, what, or on which condition.

    Who in one and what in another may be meant so (a caller for everything, a path for everybody): told only where it restricts methods.
    """
    sides = [_sides(rule) for rule in read.rules]
    if read.policy.action is not Action.ALLOW or len(sides) < 2 or any(len(one) != 1 for one in sides) or len(set(sides)) < len(sides):
        return
    if all(rule.conditions == () for rule in read.rules) and not any(_restricts(rule) for rule in read.rules):
        return
    each = "; ".join(_told(rule) for rule in read.rules)
    yield read.place.of("rules").find(codes.RULES_ARE_ALTERNATIVES, count=len(sides), each=each)


def _sides(rule: WrittenRule) -> frozenset[str]:
    given = {"from": rule.sources is not None, "to": rule.operations is not None, "when": bool(rule.conditions)}
    return frozenset(name for name, there in given.items() if there)


def _restricts(rule: WrittenRule) -> bool:
    fields = [field for group in rule.operations or () for field in group]
    paths = [path for field in fields if field.name == "paths" for path in field.values]
    return any(field.name == "methods" for field in fields) and not any(_FOR_ALL.fullmatch(path) for path in paths)


def _told(rule: WrittenRule) -> str:
    who = " or ".join(map(_values, rule.sources)) if rule.sources else _ANYONE
    what = " or ".join(map(_operation, rule.operations)) if rule.operations else f"do {_ANYTHING}"
    condition = f" with {' and '.join(_condition(one) for one in rule.conditions)}" if rule.conditions else ""
    return f"{who}{condition} may {what}"


def _values(fields: tuple[Field, ...]) -> str:
    return " and ".join(_told_field(field) for field in fields) or _ANYONE


def _operation(fields: tuple[Field, ...]) -> str:
    by_name = {field.name: field for field in fields}
    methods = by_name.pop("methods", None)
    verb = " or ".join(methods.values) if methods is not None and methods.values else "request"
    rest = [_told_field(field) for field in by_name.values()]
    return f"{verb} {' at '.join(rest) or _ANYTHING}"


def _condition(field: Field) -> str:
    return f"{field.name} {_told_field(field)}"


def _told_field(field: Field) -> str:
    parts = (" or ".join(field.values), f"not {' or '.join(field.excluded)}" if field.excluded else "")
    return " and ".join(part for part in parts if part)
