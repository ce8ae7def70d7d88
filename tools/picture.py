"""Draws what a command printed as an SVG, for the README: plain text in, one picture out, the same text giving the same bytes.

    tools/demo > docs/pictures/make-up.txt 2>&1
    .venv/bin/python tools/picture.py "make up" docs/pictures/make-up.txt > docs/pictures/make-up.svg

Long lines are cut, never wrapped, and of several empty lines one is left. Colours follow the text alone: commands, statuses, headers.
The panel brings its own background, so that it reads the same on a light and on a dark page.
"""

from __future__ import annotations

import re
import sys
from html import escape
from pathlib import Path

COLUMNS = 112
CHARACTER_PX, LINE_PX, MARGIN_PX, BAR_PX = 7.83, 19, 18, 34
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
PANEL, BAR, TEXT, DIM, GREEN, YELLOW, BLUE, RED = "#1f2430", "#2a3040", "#d5d9e2", "#8b93a7", "#8fc98a", "#e3c07b", "#82b1e8", "#e58a84"

RULES = (
    (re.compile(r"\$ .*"), BLUE),
    (re.compile(r"[23]\d\d in .*"), GREEN),
    (re.compile(r"([45]\d\d in .*|error.*|no answer.*)"), RED),
    (re.compile(r"(gateway|on this machine|findings|up after|\d+ pods and|\d+ of \d+ pods|building|without root).*"), YELLOW),
    (re.compile(r"[A-Z][A-Za-z-]*: .*"), DIM),
)
"""The first rule that a whole line fits gives its colour."""


def colour_of(line: str) -> str:
    return next((colour for pattern, colour in RULES if pattern.fullmatch(line)), TEXT)


def shorten(line: str) -> str:
    return line if len(line) <= COLUMNS else line[: COLUMNS - 2] + " …"


def draw(command: str, text: str) -> str:
    """The SVG of a terminal in which `command` was called and printed `text`."""
    text = re.sub(r"\n{3,}", "\n\n", text.rstrip("\n"))
    lines = [f"$ {command}", *(shorten(line.rstrip()) for line in text.split("\n"))]
    width = round(COLUMNS * CHARACTER_PX + 2 * MARGIN_PX)
    height = BAR_PX + len(lines) * LINE_PX + 2 * MARGIN_PX - 6
    rows = [
        f'<text x="{MARGIN_PX}" y="{BAR_PX + MARGIN_PX + LINE_PX * number + 6}" fill="{colour_of(line)}">{escape(line, quote=False)}</text>'
        for number, line in enumerate(lines)
        if line
    ]
    dots = "".join(f'<circle cx="{MARGIN_PX + 4 + 18 * number}" cy="{BAR_PX // 2}" r="5" fill="#4a5266"/>' for number in range(3))
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(command)}</title>",
            f'<rect width="{width}" height="{height}" rx="8" fill="{PANEL}"/>',
            f'<path d="M0 {BAR_PX}V8a8 8 0 0 1 8-8h{width - 16}a8 8 0 0 1 8 8v{BAR_PX - 8}z" fill="{BAR}"/>',
            dots,
            f'<g font-family="{FONT}" font-size="13" xml:space="preserve" style="white-space:pre">',
            *rows,
            "</g>",
            "</svg>\n",
        )
    )


def main() -> None:
    command, source = sys.argv[1:]
    sys.stdout.write(draw(command, Path(source).read_text()))


if __name__ == "__main__":
    main()
