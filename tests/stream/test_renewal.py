"""When certificates are asked for: half lives, jitter, refusals, and clocks that are set. No clock, no key."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pytest

from seaway.protocols.renewal import AT_ONCE, GLANCE_S, UNANSWERED_S, Instant, Renewals

HOUR, DAY = 3600.0, 86400.0
A, B = "spiffe://td/ns/x/sa/a", "spiffe://td/ns/x/sa/b"


class Node:
    """A node's renewals with a wall clock that can be set, beside one that cannot."""

    def __init__(self, draw: Callable[[], float] = lambda: 0.5, backdate: float = 2 * HOUR) -> None:
        self.renewals = Renewals(draw)
        self.steady, self.wall, self.backdate = 100.0, 1_000_000.0, backdate

    @property
    def at(self) -> Instant:
        return Instant(self.wall, self.steady)

    def after(self, seconds: float) -> Node:
        self.steady += seconds
        self.wall += seconds
        return self

    def sets_clock(self, seconds: float) -> Node:
        self.wall += seconds
        return self

    def due(self) -> tuple[str, ...]:
        return self.renewals.due(self.at)

    def issue(self, *identities: str, life: float = DAY) -> Node:
        for one in identities:
            self.renewals.issued(one, self.wall - self.backdate, self.wall + life, self.at)
        return self

    def has(self, *identities: str) -> Node:
        self.renewals.want(identities)
        assert set(self.due()) == set(identities)
        return self.issue(*identities)


def test_what_is_wanted_is_asked_for_once() -> None:
    node = Node()
    node.renewals.want([A, B])
    assert node.due() == (A, B)
    assert node.due() == ()


def test_what_is_not_answered_is_asked_for_again() -> None:
    node = Node()
    node.renewals.want([A])
    assert node.due() == (A,)
    assert node.after(UNANSWERED_S - 1).due() == ()
    assert node.after(1).due() == (A,)


def test_renewal_is_at_half_life() -> None:
    node = Node().has(A)
    assert node.after(DAY / 2 - 1).due() == ()
    assert node.after(1).due() == (A,)


def test_those_that_began_together_do_not_end_together() -> None:
    draws = cycle((0.0, 0.5, 1.0, 0.5))
    node = Node(draw=lambda: next(draws)).has(A, B)
    assert node.after(DAY * 0.4).due() == (A,)
    assert node.issue(A).after(DAY * 0.2).due() == (B,)


def test_a_node_asks_for_few_at_a_time() -> None:
    many = [f"spiffe://td/ns/x/sa/{number:03}" for number in range(3 * AT_ONCE)]
    node = Node()
    node.renewals.want(many)
    first = node.due()
    assert first == tuple(many[:AT_ONCE])
    assert node.due() == ()
    assert node.issue(first[0]).due() == (many[AT_ONCE],)


def test_those_without_a_certificate_come_first() -> None:
    many = [f"spiffe://td/ns/x/sa/{number:03}" for number in range(AT_ONCE)]
    node = Node().has(*many).after(DAY / 2)
    new = "spiffe://td/ns/zz/sa/new"
    node.renewals.want([*many, new])
    assert node.due()[0] == new


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 60.0])
def test_a_clock_that_is_set_by_an_hour_renews_nothing(jump: float) -> None:
    node = Node().has(A, B).after(HOUR)
    assert node.sets_clock(jump).due() == ()
    assert node.after(DAY / 2 - HOUR - 1).due() == ()


@pytest.mark.parametrize("jump", [400 * DAY, -3 * HOUR, DAY - HOUR])
def test_a_clock_that_makes_certificates_invalid_renews_them_a_few_at_a_time(jump: float) -> None:
    many = [f"spiffe://td/ns/x/sa/{number:03}" for number in range(2 * AT_ONCE)]
    node = Node()
    node.renewals.want(many)
    while due := node.due():
        node.issue(*due)
    assert len(node.sets_clock(jump).due()) == AT_ONCE


def test_a_clock_that_is_set_is_noticed_soon() -> None:
    node = Node().has(A)
    assert node.renewals.wait_s(node.at) == GLANCE_S


def test_short_lives_are_kept_to() -> None:
    node = Node(backdate=0.2).has()
    node.renewals.want([A])
    node.due()
    node.issue(A, life=2)
    assert node.renewals.wait_s(node.at) == pytest.approx(1)
    assert node.after(1.001).due() == (A,)


def test_a_refusal_is_tried_again_ever_more_seldom() -> None:
    node = Node()
    node.renewals.want([A])
    assert node.due() == (A,)
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        node.renewals.refused(A, node.at)
        assert node.after(pause - 0.01).due() == ()
        assert node.after(0.01).due() == (A,)


def test_new_orders_try_what_was_refused_at_once() -> None:
    node = Node()
    node.renewals.want([A])
    node.due()
    node.renewals.refused(A, node.at)
    node.renewals.want([A])
    assert node.due() == (A,)


def test_what_is_not_wanted_any_more_is_forgotten() -> None:
    node = Node().has(A)
    node.renewals.want([])
    assert node.after(DAY).due() == ()
    node.renewals.want([A])
    assert node.due() == (A,)


def test_an_answer_that_nobody_waits_for_any_more_is_dropped() -> None:
    node = Node()
    node.renewals.want([A])
    node.due()
    node.renewals.want([])
    node.issue(A)
    node.renewals.want([A])
    assert node.due() == (A,)
