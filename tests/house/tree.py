"""The tree that the house tests look at: files and their syntax, read once."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/seaway"

PURE = ("core", "protocols", "resources", "model", "frontends", "plans", "analysis", "simulate", "pipeline", "snapshot")
"""Packages and modules of `seaway` that do no I/O and read no clock."""

WORLDLY = ("cli", "app", "drivers", "sources", "__main__")
"""All others. Every one must stand in one of the two lists."""


def python_files(*tops: str) -> list[Path]:
    """All Python files below these folders of the repository."""
    return sorted(file for top in tops for file in (ROOT / top).rglob("*.py"))


def pure_files() -> list[Path]:
    return [file for file in python_files("src/seaway") if file.relative_to(SOURCE).parts[0].removesuffix(".py") in PURE]


def shown(file: Path) -> str:
    return str(file.relative_to(ROOT))


@cache
def text_of(file: Path) -> str:
    return file.read_text()


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(text_of(file), filename=str(file))
