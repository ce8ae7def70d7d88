"""How things look on a terminal: tables without borders, colours only where somebody sees them, errors in one shape."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import IO, Any

_COLOURS = {"red": "31", "yellow": "33", "green": "32", "blue": "34", "bold": "1", "dim": "2"}


def paint(text: str, colour: str, stream: IO[str] = sys.stdout) -> str:
    """The text in a colour, where the stream is a terminal and NO_COLOR is not set (https://no-color.org)."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{_COLOURS[colour]}m{text}\033[0m"


def print_error(message: str, *, help: str = "") -> None:
    """`error: …` and, below it, how to mend it; on stderr."""
    print(f"{paint('error', 'red', sys.stderr)}: {message}", file=sys.stderr)
    if help:
        print(f"  {paint('help', 'blue', sys.stderr)}: {help}", file=sys.stderr)


def print_json(value: Any) -> None:
    """One JSON document, indented, on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, three spaces between, as kubectl prints them."""
    widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        print("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def add_output_flag(parser: argparse.ArgumentParser, *more: str) -> None:
    """`-o`: text unless another format is named."""
    parser.add_argument("-o", "--output", choices=("text", "json", *more), default="text", help="output format (default: text)")


def add_scope_flags(parser: argparse.ArgumentParser) -> None:
    """`-n` and `-A`, as kubectl has them."""
    parser.add_argument("-n", "--namespace", default="default", help="namespace (default: default)")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="objects of all namespaces")


def age(seconds: float) -> str:
    """A duration as kubectl shortens it: 45s, 12m, 3h, 2d."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"
