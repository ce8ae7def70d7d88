"""The catalogue of findings: every row is complete, used, shown by a test, and filled in by whoever raises it."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from tree import ROOT, SOURCE, python_files, shown, text_of, tree_of

from seaway.core.codes import (
    CODES,
    authorization,
    destination_rules,
    engines,
    gateways,
    identity,
    ingress,
    membership,
    mesh,
    policies,
    rate_limits,
    reading,
    routing,
    workloads,
)
from seaway.core.finding import Code

MODULES: tuple[tuple[ModuleType, str], ...] = (
    (reading, "NET01"),
    (workloads, "NET02"),
    (ingress, "NET03"),
    (engines, "NET04"),
    (mesh, "NET05"),
    (routing, "NET05"),
    (gateways, "NET05"),
    (destination_rules, "NET05"),
    (identity, "NET06"),
    (membership, "NET06"),
    (authorization, "NET06"),
    (rate_limits, "NET06"),
    (policies, "NET07"),
)
ROWS = [(module, prefix, name, row) for module, prefix in MODULES for name, row in vars(module).items() if isinstance(row, Code)]
BY_NAME = {name: row for _, _, name, row in ROWS}
RAISING = [file for file in python_files("src") if file.parent != SOURCE / "core/codes"]
SHOWN = "\n".join(path.read_text() for path in sorted((ROOT / "tests").rglob("*")) if path.suffix in (".py", ".txt"))

each_row = pytest.mark.parametrize(("prefix", "name"), [(prefix, name) for _, prefix, name, _ in ROWS], ids=[row.id for *_, row in ROWS])


def test_ids_and_names_are_given_once() -> None:
    assert len(ROWS) == len(CODES) == len(BY_NAME)
    assert {path.stem for path in (SOURCE / "core/codes").glob("*.py")} - {"__init__"} == {
        m.__name__.rsplit(".", 1)[-1] for m, _ in MODULES
    }


@each_row
def test_a_row_is_complete(prefix: str, name: str) -> None:
    row = BY_NAME[name]
    assert re.fullmatch(rf"{prefix}\d\d", row.id)
    assert all((row.message, row.why, row.help))
    assert all(field.isidentifier() for field in fields(row))


@each_row
def test_a_row_is_raised_and_tested(prefix: str, name: str) -> None:
    word = re.compile(rf"\b{name}\b")
    is_raised = any(word.search(text_of(file)) for file in RAISING)
    assert is_raised, "nothing raises it"
    is_tested = BY_NAME[name].id in SHOWN or word.search(SHOWN) is not None
    assert is_tested, "no test and no golden file shows it"


def fields(row: Code) -> set[str]:
    parts = (part for template in (row.message, row.why, row.help) for part in string.Formatter().parse(template))
    return {field for _, field, _, _ in parts if field is not None}


def _finds(function: ast.expr) -> bool:
    """`finding(code, origin, key, …)`, or `place.find(code, …)` where the place knows the rest."""
    return ast.unparse(function) == "finding" or (isinstance(function, ast.Attribute) and function.attr == "find")


def raised() -> Iterator[tuple[Path, ast.Call, Code]]:
    """Findings with a code that is named and all arguments in sight."""
    for file in RAISING:
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.Call) and _finds(node.func) and all(one.arg for one in node.keywords):
                row = BY_NAME.get(ast.unparse(node.args[0]).removeprefix("codes."))
                if row is not None:
                    yield file, node, row


def test_templates_get_what_they_ask_for_and_no_more() -> None:
    calls = list(raised())
    assert len(calls) > 80
    wrong = [
        f"{shown(file)}:{call.lineno} {row.id}: {sorted(fields(row) ^ given)}"
        for file, call, row in calls
        if (given := {str(one.arg) for one in call.keywords}) != fields(row)
    ]
    assert wrong == []
