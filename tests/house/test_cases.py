"""Golden cases: nothing lies there that no test reads, and every modelled kind and every stage has some."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from stages import STAGES
from tree import ROOT

from seaway.frontends.read_only import READ_ONLY_KINDS
from seaway.resources.kinds import BY_NAME

CASES = ROOT / "tests/cases"
INPUTS = {"in.yaml", "settings.toml"}


def files() -> list[Path]:
    return [path for path in CASES.rglob("*") if path.is_file() and "__pycache__" not in path.parts and path.parent != CASES]


def test_no_orphans() -> None:
    lost = [path for path in files() if len(path.relative_to(CASES).parts) != 3 or path.name not in INPUTS | STAGES.keys()]
    assert lost == []
    assert [path.parent for path in files() if not (path.parent / "in.yaml").is_file()] == []


def test_every_modelled_kind_has_a_case() -> None:
    texts = [path.read_text() for path in (CASES / "base.yaml", *CASES.glob("*/*/in.yaml"))]
    kinds = {kind for text in texts for kind in re.findall(r"\bkind: (\w+)", text)}
    assert BY_NAME.keys() - kinds - {kind.__name__ for kind in READ_ONLY_KINDS} == set()


def test_every_stage_has_cases_beyond_the_base() -> None:
    asked = {path.name for path in files() if path.parent.name != "whole"}
    assert STAGES.keys() - asked == set()


def test_a_case_says_what_it_shows() -> None:
    """The first line is a comment: what a reader should see in the golden files."""
    silent = [path for path in CASES.glob("*/*/in.yaml") if not path.read_text().startswith("# ")]
    assert silent == []


def test_golden_yaml_is_yaml() -> None:
    for path in CASES.glob("*/*/envoy.yaml"):
        assert all(isinstance(one, dict) for one in yaml.safe_load_all(path.read_text())), path
