"""`seaway reach -o json`: the shapes that scripts read, and that the other renderings are made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seaway.analysis.reach.because import Because, line_document, reference
from seaway.analysis.reach.connections import Reach, find_reach, list_isolated, ports_text
from seaway.analysis.reach.entries import Entry, ServicePlace, list_entries, list_services
from seaway.analysis.reach.peers import Peer, list_peers
from seaway.analysis.reach.select import at_address, select
from seaway.core.names import Key
from seaway.model.index import Model
from seaway.model.policies.masks import bits

Document = dict[str, Any]


def reach_document(model: Model, by_pod: bool = False, source: str | None = None, target: str | None = None) -> Document:
    """All pairs, one a connection. Raises `UsageError` where `source` or `target` names nobody."""
    peers = list_peers((model,), by_pod)
    sources, targets = select(peers, at_address(model, source)), select(peers, at_address(model, target))
    reach = find_reach(model, peers, sources, targets)
    return {
        "peers": [peer_document(one) for one in peers],
        "connections": list(_connections(reach, denied=False)),
        "denied": list(_connections(reach, denied=True)),
        "isolated": [
            {"peer": peers[at].id, "direction": direction.value, "because": [line_document(line) for line in because]}
            for at, direction, because in list_isolated(model, peers)
        ],
        "services": [_service(one, peers) for one in list_services(model, peers)],
        "entries": [_entry(one, peers) for one in list_entries(model, peers) if sources >> one.gateway & targets >> one.to & 1],
    }


def peer_document(peer: Peer) -> Document:
    more = {"workload": {"kind": peer.kind, "pods": [one.name for one in peer.pods]}, "cidr": {"cidrs": list(peer.cidrs)}}
    return {
        "id": peer.id,
        "type": peer.type.value,
        "namespace": peer.namespace,
        "name": peer.name,
        "labels": dict(peer.labels),
        **more.get(peer.type.value, {}),
    }


def _connections(reach: Reach, denied: bool) -> Iterator[Document]:
    told: dict[Because, list[Document]] = {}
    for one in reach.connections:
        for piece in one.denied if denied else one.pieces:
            rest: Document = {
                "to": reach.peers[one.to].id,
                "protocol": piece.protocol.value,
                "ports": ports_text(piece.ports),
                "because": because_document(piece.because, told),
                **({"audited": True} if piece.audited else {}),
                **({"ownNode": True} if piece.own_node else {}),
            }
            for source in bits(one.sources):
                yield {"from": reach.peers[source].id, **rest}


def because_document(because: Because, told: dict[Because, list[Document]]) -> list[Document]:
    """Equal ones are one list: there are many connections and few reasons."""
    known = told.get(because)
    if known is None:
        known = told[because] = [line_document(line) for line in because]
    return known


def _service(one: ServicePlace, peers: tuple[Peer, ...]) -> Document:
    return {
        **reference(Key("", "Service", one.service.namespace, one.service.name), one.origin),
        "port": one.port,
        "protocol": one.protocol,
        "to": [{"peer": peers[at].id, "port": port} for at, port in one.to],
    }


def _entry(one: Entry, peers: tuple[Peer, ...]) -> Document:
    return {
        "from": peers[one.gateway].id,
        "host": one.host,
        "path": one.path,
        "service": one.leads_by,
        "to": peers[one.to].id,
        "port": one.port,
        "allowed": one.allowed,
        **({"partly": True} if one.partly else {}),
        "route": reference(one.owner, one.origin),
        "because": [line_document(line) for line in one.because],
    }
