"""Which objects does Envoy refuse? Group testing by bisection over what it accepted last, and the memory of what was found.

Sans-I/O: `Admission` says what to try (`Try`), hears what came of it, and ends with a `Verdict`. A try is a set of changed objects over the
last good contents; what was accepted stays in every later try, so good changes are live while the search goes on. One culprit among n
takes at most log2(n) + 2 tries. Compiling and publishing a try is the control loop's matter.

After D.-Z. Du and F. K. Hwang, "Combinatorial Group Testing and Its Applications", chapter 3 (generalized binary splitting).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field

from seaway.core.names import Key

ABSENT = ""
"""Digest of an object that is not there: a deletion is a change like any other."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Envoy took the whole of the try."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Envoy refused a part. `owners` are the objects behind what it refused: they narrow the search, and may be empty."""

    message: str
    owners: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Try:
    """Apply these changes, and only these, over the last good contents; publish; report the outcome."""

    changes: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`good` changes are accepted together: publish these, since the last try may have been a refused one.

    Each of `culprits` is refused on top of them, with Envoy's last words about it.
    `unexplained` is set, and there are no culprits, if Envoy refused even the last good contents: then no object is to blame.
    """

    good: frozenset[Key]
    culprits: tuple[tuple[Key, str], ...] = ()
    unexplained: str = ""


Outcome = Accepted | Refused


def changed_keys(last_good: Mapping[Key, str], wanted: Mapping[Key, str]) -> tuple[Key, ...]:
    """Keys whose digest differs, sorted; new and deleted ones too."""
    keys = sorted(last_good.keys() | wanted.keys())
    return tuple(key for key in keys if last_good.get(key, ABSENT) != wanted.get(key, ABSENT))


class Admission:
    """One search. `changes` are all changed objects, which Envoy has just refused with `first`.

    `step` is the first try, or the verdict if none is needed; `hear` takes the outcome of a try and returns what is next.
    """

    def __init__(self, changes: Iterable[Key], first: Refused) -> None:
        ordered = tuple(dict.fromkeys(changes))
        self._search = _Search(ordered, first).run()
        self.tries = 0
        self.step: Try | Verdict
        try:
            self.step = next(self._search)
        except StopIteration as end:
            self.step = end.value

    def hear(self, outcome: Outcome) -> Try | Verdict:
        """What follows from the outcome of the try in `step`, which it replaces."""
        assert isinstance(self.step, Try), "the search has ended"
        self.tries += 1
        try:
            self.step = self._search.send(outcome)
        except StopIteration as end:
            self.step = end.value
        return self.step


_Asking = Generator[Try, Outcome, Outcome]


