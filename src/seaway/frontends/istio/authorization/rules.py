"""A rule of an AuthorizationPolicy as terms, for HTTP and for TCP.

A rule with a mistake never opens anything: where it would allow it allows nothing; where it would deny (or ask) the part that cannot be
read counts as not there, so that it denies more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seaway.frontends.istio.authorization.conditions import condition_field
from seaway.frontends.istio.authorization.fields import Field, Surroundings, operation_fields, source_fields
from seaway.frontends.istio.places import Place
from seaway.model.authorization import Action, AllOf, AnyOf, Rule, Term
from seaway.resources.istio import authorization_policy as api

NEVER = AnyOf(())
_WITH_ACCOUNTS = {"principals", "namespaces"}


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake, where it is, and how it is mended."""

    place: Place
    text: str
    advice: str


@dataclass(frozen=True, slots=True)
class WrittenRule:
    """A rule as its fields say it: sources are ORed, operations are ORed, the fields of one and all conditions are ANDed.

    None: there is no `from` (or `to`), and thus no condition of that kind. `problems` are why upstream refuses it.
    """

    index: int
    place: Place
    sources: tuple[tuple[Field, ...], ...] | None
    operations: tuple[tuple[Field, ...], ...] | None
    conditions: tuple[Field, ...]
    problems: tuple[Problem, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        groups = (*(self.sources or ()), *(self.operations or ()), self.conditions)
        return tuple(field for group in groups for field in group)

    def term(self, around: Surroundings, tcp: bool = False) -> Term:
        """What the rule asks for; `tcp`: without what only HTTP has."""
        sides = (groups for groups in (self.sources, self.operations) if groups is not None)
        parts = (AnyOf(tuple(_all(group, around, tcp) for group in groups)) for groups in sides)
        return AllOf((*parts, *_all(self.conditions, around, tcp).terms))


def _all(group: tuple[Field, ...], around: Surroundings, tcp: bool) -> AllOf:
    return AllOf(tuple(field.term(around) for field in group if not (tcp and field.kind.http)))


def read_rule(rule: api.Rule, index: int, place: Place, action: Action) -> WrittenRule:
    """The rule without what is wrong in it."""
    problems: list[Problem] = []
    written = WrittenRule(
        index, place, _sources(rule, place, problems), _operations(rule, place, problems), _conditions(rule, place, problems), ()
    )
    problems += _in_fields(written, action)
    wrong = {one.place.path for one in problems}
    return WrittenRule(
        index,
        place,
        _without(written.sources, wrong),
        _without(written.operations, wrong),
        tuple(one for one in written.conditions if one.place.path not in wrong),
        tuple(problems),
    )


def _sources(rule: api.Rule, place: Place, problems: list[Problem]) -> tuple[tuple[Field, ...], ...] | None:
    if rule.from_ is None:
        return None
    at = place.of("from")
    blocks = (one.source and tuple(source_fields(one.source, at.of(index, "source"))) for index, one in enumerate(rule.from_))
    return _groups(tuple(blocks), at, "source", problems)


def _operations(rule: api.Rule, place: Place, problems: list[Problem]) -> tuple[tuple[Field, ...], ...] | None:
    if rule.to is None:
        return None
    at = place.of("to")
    blocks = (one.operation and tuple(operation_fields(one.operation, at.of(index, "operation"))) for index, one in enumerate(rule.to))
    return _groups(tuple(blocks), at, "operation", problems)


def _conditions(rule: api.Rule, place: Place, problems: list[Problem]) -> tuple[Field, ...]:
    fields: list[Field] = []
    for index, condition in enumerate(rule.when):
        at = place.of("when", index)
        match condition_field(condition, at):
            case Field() as field:
                fields.append(field)
            case text:
                problems.append(Problem(at, text, "Istio's reference lists the keys under `Authorization Policy Conditions`."))
    return tuple(fields)


def _groups(
    blocks: tuple[tuple[Field, ...] | None, ...], place: Place, name: str, problems: list[Problem]
) -> tuple[tuple[Field, ...], ...] | None:
    """The blocks that say something; one that says nothing matches everything, and is a mistake."""
    if not blocks:
        problems.append(Problem(place, f"`{place.path[-1]}` is empty", "Take it out, or fill it."))
        return None
    for at, block in enumerate(blocks):
        if not block:
            problems.append(Problem(place.of(at), f"`{name}` is empty", "Name a field, or take the item out."))
    return tuple(block or () for block in blocks)


def _in_fields(written: WrittenRule, action: Action) -> Iterator[Problem]:
    for field in written.fields:
        if text := field.problem:
            yield Problem(field.place, text, "Correct the value, or take it out.")
        elif action is Action.CUSTOM and field.kind.late:
            yield Problem(
                field.place,
                f"{field.name} cannot be used with CUSTOM",
                "Use fields of the connection or the request; identities and tokens are for DENY and ALLOW.",
            )
    for group in written.sources or ():
        names = {field.name for field in group}
        if "serviceAccounts" in names and names & _WITH_ACCOUNTS:
            accounts = next(field for field in group if field.name == "serviceAccounts")
            yield Problem(accounts.place, "serviceAccounts cannot be used with principals or namespaces", "Use one or the other.")


def _without(groups: tuple[tuple[Field, ...], ...] | None, wrong: set[tuple[str | int, ...]]) -> tuple[tuple[Field, ...], ...] | None:
    if groups is None:
        return None
    return tuple(tuple(field for field in group if field.place.path not in wrong) for group in groups)


def build_rule(written: WrittenRule, action: Action, around: Surroundings) -> Rule:
    """What Envoy is asked to match. On TCP a rule that allows is left out if a field of it exists in HTTP only."""
    origin = written.place.origin
    if action is not Action.ALLOW:
        return Rule(written.index, written.term(around), written.term(around, tcp=True), origin)
    if written.problems:
        return Rule(written.index, NEVER, None, origin)
    tcp = None if any(field.kind.http for field in written.fields) else written.term(around)
    return Rule(written.index, written.term(around), tcp, origin)
