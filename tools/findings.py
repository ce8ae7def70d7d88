"""Writes the table of all findings into docs/features/findings.md, below its marker, from src/seaway/core/codes.

.venv/bin/python tools/findings.py
"""

from __future__ import annotations

import re
from pathlib import Path

from seaway.core.codes import CODES
from seaway.core.finding import Code

PAGE = Path(__file__).parent.parent / "docs/features/findings.md"
MARKER = "<!-- below: tools/findings.py -->\n"
GROUPS = (
    ("NET01", "Reading manifests"),
    ("NET02", "Workloads and Services"),
    ("NET03", "Ingress, classes and certificates"),
    ("NET04", "What the running network could not do"),
    ("NET05", "The mesh: settings, hosts and routes"),
    ("NET06", "The mesh: identities, who is in it, and what is demanded of callers"),
)


def sentence(template: str) -> str:
    """A template as the table shows it: arguments stay as `{name}`, those that only add a suggestion are left out."""
    text = re.sub(r"\{(hint|suggestion|where)\}", "", template)
    return re.sub(r"\{(\w+)![rs]\}", r"{\1}", text).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def row(code: Code) -> str:
    return f"| {code.id} | {code.severity.value} | {sentence(code.message)} | {sentence(code.why)} |"


def render() -> str:
    """The tables, one a group, codes in their order."""
    parts: list[str] = []
    for prefix, title in GROUPS:
        rows = [row(CODES[name]) for name in sorted(CODES) if name.startswith(prefix)]
        parts += [f"\n## {title}\n", "| code | severity | what | why it matters |", "| --- | --- | --- | --- |", *rows]
    return "\n".join(parts) + "\n"


def page(text: str) -> str:
    """The page with fresh tables; what stands above the marker stays."""
    head, marker, _ = text.partition(MARKER)
    assert marker, f"{PAGE} has lost its marker"
    return head + marker + render()


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
