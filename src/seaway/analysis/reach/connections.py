"""The connections that are allowed, grouped: many sources, one destination, one protocol, its ports, and the lines that let them.

Left out are pairs that nobody asks about: a pod to itself, and two ends of which neither is a pod.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from seaway.analysis.reach.because import Because, cause_lines, why_allowed, why_denied
from seaway.analysis.reach.groups import Groups
from seaway.analysis.reach.peers import Peer
from seaway.model.index import Model
from seaway.model.policies.causes import Reason
from seaway.model.policies.language import WITH_PORTS, Direction, Transport
from seaway.model.policies.verdicts import PortVerdict, Verdicts

Span = tuple[int, int]
FIRST_PORT, LAST_PORT = 1, 65535
EVERY_PORT: tuple[Span, ...] = ((FIRST_PORT, LAST_PORT),)


@dataclass(frozen=True, slots=True)
class Piece:
    """Ports of one protocol that pass, or do not, for the same reason. `audited`: policies that only report would drop it.

    `own_node`: they pass whatever policies say.
    """

    protocol: Transport
    ports: tuple[Span, ...]
    because: Because
    audited: bool = False
    own_node: bool = False


@dataclass(frozen=True, slots=True)
class Connection:
    """From each of the `sources` (a set of positions of peers) to the peer at `to`. `denied` is what rules deny by name."""

    sources: int
    to: int
    pieces: tuple[Piece, ...]
    denied: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    peers: tuple[Peer, ...]
    connections: tuple[Connection, ...]


Passing = tuple[tuple[Piece, ...], tuple[Piece, ...]]
"""What passes, and what rules deny."""

OWN_NODE: Passing = (tuple(Piece(one, EVERY_PORT, (), own_node=True) for one in WITH_PORTS), ())
"""Between a pod and its own node nothing is policed."""


def find_reach(model: Model, peers: tuple[Peer, ...], sources: int = -1, targets: int = -1) -> Reach:
    """All connections from peers of one set of positions to peers of another. The peers are those of this model alone."""
    return Reach(peers, tuple(_connections(model, peers, sources, targets)))


def _connections(model: Model, peers: tuple[Peer, ...], sources: int, targets: int) -> Iterator[Connection]:
    groups = Groups(model.verdicts, tuple(one.identities[0] for one in peers))
    near = Near(peers)
    pieces = Pieces()
    known: dict[int, list[tuple[int, Passing]]] = {}
    for to, peer in enumerate(peers):
        identity = peer.identities[0]
        if not targets >> to & 1 or identity is None:
            continue
        if identity not in known:
            known[identity] = pieces.joined(groups.into(identity))
        wanted, own = sources & near.sources(to), sources & near.own_node(to)
        for mask, passing in (*known[identity], (own, OWN_NODE)):
            if here := mask & wanted & (~own if passing is not OWN_NODE else -1):
                yield Connection(here, to, *passing)


class Near:
    """Which pairs there are: by position of the destination, sets of sources."""

    def __init__(self, peers: tuple[Peer, ...]) -> None:
        self._peers = peers
        self._policed = sum(1 << at for at, one in enumerate(peers) if one.policed)
        self._pods = sum(1 << at for at, one in enumerate(peers) if one.is_pods)
        self._every = (1 << len(peers)) - 1
        on_node: defaultdict[str, int] = defaultdict(int)
        for at, one in enumerate(peers):
            for node in one.nodes:
                on_node[node] |= 1 << at
        self._on_node = on_node

    def sources(self, to: int) -> int:
        """Those that a connection to it can be about."""
        one = self._peers[to]
        every = self._every if one.is_pods else self._pods
        alone = not one.is_pods or len(one.pods) == 1
        return every & ~(1 << to) if alone else every

    def own_node(self, to: int) -> int:
        """Those of its node, where one of the two is a node, or in its network."""
        one = self._peers[to]
        here = 0
        for node in one.nodes:
            here |= self._on_node[node]
        return here & self.sources(to) & (~self._policed if one.policed else self._policed)


class Pieces:
    """What passes of verdicts, worked out once for each; equal ones are one object."""

    def __init__(self) -> None:
        self._one: dict[Passing, Passing] = {}
        self._known: dict[int, tuple[Verdicts, Passing]] = {}  # holds the verdicts, so that no others get their id

    def of(self, verdicts: Verdicts) -> Passing:
        known = self._known.get(id(verdicts))
        if known is None:
            passing = tuple(_pieces(one for one in verdicts if one.allowed))
            found = (passing, tuple(_pieces(one for one in verdicts if _is_denied(one))))
            known = self._known[id(verdicts)] = (verdicts, self._one.setdefault(found, found))
        return known[1]

    def joined(self, groups: Iterable[tuple[int, Verdicts]]) -> list[tuple[int, Passing]]:
        """The groups in which something passes, or is denied by name; one for all that are alike."""
        found: dict[int, tuple[int, Passing]] = {}
        for mask, verdicts in groups:
            passing = self.of(verdicts)
            if any(passing):
                found[id(passing)] = (found.get(id(passing), (0, passing))[0] | mask, passing)
        return list(found.values())


def _is_denied(one: PortVerdict) -> bool:
    return Reason.DENIED in (one.egress.reason, one.ingress.reason)


def _pieces(verdicts: Iterable[PortVerdict]) -> Iterator[Piece]:
    found: dict[tuple[Transport, Because, bool], list[Span]] = {}
    for one in verdicts:
        if one.protocol in WITH_PORTS and one.last >= FIRST_PORT:
            why = why_allowed(one) if one.allowed else why_denied(one)
            add_span(found.setdefault((one.protocol, why, one.audited), []), _span(one))
    for (protocol, because, audited), spans in found.items():
        yield Piece(protocol, tuple(spans), because, audited)


def _span(one: PortVerdict) -> Span:
    return max(one.first, FIRST_PORT), one.last


def add_span(spans: list[Span], span: Span) -> None:
    """At the end of ascending ones; joined to the last where they meet."""
    if spans and spans[-1][1] + 1 == span[0]:
        spans[-1] = (spans[-1][0], span[1])
    else:
        spans.append(span)


def list_isolated(model: Model, peers: tuple[Peer, ...]) -> Iterator[tuple[int, Direction, Because]]:
    """Peers (by position) to or from which only what rules allow passes, with the policies that make it so."""
    table = model.verdicts
    for at, peer in enumerate(peers):
        position = table.known.position.get(peer.identities[0] or 0)
        for direction, sides in ((Direction.EGRESS, table.egress), (Direction.INGRESS, table.ingress)):
            side = sides[position] if position is not None else None
            answers = (answer.cause for _, some in side.parts for answer in some) if side is not None else ()
            default = next((cause for cause in answers if cause.reason is Reason.DEFAULT_DENY), None)
            if default is not None:
                yield at, direction, cause_lines(default, direction)


def ports_text(ports: tuple[Span, ...]) -> str:
    """`80,8080-8090`."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ports)
