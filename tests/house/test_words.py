"""Words that have no place in the repository, and pages that must name what they promise to name."""

from __future__ import annotations

import re
from pathlib import Path

from tree import ROOT, python_files, shown

from seaway.resources.kinds import BY_NAME

TEXTS = [
    path
    for top in ("src", "tests", "tools", "benchmarks", "docs", "examples")
    for path in sorted((ROOT / top).rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".svg", ".png")
] + [path for path in sorted(ROOT.iterdir()) if path.is_file() and path.suffix in ("", ".md", ".toml", ".txt")]

# Each in two halves, so that this file does not hold what it looks for.
UNFINISHED = re.compile("|".join(rf"\b{one}\b" for one in ("TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK", "NotImplemented" "Error")))  # fmt: skip
PACKAGE_HOSTS = re.compile("|".join(("pypi" r"\.org", "python" r"hosted\.org", "npmjs" r"\.(org|com)", "crates" r"\.io", "proxy" r"\.golang\.org")))  # fmt: skip
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "base", "misc", "lib"}


def holding(pattern: re.Pattern[str]) -> list[str]:
    return [f"{shown(path)}: {found[0]}" for path in TEXTS if (found := pattern.search(path.read_text(errors="replace")))]


def test_nothing_is_left_for_later() -> None:
    assert holding(UNFINISHED) == []


def test_no_package_registry_is_named() -> None:
    """Where packages come from is the user's affair."""
    assert holding(PACKAGE_HOSTS) == []


def test_modules_say_what_they_hold() -> None:
    assert [shown(path) for path in python_files("src") if {path.stem, path.parent.name} & VAGUE_NAMES] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [shown(path) for path in python_files("src", "tests", "tools", "benchmarks") if not path.read_text().startswith(('"""', "#!"))]
    assert silent == []


def test_the_compatibility_page_names_every_modelled_kind() -> None:
    text = Path(ROOT / "docs/compatibility.md").read_text()
    assert [kind for kind in BY_NAME if not re.search(rf"\b{kind}\b", text)] == []
