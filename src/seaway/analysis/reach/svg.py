"""The document of `seaway reach` as a picture: sources down, destinations across, by namespace; a cell's title is its reason."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from seaway.analysis.reach.drawings import spaces_of
from seaway.analysis.reach.tables import ALL_PORTS, reason_of

_CELL, _GAP, _LETTER = 18, 10, 7
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1c2733 } .space { font-weight: 600 } .frame { fill: #eef1f4 } .all { fill: #d9822b }
.some { fill: #2b6fb5 } .own { fill: #9fb0bf }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e9ee } .frame { fill: #263039 } .all { fill: #f0a04b } .some { fill: #6cb0f2 } .own { fill: #5d6c79 }
}
"""


def render_svg(document: dict[str, Any]) -> str:
    """A matrix. Orange: all ports; blue: some; grey: the own node."""
    offsets, end = _offsets(document)
    names = [*offsets, *(one["name"] for one in document["peers"])]
    margin = _LETTER * max((min(len(name), 48) for name in names), default=0) + 2 * _GAP
    size = margin + end + _GAP
    cells = _cells(document)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {size} {size}" role="img">',
        f"<title>Who can talk to whom</title><style>{_STYLE}</style>",
    ]
    for one in document["peers"]:
        at = margin + offsets[one["id"]]
        name = escape(_short(one["name"]))
        parts.append(f'<text x="{margin - 6}" y="{at + 13}" text-anchor="end"><title>{escape(one["id"])}</title>{name}</text>')
        place = f"translate({at + 13} {margin - 6}) rotate(-90)"
        parts.append(f'<text transform="{place}"><title>{escape(one["id"])}</title>{name}</text>')
    spans = [(offsets[some[0]["id"]], offsets[some[-1]["id"]] + _CELL) for some in spaces_of(document).values()]
    for top, bottom in spans:
        for left, right in spans:
            frame = f'x="{margin + left}" y="{margin + top}" width="{right - left}" height="{bottom - top}"'
            parts.append(f'<rect class="frame" {frame} rx="3"/>')
    for (source, target), (style, title) in cells.items():
        x, y = margin + offsets[target] + 2, margin + offsets[source] + 2
        side = _CELL - 4
        shape = f'<rect class="{style}" x="{x}" y="{y}" width="{side}" height="{side}" rx="3">'
        parts.append(f"{shape}<title>{escape(title)}</title></rect>")
    return "\n".join((*parts, "</svg>", ""))


def _offsets(document: dict[str, Any]) -> tuple[dict[str, int], int]:
    """Where each peer's row and column begin, and where the last one ends."""
    found: dict[str, int] = {}
    at = 0
    for members in spaces_of(document).values():
        for one in members:
            found[one["id"]] = at
            at += _CELL
        at += _GAP
    return found, at


def _short(name: str) -> str:
    return name if len(name) <= 48 else f"{name[:47]}…"


def _cells(document: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str]]:
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in document["connections"]:
        pairs.setdefault((one["from"], one["to"]), []).append(one)
    return {pair: (_style(some), _title(pair, some)) for pair, some in pairs.items()}


def _style(connections: list[dict[str, Any]]) -> str:
    if any(one.get("ownNode") for one in connections):
        return "own"
    return "all" if sum(one["ports"] == ALL_PORTS for one in connections) == 3 else "some"


def _title(pair: tuple[str, str], connections: list[dict[str, Any]]) -> str:
    by_reason: dict[str, list[str]] = {}
    for one in connections:
        by_reason.setdefault(reason_of(one), []).append(f"{one['ports']}/{one['protocol']}")
    return "\n".join((f"{pair[0]} -> {pair[1]}", *(f"{', '.join(ports)}: {reason}" for reason, ports in by_reason.items())))
