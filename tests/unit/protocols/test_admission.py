"""The search for culprits against oracles that know which sets Envoy would refuse."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.core.names import Key
from seaway.protocols.admission import Accepted, Admission, Outcome, Quarantine, Refused, Verdict, changed_keys


def key(number: int) -> Key:
    return Key("networking.k8s.io", "Ingress", "default", f"i{number:04}")


def keys(*numbers: int) -> frozenset[Key]:
    return frozenset(key(one) for one in numbers)


Oracle = Callable[[frozenset[Key]], Outcome]


def each_bad(*numbers: int, named: bool = False) -> Oracle:
    """Refuses any set that holds one of these; says which if `named`."""
    bad = keys(*numbers)

    def judge(tried: frozenset[Key]) -> Outcome:
        found = sorted(tried & bad)
        if not found:
            return Accepted()
        return Refused(" ".join(one.name for one in found), frozenset(found) if named else frozenset())

    return judge


def search(changes: range | list[int], judge: Oracle, first: Refused | None = None) -> tuple[Verdict, int]:
    """The verdict and the number of tries, checking that no set is tried twice and that accepted changes stay in."""
    every = [key(number) for number in changes]
    refusal = judge(frozenset(every))
    assert isinstance(refusal, Refused)
    admission = Admission(every, first or refusal)
    seen: set[frozenset[Key]] = set()
    live: frozenset[Key] = frozenset()
    step = admission.step
    while not isinstance(step, Verdict):
        assert step.changes not in seen
        assert step.changes >= live or not step.changes
        seen.add(step.changes)
        outcome = judge(step.changes)
        if isinstance(outcome, Accepted) and step.changes:
            live = step.changes
        step = admission.hear(outcome)
    return step, admission.tries


def culprits(verdict: Verdict) -> set[Key]:
    return {found for found, _ in verdict.culprits}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("where", [0.0, 0.33, 0.5, 1.0], ids=["first", "third", "middle", "last"])
def test_one_culprit_in_log_n_tries(size: int, where: float):
    guilty = round(where * (size - 1))
    verdict, tries = search(range(size), each_bad(guilty))
    assert culprits(verdict) == keys(guilty)
    assert verdict.good == keys(*range(size)) - keys(guilty)
    assert tries <= math.log2(size) + 2


def test_one_of_a_thousand_in_eleven_tries():
    assert max(search(range(1000), each_bad(guilty))[1] for guilty in (0, 1, 499, 500, 998, 999)) <= 11


def test_named_owners_make_it_one_try():
    verdict, tries = search(range(1000), each_bad(417, named=True))
    assert verdict.culprits == ((key(417), "i0417"),)
    assert tries == 1


def test_the_culprit_carries_envoys_words():
    assert search(range(8), each_bad(5))[0].culprits == ((key(5), "i0005"),)


@pytest.mark.parametrize(
    "guilty",
    [
        pytest.param((0, 1), id="neighbours"),
        pytest.param((3, 900), id="far apart"),
        pytest.param((1, 2, 3, 500, 999), id="five"),
        pytest.param(tuple(range(0, 1000, 100)), id="ten"),
    ],
)
@pytest.mark.parametrize("named", [False, True], ids=["silent", "named"])
def test_several_culprits(guilty: tuple[int, ...], named: bool):
    verdict, tries = search(range(1000), each_bad(*guilty, named=named))
    assert culprits(verdict) == keys(*guilty)
    assert verdict.good == keys(*range(1000)) - keys(*guilty)
    assert tries <= len(guilty) * (math.log2(1000) + 3)


def test_a_second_mistake_that_shows_only_when_the_first_is_gone():
    """Clusters are refused before routes are even sent: the route's owner is no suspect at first."""

    def judge(tried: frozenset[Key]) -> Outcome:
        for bad in (7, 70):
            if key(bad) in tried:
                return Refused(f"no {bad}", keys(bad))
        return Accepted()

    verdict, tries = search(range(100), judge)
    assert culprits(verdict) == keys(7, 70)
    assert tries <= 6


def test_wrong_suspects_are_cleared():
    """Envoy's words point at an innocent object: the guilty one is found all the same."""
    verdict, _ = search(range(50), each_bad(31), first=Refused("odd", keys(4)))
    assert culprits(verdict) == keys(31)


