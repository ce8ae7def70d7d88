"""The document of `seaway reach` for other programs: JSON, CSV, and Graphviz' dot."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import msgspec

from seaway.analysis.reach.tables import reason_of, space_of

Document = dict[str, Any]


def render_json(document: Document) -> str:
    """Indented; of many thousand connections, too, in little time."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def render_csv(document: Document) -> str:
    """A row a connection, ids as in the JSON document."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("from", "to", "protocol", "ports", "because"))
    for one in document["connections"]:
        writer.writerow((one["from"], one["to"], one["protocol"], one["ports"], reason_of(one)))
    return text.getvalue()


def render_dot(document: Document) -> str:
    """A cluster a namespace; an edge a pair, with what passes. A peer that everyone reaches on all ports has no edges, and says so."""
    edges = edges_of(document)
    lines = ["digraph reach {", '  rankdir="LR"; node [shape="box", style="rounded", fontname="sans-serif"]; edge [fontname="sans-serif"];']
    for space, members in spaces_of(document).items():
        lines.append(f"  subgraph {_quoted('cluster ' + space)} {{")
        lines.append(f"    label={_quoted(space)};")
        lines += [f"    {_quoted(one['id'])} [label={_quoted(_label(one, edges))}];" for one in members]
        lines.append("  }")
    for (source, target), ports in edges.pairs.items():
        lines.append(f"  {_quoted(source)} -> {_quoted(target)} [label={_quoted(ports)}];")
    return "\n".join((*lines, "}", ""))


class Edges:
    """Pairs with their ports, and apart from them the peers that everyone reaches on all ports."""

    def __init__(self, pairs: dict[tuple[str, str], str], open_to_all: frozenset[str]) -> None:
        self.pairs = pairs
        self.open_to_all = open_to_all


def edges_of(document: Document) -> Edges:
    pairs: dict[tuple[str, str], dict[str, list[str]]] = {}
    for one in document["connections"]:
        pairs.setdefault((one["from"], one["to"]), {}).setdefault(one["protocol"], []).append(one["ports"])
    told = {pair: _told(protocols) for pair, protocols in pairs.items()}
    senders = {source for source, _ in told}
    takers = {target for _, target in told}
    everyone = frozenset(
        target
        for target in takers
        if len(senders - {target}) > 1 and all(told.get((source, target)) == "all" for source in _others(document, senders, target))
    )
    return Edges({pair: ports for pair, ports in told.items() if pair[1] not in everyone}, everyone)


def _others(document: Document, senders: set[str], target: str) -> set[str]:
    """The senders that may be asked about it: nodes and outside are no pair with each other."""
    types = {one["id"]: one["type"] for one in document["peers"]}
    outer = ("cidr", "entity")
    return {one for one in senders if one != target and not (types[one] in outer and types[target] in outer)}


def _told(protocols: dict[str, list[str]]) -> str:
    if len(protocols) == 3 and all(ports == ["1-65535"] for ports in protocols.values()):
        return "all"
    return ", ".join(f"{','.join(ports)}/{protocol}" for protocol, ports in protocols.items()).replace("1-65535/", "all ")


def spaces_of(document: Document) -> dict[str, list[Document]]:
    """Peers by namespace; nodes and outside at the end."""
    found: dict[str, list[Document]] = {}
    for one in document["peers"]:
        found.setdefault(space_of(one), []).append(one)
    return found


def _label(peer: Document, edges: Edges) -> str:
    return f"{peer['name']}\n(from anyone: all)" if peer["id"] in edges.open_to_all else str(peer["name"])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
