"""Pages that repeat what the code says, against the code: findings, commands with their flags, settings, the README's picture."""

from __future__ import annotations

import argparse
import re
import sys
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

from seaway.app.settings_file import ClusterTable, FlowsTable, MeshTable, SettingsTable
from seaway.cli.main import VERBS

ROOT = Path(__file__).parents[2]
COMMANDS = (ROOT / "docs/features/commands.md").read_text()
EVERYWHERE = {"--help", "--state"}
"""Flags that the page names once, above the table."""

sys.path.insert(0, str(ROOT / "tools"))

findings, picture = import_module("findings"), import_module("picture")


def test_the_page_of_findings_has_every_code() -> None:
    text = findings.PAGE.read_text()
    assert text == findings.page(text), "run tools/findings.py"


def test_the_picture_is_drawn_from_its_text() -> None:
    pictures = ROOT / "docs/pictures"
    drawn = picture.draw("make up", (pictures / "make-up.txt").read_text())
    assert (pictures / "make-up.svg").read_text() == drawn, "run tools/picture.py"


@pytest.mark.parametrize("verb", VERBS)
def test_every_flag_has_its_place_in_the_table(verb: str) -> None:
    parser = argparse.ArgumentParser(prog=f"seaway {verb}")
    import_module(f"seaway.cli.{'exec_' if verb == 'exec' else verb}").add_flags(parser)
    row = re.search(rf"^\| `seaway {verb}\b[^\n]*$", COMMANDS, re.MULTILINE)
    assert row is not None, f"no row for {verb}"
    named = set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", row[0].split("|", 2)[2].replace("\\|", "/")))
    options = [action.option_strings for action in parser._actions if action.option_strings]
    missing = [one for one in options if not EVERYWHERE & set(one) and not named & set(one)]
    unknown = named - {text for one in options for text in one}
    assert (missing, unknown) == ([], set())


def test_every_key_of_a_settings_file_is_shown() -> None:
    block = COMMANDS[COMMANDS.index("```toml") : COMMANDS.index("```\n\n## JSON")]
    keys = {field.name for table in (SettingsTable, ClusterTable, MeshTable, FlowsTable) for field in msgspec.structs.fields(table)}
    assert keys == set(re.findall(r"^(\w+) =", block, re.MULTILINE)) | set(re.findall(r"^\[(\w+)\]", block, re.MULTILINE))


def test_every_link_of_the_pages_leads_somewhere() -> None:
    pages = (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    links = {(page, link) for page in pages for link in re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", page.read_text())}
    assert sorted(f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()) == []
