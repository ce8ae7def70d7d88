"""A spot in a DestinationRule, with the verbs of those who read values there."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.codes import destination_rules as codes
from seaway.core.durations import read_duration
from seaway.core.finding import Finding
from seaway.frontends.istio import places
from seaway.resources.resource import Step, field_path


@dataclass(frozen=True, slots=True)
class Place(places.Place):
    def of(self, *steps: Step) -> Place:
        return Place(self.resource, (*self.path, *steps))

    @property
    def field(self) -> str:
        """The path as a user would say it: `trafficPolicy.tls`."""
        return field_path(*(self.path[1:] if self.path[:1] == ("spec",) else self.path))

    def refuses(self, problem: str, consequence: str) -> Finding:
        """A value that upstream refuses. `consequence` says in one sentence what it means here."""
        return self.find(codes.VALUE_REFUSED, field=self.field, problem=problem, consequence=consequence)

    def seconds(self, text: str | None, wrong: list[Finding], consequence: str, zero: bool = False) -> float | None:
        """A duration that was given, else None; one that upstream refuses is added to `wrong`."""
        if text is None:
            return None
        value, problem = read_duration(text, zero)
        if problem:
            wrong.append(self.refuses(problem, consequence))
            return None
        return value

    def number(self, value: int | None, wrong: list[Finding], consequence: str, most: int = 2**31 - 1) -> int | None:
        """A number from 0 to `most` that was given, else None; any other is added to `wrong`."""
        if value is None or 0 <= value <= most:
            return value
        wrong.append(self.refuses(f"{value} is not a number from 0 to {most}", consequence))
        return None