@dataclass(slots=True)
class _Search:
    """Every change is in one of five places: accepted, presumed innocent, unclear, in a guilty group, or found to be a culprit.

    A guilty group was refused as a whole; `unclear` waits to be tried together.
    """

    changes: tuple[Key, ...]
    first: Refused
    good: frozenset[Key] = frozenset()
    innocent: frozenset[Key] = frozenset()
    unclear: tuple[Key, ...] = ()
    guilty: list[tuple[tuple[Key, ...], str]] = field(default_factory=list[tuple[tuple[Key, ...], str]])
    culprits: dict[Key, str] = field(default_factory=dict[Key, str])
    refused: dict[frozenset[Key], Refused] = field(default_factory=dict[frozenset[Key], Refused])
    any_accepted: bool = False

    def run(self) -> Generator[Try, Outcome, Verdict]:
        """The whole search."""
        if not self.changes:
            return Verdict(frozenset(), (), self.first.message)
        self.refused[frozenset(self.changes)] = self.first
        self.unclear = self.changes
        self._blame(self.changes, self.first)
        self.innocent, self.unclear = frozenset(self.unclear), ()
        while self.guilty or self.unclear or self.innocent:
            if self.guilty:
                yield from self._split()
                continue
            outcome = yield from self._ask(self.unclear)
            if isinstance(outcome, Refused):
                if not self.any_accepted and not (yield from self._last_good_holds()):
                    return Verdict(frozenset(), (), outcome.message)
                self._blame((*self.unclear, *sorted(self.innocent)), outcome)
        if not self.any_accepted and not (yield from self._last_good_holds()):
            return Verdict(frozenset(), (), self.refused[frozenset()].message)
        yield from self._confirm()
        return Verdict(self.good, tuple(sorted(self.culprits.items())))

    def _ask(self, suspects: tuple[Key, ...]) -> _Asking:
        """Tries these on top of all that is good or presumed so. What Envoy has already refused is not tried again."""
        tried = self.good | self.innocent | frozenset(suspects)
        if tried in self.refused:
            return self.refused[tried]
        outcome = yield Try(tried)
        match outcome:
            case Accepted():
                self.any_accepted = True
                self.good, self.innocent = tried, frozenset()
                self.unclear = tuple(key for key in self.unclear if key not in tried)
            case Refused():
                self.refused[tried] = outcome
        return outcome

    def _split(self) -> Generator[Try, Outcome, None]:
        """Halves one guilty group; a group of one is a culprit."""
        group, message = self.guilty.pop()
        if len(group) == 1:
            self.culprits[group[0]] = message
            return
        middle = len(group) // 2
        left, right = group[:middle], group[middle:]
        outcome = yield from self._ask(left)
        match outcome:
            case Accepted():
                self.guilty.append((right, message))  # the whole was refused, and this is all that is missing from it
            case Refused(owners=owners) if owners and not owners & frozenset(left) and owners & self.innocent:
                # Something else is wrong too, that Envoy had not come to before: set it aside, and ask about this group again.
                self.guilty.append((group, message))
                self._blame(tuple(sorted(self.innocent)), outcome)
            case Refused():
                self.unclear = (*self.unclear, *right)
                self._blame(left, outcome)

    def _blame(self, suspects: tuple[Key, ...], outcome: Refused) -> None:
        """Makes the owners among these suspects a guilty group, or all of them if Envoy's words point at none; the rest is unclear."""
        named = tuple(key for key in suspects if key in outcome.owners) or suspects
        self.guilty.append((named, outcome.message))
        rest = tuple(key for key in suspects if key not in named and key not in self.innocent)
        self.unclear = tuple(key for key in self.unclear if key not in suspects) + rest
        self.innocent -= frozenset(named)

    def _last_good_holds(self) -> Generator[Try, Outcome, bool]:
        """Whether Envoy still takes the contents that it took last; if not, the reason lies outside of the objects."""
        outcome: Outcome | None = self.refused.get(frozenset())
        if outcome is None:
            outcome = yield Try(frozenset())
            if isinstance(outcome, Refused):
                self.refused[frozenset()] = outcome
        self.any_accepted = isinstance(outcome, Accepted)
        return self.any_accepted

    def _confirm(self) -> Generator[Try, Outcome, None]:
        """Tries each culprit once more on top of all that is good: it may have been refused for want of something accepted later."""
        for key in tuple(self.culprits):
            outcome = yield from self._ask((key,))
            match outcome:
                case Accepted():
                    del self.culprits[key]
                case Refused(message):
                    self.culprits[key] = message


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Objects that Envoy refused: key -> (digest refused, Envoy's words). One with another digest is a new object, and is let through."""

    entries: Mapping[Key, tuple[str, str]] = field(default_factory=dict[Key, tuple[str, str]])

    def holding(self, culprits: Iterable[tuple[Key, str]], wanted: Mapping[Key, str]) -> Quarantine:
        """With these culprits of a verdict too, as they stand in `wanted`."""
        return Quarantine({**self.entries, **{key: (wanted.get(key, ABSENT), message) for key, message in culprits}})

    def refreshed(self, wanted: Mapping[Key, str]) -> Quarantine:
        """Without objects that have changed or gone since: they are to be tried anew."""
        return Quarantine({key: held for key, held in self.entries.items() if wanted.get(key, ABSENT) == held[0]})

    def blocks(self, key: Key, digest: str) -> str | None:
        """Envoy's words if exactly this was refused, else None."""
        held = self.entries.get(key)
        return held[1] if held is not None and held[0] == digest else None

    def admitted(self, last_good: Mapping[Key, str], wanted: Mapping[Key, str]) -> frozenset[Key]:
        """The changes that may be applied over the last good contents: all but those that are held here."""
        return frozenset(key for key in changed_keys(last_good, wanted) if self.blocks(key, wanted.get(key, ABSENT)) is None)
