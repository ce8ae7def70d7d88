"""How a finding looks: what, where with the line shown, why it matters, how to mend it."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import IO, Any

from seaway.cli.text import paint

_COLOURS = {"error": "red", "warning": "yellow", "note": "blue"}


def print_finding(finding: dict[str, Any], stream: IO[str] | None = None) -> None:
    """One finding document (see docs of `check -o json`) as text, with the line of the manifest where it can be read."""
    out = stream or sys.stdout
    colour = _COLOURS[finding["severity"]]
    print(f"{paint(finding['severity'], colour, out)}[{finding['code']}]: {finding['message']}", file=out)
    place = finding["file"] + (f":{finding['line']}:{finding['column']}" if finding["line"] else "")
    print(f"  --> {place}" + (f"  {finding['field']}" if finding["field"] else ""), file=out)
    line = _line(finding["file"], finding["line"])
    if line:
        number = str(finding["line"])
        print(f"  {number} | {line}", file=out)
        if finding["column"]:
            print(f"  {' ' * len(number)} | {' ' * (finding['column'] - 1)}{paint('^', colour, out)}", file=out)
    print(f"  why: {finding['why']}", file=out)
    print(f"  help: {finding['help']}\n", file=out)


def summary_line(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[word]} {word}{'' if counts[word] == 1 else 's'}" for word in ("error", "warning", "note"))


@cache
def _lines(file: str) -> tuple[str, ...]:
    try:
        return tuple(Path(file).read_text(errors="replace").splitlines())
    except OSError:
        return ()


def _line(file: str, number: int) -> str:
    lines = _lines(file)
    return lines[number - 1].rstrip() if 0 < number <= len(lines) else ""
