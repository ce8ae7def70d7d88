"""`seaway proxy`: what Envoy really holds, with the manifest line that each piece comes from. Asks Envoy itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from seaway.app.envoy_dump import SECTIONS, Piece, read_pieces
from seaway.cli.text import add_output_flag, print_json, print_table


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("section", choices=SECTIONS, help="which part of the configuration")
    parser.add_argument("target", metavar="POD|gateway", nargs="?", help="only what belongs to this pod (NS/POD) or gateway")
    parser.add_argument("--node", help="only this node's Envoy")
    add_output_flag(parser)


def run(args: argparse.Namespace) -> int:
    pieces = read_pieces(args.state, args.section, args.node, args.target)
    if args.output == "json":
        print_json({args.section: [_plain(piece) for piece in pieces]})
        return 0
    if not pieces:
        print(f"Envoy holds no {args.section}" + (f" for {args.target}" if args.target else ""), file=sys.stderr)
        return 0
    print_table(("NODE", "NAME", "WHAT", "FROM"), [row for piece in pieces for row in _rows(piece)])
    return 0


def _rows(piece: Piece) -> Iterator[tuple[str, ...]]:
    """One for the piece, and one below it for each of its parts."""
    yield (piece.node, piece.name, piece.what, piece.origin or "-")
    for part in piece.parts:
        yield ("", "", f"  {part.what}", part.origin or "-")


def _plain(piece: Piece) -> dict[str, Any]:
    parts = [{"what": one.what, "from": one.origin} for one in piece.parts]
    return {"node": piece.node, "name": piece.name, "what": piece.what, "from": piece.origin, "parts": parts, "config": piece.config}
