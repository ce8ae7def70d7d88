"""What a change opens and closes without its reasons: sets of sources with the same ports, so that it stays small where almost every pair
of a large cluster changes. With reasons it is `diff.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from seaway.analysis.reach.connections import FIRST_PORT, Near, Span, add_span, ports_text
from seaway.analysis.reach.diff import Opened, complete
from seaway.analysis.reach.document import peer_document
from seaway.analysis.reach.groups import Groups
from seaway.analysis.reach.peers import Peer, list_peers
from seaway.model.index import Model
from seaway.model.policies.language import WITH_PORTS, Transport
from seaway.model.policies.masks import bits

Ports = tuple[tuple[Transport, tuple[Span, ...]], ...]
_Ways = tuple[Ports, Ports]


def changed_document(before: Model, after: Model) -> dict[str, Any]:
    """`peers`, and `opened` and `closed` as `{"from": [id], "to": id, "protocol", "ports"}`; `pairs` counts those that they concern."""
    peers = list_peers((before, after), by_pod=False)
    changes = list(_changes(before, after, peers))
    return {
        "peers": [peer_document(one) for one in peers],
        **{word: list(_told(peers, changes, at)) for at, word in enumerate(("opened", "closed"))},
        "pairs": {word: sum(mask.bit_count() for mask, _, ways in changes if ways[at]) for at, word in enumerate(("opened", "closed"))},
    }


def _changes(before: Model, after: Model, peers: tuple[Peer, ...]) -> Iterator[tuple[int, int, _Ways]]:
    """Sources (a set of positions), the destination, and what opened and closed from the ones to the other."""
    old, new = (Groups(model.verdicts, tuple(one.identities[at] for one in peers)) for at, model in enumerate((before, after)))
    near = Near(peers)
    known: dict[tuple[Opened, Opened], _Ways] = {}
    for to, peer in enumerate(peers):
        pairs = near.sources(to) & ~near.own_node(to)
        first, second = (complete(groups, peer.identities[at], pairs) for at, groups in enumerate((old, new)))
        joined: defaultdict[_Ways, int] = defaultdict(int)
        for was, its_mask in first.items():
            for now, mask in second.items():
                if (was != now) and (both := its_mask & mask):
                    if (was, now) not in known:
                        known[was, now] = (_without(now, was), _without(was, now))
                    joined[known[was, now]] |= both
        yield from ((mask, to, ways) for ways, mask in joined.items() if any(ways))


def _without(some: Opened, others: Opened) -> Ports:
    """Ports of the ones that are none of the others; both ascend within a protocol."""
    found: dict[Transport, list[Span]] = {}
    for transport, first, last in some:
        if transport in WITH_PORTS:
            start = max(first, FIRST_PORT)
            for _, other_first, other_last in (one for one in others if one[0] is transport and one[2] >= start and one[1] <= last):
                if start < other_first:
                    add_span(found.setdefault(transport, []), (start, other_first - 1))
                start = max(start, other_last + 1)
            if start <= last:
                add_span(found.setdefault(transport, []), (start, last))
    return tuple((transport, tuple(spans)) for transport, spans in found.items())


def _told(peers: tuple[Peer, ...], changes: list[tuple[int, int, _Ways]], at: int) -> Iterator[dict[str, Any]]:
    for mask, to, ways in changes:
        sources = [peers[source].id for source in bits(mask)] if ways[at] else []
        for transport, spans in ways[at]:
            yield {"from": sources, "to": peers[to].id, "protocol": transport.value, "ports": ports_text(spans)}
