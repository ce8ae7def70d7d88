"""What is kept of flows, and who hears of new ones."""

from __future__ import annotations

from seaway.drivers.flows.ring import Batch, Ring


def test_the_oldest_go_first() -> None:
    ring = Ring(most_bytes=10)
    for letter in b"abcd":
        ring.add(Batch("outbound", bytes([letter]) * 4))
    assert [one.message for one in ring.batches] == [b"cccc", b"dddd"]


def test_one_is_kept_however_large_it_is() -> None:
    ring = Ring(most_bytes=10)
    ring.add(Batch("outbound", b"a" * 4))
    ring.add(Batch("outbound", b"b" * 11))
    assert [len(one.message) for one in ring.batches] == [11]


def test_followers_hear_of_what_comes_until_they_leave() -> None:
    ring, heard = Ring(), list[Batch]()
    first, second = Batch("inbound", b"1"), Batch("inbound", b"2")
    leave = ring.follow(heard.append)
    ring.add(first)
    leave()
    ring.add(second)
    assert (heard, ring.batches) == ([first], (first, second))
