"""The import contracts of pyproject.toml, that they speak of every folder, and what a plain install can do without."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tree import PURE, ROOT, SOURCE, WORLDLY

from seaway.cli.main import RUN_EXTRA, VERBS

HEAVY = {"grpc", "google", "envoy", "pyroute2", "aiohttp", "cryptography", "dns", "h2", "re2"}
"""What takes so long to import that no help text should wait for it."""

BLOCKING = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(RUN_EXTRA)}:
            raise ModuleNotFoundError(f"not installed: {{name}}", name=name)

sys.meta_path.insert(0, Blocked())
from seaway.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

HELP = """
import sys
from seaway.cli.main import main

try:
    main(sys.argv[1:])
except SystemExit as end:
    print("exit", end.code)
print("modules", *sys.modules)
"""

EVERY_MODULE = """
import importlib, pkgutil, seaway

for one in pkgutil.walk_packages(seaway.__path__, "seaway."):
    if one.name != "seaway.__main__":
        importlib.import_module(one.name)
"""


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def contracts() -> list[dict[str, Any]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(linter), "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_is_pure_or_worldly() -> None:
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    parts = packages | {path.stem for path in SOURCE.glob("*.py")} - {"__init__"}
    assert parts == {*PURE, *WORLDLY}


def test_the_contract_of_purity_names_every_pure_part() -> None:
    (contract,) = (one for one in contracts() if one["name"].startswith("The pipeline does no I/O"))
    assert set(contract["source_modules"]) == {f"seaway.{part}" for part in PURE}


def test_the_contract_of_planes_names_every_plane() -> None:
    (contract,) = (one for one in contracts() if one["type"] == "independence")
    assert set(contract["modules"]) == {f"seaway.plans.{path.parent.name}" for path in (SOURCE / "plans").glob("*/__init__.py")}


@pytest.mark.parametrize("words", [("check",), ("reach",), ("policy", "suggest", "-o", "json")], ids=["check", "reach", "suggest"])
def test_what_only_reads_manifests_runs_from_a_plain_install(words: tuple[str, ...]) -> None:
    done = python("-c", BLOCKING, *words, "examples/storefront")
    assert (done.returncode, done.stderr) == (0, "")


def test_other_verbs_say_what_a_plain_install_lacks() -> None:
    done = python("-c", BLOCKING, "up", "examples/storefront")
    assert done.returncode == 2
    assert "pip install" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("--help",), *((verb, "--help") for verb in VERBS)], ids="-".join)
def test_help_answers_without_heavy_modules(words: tuple[str, ...]) -> None:
    done = python("-c", HELP, *words)
    *text, end, modules = done.stdout.splitlines()
    assert (done.returncode, done.stderr, end) == (0, "", "exit 0")
    assert text[0].startswith("usage: seaway")
    assert HEAVY.isdisjoint(modules.split())


def test_every_verb_has_a_module_and_an_example() -> None:
    modules = {path.stem for path in (SOURCE / "cli").glob("*.py")} - {"__init__", "main", "text", "findings"}
    assert modules == {"exec_" if verb == "exec" else verb for verb in VERBS}
    assert all(example.startswith(f"seaway {verb}") for verb, (_, example) in VERBS.items())


def test_every_module_is_imported_without_a_warning() -> None:
    done = python("-W", "error", "-c", EVERY_MODULE)
    assert (done.returncode, done.stderr) == (0, "")