def test_a_pair_that_is_only_bad_together():
    verdict, tries = search(range(64), lambda tried: Refused("both") if keys(10, 50) <= tried else Accepted())
    assert len(culprits(verdict) & keys(10, 50)) == 1
    assert len(verdict.good) == 63
    assert tries <= 10


def test_a_change_that_needs_another_is_not_blamed():
    """10 is refused without 50; the real culprit is 30."""

    def judge(tried: frozenset[Key]) -> Outcome:
        return Refused("x") if key(30) in tried or (key(10) in tried and key(50) not in tried) else Accepted()

    verdict, _ = search(range(64), judge)
    assert culprits(verdict) == keys(30)
    assert key(10) in verdict.good


def test_every_object_bad():
    verdict, _ = search(range(16), each_bad(*range(16)))
    assert culprits(verdict) == keys(*range(16))
    assert verdict.good == frozenset()


def test_no_object_is_to_blame_if_the_last_good_is_refused_too():
    verdict, tries = search(range(1000), lambda _: Refused("cannot bind"))
    assert verdict == Verdict(frozenset(), (), "cannot bind")
    assert tries <= 13


def test_nothing_changed_and_refused_all_the_same():
    assert Admission((), Refused("cannot bind")).step == Verdict(frozenset(), (), "cannot bind")


@given(st.integers(1, 40), st.data())
def test_independent_culprits_are_found_exactly(size: int, data: st.DataObject):
    guilty = data.draw(st.sets(st.integers(0, size - 1), min_size=1))
    named = data.draw(st.booleans())
    verdict, _ = search(range(size), each_bad(*guilty, named=named))
    assert culprits(verdict) == keys(*guilty)
    assert verdict.good == keys(*range(size)) - keys(*guilty)


@given(st.integers(2, 24), st.data())
def test_any_interaction_ends_with_an_accepted_set(size: int, data: st.DataObject):
    """Refusals by arbitrary combinations, with owners that may mislead."""
    combinations = data.draw(st.lists(st.frozensets(st.integers(0, size - 1), min_size=1, max_size=3), min_size=1, max_size=4))
    hint = data.draw(st.frozensets(st.integers(0, size - 1), max_size=2))
    bad = [keys(*one) for one in combinations]

    def judge(tried: frozenset[Key]) -> Outcome:
        return Refused("no", keys(*hint)) if any(one <= tried for one in bad) else Accepted()

    verdict, tries = search(range(size), judge)
    assert isinstance(judge(verdict.good), Accepted)
    assert culprits(verdict).isdisjoint(verdict.good)
    assert verdict.good | culprits(verdict) == keys(*range(size))
    assert all(isinstance(judge(verdict.good | {one}), Refused) for one in culprits(verdict))
    assert tries <= 4 * size + 8


def test_changed_keys_hold_new_changed_and_deleted_ones():
    assert changed_keys({key(1): "a", key(2): "a", key(3): "a"}, {key(2): "b", key(3): "a", key(4): "a"}) == (key(1), key(2), key(4))


WANTED = {key(1): "v1", key(2): "v1"}


class TestQuarantine:
    held = Quarantine().holding([(key(1), "bad regex")], WANTED)

    def test_blocks_exactly_what_was_refused(self):
        assert self.held.blocks(key(1), "v1") == "bad regex"
        assert self.held.blocks(key(1), "v2") is None
        assert self.held.blocks(key(2), "v1") is None

    def test_the_rest_is_admitted(self):
        assert self.held.admitted({}, WANTED) == keys(2)
        assert self.held.admitted({key(1): "v0"}, {**WANTED, key(1): "v2"}) == keys(1, 2)

    @pytest.mark.parametrize(("now", "left"), [({key(1): "v1"}, 1), ({key(1): "v2"}, 0), ({}, 0)], ids=["unchanged", "changed", "deleted"])
    def test_is_forgotten_when_the_object_changes(self, now: dict[Key, str], left: int):
        assert len(self.held.refreshed(now).entries) == left

    def test_a_refused_deletion_is_held_until_the_object_is_back(self):
        held = Quarantine().holding([(key(9), "in use")], {})
        assert held.admitted({key(9): "v1"}, {}) == frozenset()
        assert held.refreshed({key(9): "v2"}).entries == {}

    def test_values_are_not_changed_in_place(self):
        assert Quarantine().entries == {}
        assert len(self.held.entries) == 1
