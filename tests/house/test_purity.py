"""What import contracts cannot see: the pure parts wait for nothing, open nothing, and never ask what time it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tree import pure_files, python_files, shown, tree_of

FORBIDDEN = re.compile(
    r"(open|print|input|exec|eval|.*\.(open|read_text|write_text|write_bytes|now|utcnow|today)|(time|os|random|secrets|sys\.stdout)\..*)"
)
READS = {
    "src/seaway/resources/schema.py": "files('seaway.resources').joinpath('schemas', 'kubernetes.json').read_bytes",
    "src/seaway/analysis/reach/page.py": "files('seaway.analysis.reach').joinpath('page.html').read_bytes",
}
"""The files that pure parts read: data of the package itself."""

UNIMPORTED = {"os", "sys", "pathlib", "threading", "multiprocessing", "select", "secrets", "tempfile", "shutil", "logging"}


def impurities(file: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(file)):
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield f"{shown(file)}:{node.lineno} waits"
            case ast.Call(func=func):
                name = ast.unparse(func)
                if FORBIDDEN.fullmatch(name) or (name.endswith("read_bytes") and READS.get(shown(file)) != name):
                    yield f"{shown(file)}:{node.lineno} calls {name}"
            case ast.Import(names=names):
                yield from (f"{shown(file)}:{node.lineno} imports {one.name}" for one in names if one.name.partition(".")[0] in UNIMPORTED)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in UNIMPORTED:
                yield f"{shown(file)}:{node.lineno} imports from {module}"
            case _:
                pass


def test_pure_parts_are_pure() -> None:
    files = pure_files()
    assert len(files) > 100
    assert [one for file in files for one in impurities(file)] == []


def test_no_module_keeps_what_changes() -> None:
    """`global` is how a pure function would remember its last call."""
    assert [shown(file) for file in python_files("src") for node in ast.walk(tree_of(file)) if isinstance(node, ast.Global)] == []
