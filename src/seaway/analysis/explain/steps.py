"""What an explanation is made of. A layer makes one step, and hands on to the next or ends the way.

Where proxies or Services choose among several places, each place has its own way, and `either` joins them: what differs between them is
told, and is no single verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from seaway.analysis.reach.because import Line
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.workload import PodName


class Verdict(Enum):
    """What becomes of it. `DENIED`: a policy says no. `REFUSED`: nobody takes it, and says so. `UNREACHABLE`: there is no way to anybody.
    `UNKNOWN`: it depends on what manifests do not say, or on which endpoint is chosen.
    """

    DELIVERED = "delivered"
    DENIED = "denied"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Layer(Enum):
    DNS = "dns"
    SERVICE = "service"
    EGRESS = "policy-egress"
    ROUTE = "route"
    MTLS = "mtls"
    INGRESS = "policy-ingress"
    LIMITS = "limits"
    AUTHORIZATION = "authz"
    ENDPOINT = "endpoint"


class Outcome(Enum):
    """`NOTE`: it goes on, and something may happen on the way."""

    PASSES = "passes"
    NOTE = "note"
    STOPS = "stops"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    layer: Layer
    outcome: Outcome
    text: str
    because: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Flip:
    """One change that is enough. `key` is the object to change, with the line."""

    text: str
    key: Key | None
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`status` is what a proxy answers by itself, None where it does not, or where the application answers.

    `destinations` are the pods that it may arrive at; one of them where it is delivered.
    """

    verdict: Verdict
    steps: tuple[Step, ...] = ()
    status: int | None = None
    destinations: tuple[PodName, ...] = ()
    flips: tuple[Flip, ...] = ()

    def after(self, *steps: Step) -> Explanation:
        """The same way, with these steps before."""
        return replace(self, steps=(*steps, *self.steps))


def passes(layer: Layer, text: str, *because: Line) -> Step:
    return Step(layer, Outcome.PASSES, text, because)


def note(layer: Layer, text: str, *because: Line) -> Step:
    return Step(layer, Outcome.NOTE, text, because)


def stopped(verdict: Verdict, step: Step, status: int | None = None, flips: tuple[Flip, ...] = ()) -> Explanation:
    """The end of a way at this step."""
    outcome = Outcome.UNKNOWN if verdict is Verdict.UNKNOWN else Outcome.STOPS
    return Explanation(verdict, (replace(step, outcome=outcome),), status, (), flips)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several places that it may go to: `name` says which, `share` how much of it goes there in percent."""

    name: str
    share: float
    way: Explanation


def either(layer: Layer, choices: tuple[Choice, ...]) -> Explanation:
    """The ways of all choices as one. Where all end alike, that is the end, told of the first; else it depends."""
    first = choices[0].way
    every = tuple(dict.fromkeys(pod for one in choices for pod in one.way.destinations))
    if all((one.way.verdict, one.way.status) == (first.verdict, first.status) for one in choices):
        return replace(first, destinations=every)
    ends = "; ".join(f"{one.share:.4g} % {one.name}: {_end(one.way)}" for one in choices)
    worst = next(one.way for one in choices if one.way.verdict is not Verdict.DELIVERED or one.way.status is not None)
    step = Step(layer, Outcome.UNKNOWN, f"it depends on the choice: {ends}")
    return Explanation(Verdict.UNKNOWN, (step, *worst.steps), None, every, worst.flips)


def _end(way: Explanation) -> str:
    return way.verdict.value + (f" ({way.status})" if way.status is not None else "")
