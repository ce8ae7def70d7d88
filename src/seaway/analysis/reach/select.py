"""Peers by what a user calls them."""

from __future__ import annotations

from seaway.analysis.reach.peers import Peer, PeerType
from seaway.core.cidr import parse_cidr
from seaway.core.errors import UsageError
from seaway.model.index import Model

HELP = "NAMESPACE, NAMESPACE/NAME of a workload or pod, NAMESPACE/KIND/NAME, an address, `outside` or `nodes`"


def select(peers: tuple[Peer, ...], wanted: str | None) -> int:
    """The set of positions of the peers that a word means; all where there is no word. Raises `UsageError` where it means nobody."""
    if wanted is None:
        return -1
    address = parse_cidr(wanted if "/" in wanted else f"{wanted}/32")
    found = 0
    for at, peer in enumerate(peers):
        if _holds(peer, address.first, address.last) if address is not None else _is(peer, wanted):
            found |= 1 << at
    if not found:
        raise UsageError(f"nothing here is called {wanted!r}", help=f"write {HELP}")
    return found


def _holds(peer: Peer, first: int, last: int) -> bool:
    ranges = (one for one in map(parse_cidr, peer.cidrs) if one is not None)
    return any(one.first <= last and one.last >= first for one in ranges)


def _is(peer: Peer, wanted: str) -> bool:
    match peer.type:
        case PeerType.CIDR:
            return wanted in ("outside", peer.id)
        case PeerType.ENTITY:
            return wanted in ("nodes", peer.id, peer.name)
        case PeerType.POD | PeerType.WORKLOAD:
            names = (peer.namespace, peer.id, f"{peer.namespace}/{peer.name}", *map(str, peer.pods))
            return wanted in names or wanted == peer.id.partition(" (")[0] or wanted == f"{peer.namespace}/{peer.name.partition(' (')[0]}"


def at_address(model: Model, wanted: str | None) -> str | None:
    """The pod that has an address, by its name; any other word as it is."""
    pod = model.pod_at.get(wanted) if wanted else None
    return str(pod.id) if pod is not None else wanted
