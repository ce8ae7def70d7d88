"""Files and functions that a reader can hold in mind. There are no exceptions: what grows beyond is split."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tree import ROOT, python_files, shown, text_of, tree_of

LONGEST_FILE = 500
LONGEST_FUNCTION = 60
MOST_PARAMETERS = 6

EVERYWHERE = python_files("src", "tests", "tools", "benchmarks")
SHIPPED = python_files("src", "tools", "benchmarks")
"""Tests may ask for more fixtures than a function has parameters."""


@pytest.mark.parametrize("top", ["src", "tests", "tools", "benchmarks"])
def test_files(top: str) -> None:
    assert [shown(file) for file in python_files(top) if len(text_of(file).splitlines()) > LONGEST_FILE] == []


def test_pages() -> None:
    pages = sorted((ROOT / "docs").rglob("*.md"))
    assert len(pages) > 10
    assert [shown(page) for page in pages if len(page.read_text().splitlines()) > LONGEST_FILE] == []


def functions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree_of(file)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_functions() -> None:
    long = [
        f"{shown(file)}:{one.lineno} {one.name}"
        for file in EVERYWHERE
        for one in functions(file)
        if (one.end_lineno or one.lineno) - one.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_parameters() -> None:
    many = [f"{shown(file)}:{one.lineno} {one.name}" for file in SHIPPED for one in functions(file) if parameters(one) > MOST_PARAMETERS]
    assert many == []


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many a caller can give; `self` and `cls` are not among them."""
    args = function.args
    named = [one.arg for one in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    return len(named) - (named[:1] in (["self"], ["cls"])) + (args.vararg is not None) + (args.kwarg is not None)
