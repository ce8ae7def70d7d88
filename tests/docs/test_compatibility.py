"""docs/compatibility.md against the code: every kind, field and annotation has its row, and every test that a row names exists."""

from __future__ import annotations

import inspect
import json
import re
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from seaway.frontends.ingress import annotation_names
from seaway.resources import apps_v1, core_v1, discovery_v1, meta, networking_v1
from seaway.resources.ignored import WITH_EFFECT_INSIDE, WITHOUT_EFFECT_ON_THE_NETWORK
from seaway.resources.kinds import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/compatibility.md").read_text()
STATES = {"honoured", "in part", "refused", "not yet", "no effect"}

_ROW = re.compile(r"^\| `(\w+\.\w+)` \| ([a-z ]+) \| [^|]* \| ([^|]*) \|$", re.MULTILINE)
_TEST = re.compile(r"tests/[\w/]+\.py")


def part(start: str, end: str) -> str:
    """The page between two pieces of text, each of which it holds."""
    return PAGE[PAGE.index(start) : PAGE.index(end)]


FIELDS = _ROW.findall(part("## Fields", "### Noted"))


def structs() -> dict[str, type[meta.Struct]]:
    modules = (meta, core_v1, apps_v1, discovery_v1, networking_v1)
    return {
        name: one
        for module in modules
        for name, one in vars(module).items()
        if inspect.isclass(one) and issubclass(one, meta.Struct) and one is not meta.Struct
    }


def read_fields() -> set[str]:
    return {f"{name}.{field.encode_name}" for name, one in structs().items() for field in msgspec.structs.fields(one)}


def noted_fields() -> set[str]:
    """What the upstream types of our structs have, and neither the structs nor the table of fields without effect."""
    types = json.loads(files("seaway.resources").joinpath("schemas/kubernetes.json").read_text())["types"]
    every = {f"{name}.{field}" for name in structs() if name in types for field in types[name]}
    identity = {one for one in every if one.endswith((".apiVersion", ".kind", ".status"))}
    return (every - identity - read_fields() - set(WITHOUT_EFFECT_ON_THE_NETWORK)) | WITH_EFFECT_INSIDE


def test_every_field_that_is_read_has_one_row() -> None:
    assert sorted(name for name, _, _ in FIELDS) == sorted(read_fields())


def test_states_are_those_of_the_legend() -> None:
    assert {state for _, state, _ in FIELDS} <= STATES


def test_what_is_honoured_names_its_test() -> None:
    assert [name for name, state, test in FIELDS if not test.strip() and state in ("honoured", "in part")] == []


def test_noted_fields() -> None:
    assert set(re.findall(r"^\* `(\w+\.\w+)`$", part("### Noted", "### Without effect"), re.MULTILINE)) == noted_fields()


def test_fields_without_effect() -> None:
    rows = re.findall(r"^\| `(\w+\.\w+)` \| ([^|]+) \|$", part("### Without effect", "## Annotations"), re.MULTILINE)
    assert dict(rows) == WITHOUT_EFFECT_ON_THE_NETWORK


def test_kinds() -> None:
    """Further versions of a group follow the first one: `networking.istio.io/v1, v1beta1`."""
    rows = re.findall(r"^\| (\w+) \| (\S+(?:, \w+)*) \|", part("## Kinds", "Any other kind"), re.MULTILINE)
    listed = set[tuple[str, str]]()
    for kind, versions in rows[1:]:
        first, *others = versions.split(", ")
        listed |= {(first, kind), *((f"{first.rpartition('/')[0]}/{other}", kind) for other in others)}
    assert listed == set(KINDS)


@pytest.mark.parametrize(
    ("start", "end", "names"),
    [
        pytest.param("**Honoured**", "**Not yet; they restrict", annotation_names.HONOURED, id="honoured"),
        pytest.param("(NET0354)", "**Refused; the paths", annotation_names.GUARDS, id="guards"),
        pytest.param("(NET0353)", "**Not yet; the paths", frozenset(annotation_names.REFUSED), id="refused"),
        pytest.param("(NET0361)", "**No effect; they tune", annotation_names.TRAFFIC, id="traffic"),
        pytest.param("(NET0351)", "", annotation_names.NO_EFFECT, id="no-effect"),
    ],
)
def test_annotations(start: str, end: str, names: frozenset[str]) -> None:
    text = PAGE[PAGE.rindex(start) :] if not end else PAGE[PAGE.rindex(start) : PAGE.index(end)]
    cells = [cell for line in text.splitlines() for cell in (line.split("|")[1:2] if line.startswith("|") else [line])]
    assert {name for cell in cells for name in re.findall(r"`([a-z0-9-]+)`", cell)} == names


def test_every_test_that_is_named_exists() -> None:
    assert sorted(name for name in set(_TEST.findall(PAGE)) if not (ROOT / name).is_file()) == []


def test_every_code_that_is_named_exists() -> None:
    from seaway.core.codes import CODES

    pages = (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))
    named = {(page.name, code) for page in pages for code in re.findall(r"NET\d{4}", page.read_text())}
    assert sorted(one for one in named if one[1] not in CODES) == []
