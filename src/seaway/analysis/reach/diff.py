"""What a change of manifests opens and closes: the pairs and ports whose verdict differs, with the lines before and after.

Peers are cut wherever either side cuts them. A workload that only one side has opens or closes all that it may or might.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seaway.analysis.reach.because import Because, why_allowed, why_denied
from seaway.analysis.reach.connections import FIRST_PORT, Near, Span, add_span, ports_text
from seaway.analysis.reach.document import because_document, peer_document
from seaway.analysis.reach.groups import Groups
from seaway.analysis.reach.peers import Peer, list_peers
from seaway.analysis.reach.select import select
from seaway.model.index import Model
from seaway.model.policies.language import WITH_PORTS, Transport
from seaway.model.policies.masks import bits
from seaway.model.policies.verdicts import PortVerdict, Verdicts


@dataclass(frozen=True, slots=True)
class Change:
    """Ports of one protocol that were shut and are open, or the reverse. `was` is why it was so, `because` why it is so now."""

    opened: bool
    protocol: Transport
    ports: tuple[Span, ...]
    was: Because
    because: Because


Opened = tuple[tuple[Transport, int, int], ...]
"""Ports of protocols."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Of the pairs from `sources` (positions) to one peer."""

    sources: int
    to: int
    changes: tuple[Change, ...]


def diff_document(
    before: Model, after: Model, by_pod: bool = False, source: str | None = None, target: str | None = None
) -> dict[str, Any]:
    """`seaway reach --diff -o json`."""
    peers = list_peers((before, after), by_pod)
    changes = tuple(_changes(before, after, peers, (select(peers, source), select(peers, target))))
    return {
        "peers": [peer_document(one) for one in peers],
        "added": [one.id for one in peers if one.is_pods and one.identities[0] is None],
        "removed": [one.id for one in peers if one.is_pods and one.identities[1] is None],
        "opened": list(_told(peers, changes, opened=True)),
        "closed": list(_told(peers, changes, opened=False)),
    }


def _changes(before: Model, after: Model, peers: tuple[Peer, ...], wanted: tuple[int, int]) -> Iterator[Changes]:
    sources, targets = wanted
    old, new = (Groups(model.verdicts, tuple(one.identities[at] for one in peers)) for at, model in enumerate((before, after)))
    near = Near(peers)
    known: dict[tuple[int, int], tuple[Verdicts, Verdicts, tuple[Change, ...]]] = {}  # holds the verdicts, so that no others get their id
    for to, peer in enumerate(peers):
        pairs = sources & near.sources(to) & ~near.own_node(to)
        if not targets >> to & 1:
            continue
        first, second = (complete(groups, peer.identities[at], pairs) for at, groups in enumerate((old, new)))
        joined: dict[tuple[Change, ...], int] = {}
        for source in bits(_differing(first, second)):
            was, now = old.between(source, to), new.between(source, to)
            key = (id(was), id(now))
            if key not in known:
                known[key] = (was, now, tuple(_compared(was, now)))
            joined[known[key][2]] = joined.get(known[key][2], 0) | 1 << source
        yield from (Changes(mask, to, changes) for changes, mask in joined.items() if changes)


def complete(groups: Groups, identity: int | None, pairs: int) -> dict[Opened, int]:
    """Sources by what is open to them; together all of the pairs."""
    found: defaultdict[Opened, int] = defaultdict(int)
    rest = pairs
    for mask, verdicts in groups.into(identity) if identity is not None else ():
        found[tuple((one.protocol, one.first, one.last) for one in verdicts if one.allowed)] |= mask & pairs
        rest &= ~mask
    found[()] |= rest
    return found


def _differing(first: dict[Opened, int], second: dict[Opened, int]) -> int:
    """The sources to which not the same is open. Cuts of ports that mean nothing are let through: they are compared once more."""
    same = 0
    for opened, mask in first.items():
        same |= mask & second.get(opened, 0)
    every = 0
    for mask in first.values():
        every |= mask
    return every & ~same


def _compared(was: Verdicts, now: Verdicts) -> Iterator[Change]:
    found: dict[tuple[bool, Transport, Because, Because], list[Span]] = {}
    for old, new, span in _side_by_side(was, now):
        before, after = old is not None and old.allowed, new is not None and new.allowed
        some = new or old
        if before != after and some is not None and some.protocol in WITH_PORTS and span[1] >= FIRST_PORT:
            key = (after, some.protocol, _why(old), _why(new))
            add_span(found.setdefault(key, []), (max(span[0], FIRST_PORT), span[1]))
    for (opened, protocol, its_was, because), spans in found.items():
        yield Change(opened, protocol, tuple(spans), its_was, because)


def _why(verdict: PortVerdict | None) -> Because:
    if verdict is None:
        return ()
    return why_allowed(verdict) if verdict.allowed else why_denied(verdict)


def _side_by_side(was: Verdicts, now: Verdicts) -> Iterator[tuple[PortVerdict | None, PortVerdict | None, Span]]:
    """Both, cut where either changes; both are complete and in the same order, but for one that is not there."""
    if not was or not now:
        yield from ((old, None, (old.first, old.last)) for old in was)
        yield from ((None, new, (new.first, new.last)) for new in now)
        return
    at = other = 0
    while at < len(was) and other < len(now):
        old, new = was[at], now[other]
        last = min(old.last, new.last)
        yield old, new, (max(old.first, new.first), last)
        at += old.last == last
        other += new.last == last


def _told(peers: tuple[Peer, ...], changes: tuple[Changes, ...], opened: bool) -> Iterator[dict[str, Any]]:
    told: dict[Because, list[dict[str, Any]]] = {}
    for some in changes:
        for one in some.changes:
            if one.opened is not opened:
                continue
            rest = {
                "to": peers[some.to].id,
                "protocol": one.protocol.value,
                "ports": ports_text(one.ports),
                "because": because_document(one.because, told),
                "was": because_document(one.was, told),
            }
            for source in bits(some.sources):
                yield {"from": peers[source].id, **rest}
