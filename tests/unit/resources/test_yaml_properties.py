"""The reader against two independent ones, wherever they agree by definition: PyYAML's on YAML, Python's on JSON."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.resources.load import Loaded, load_text
from seaway.resources.resource import Mark
from seaway.resources.yaml_text import Document, read, split

WORDS = st.from_regex(r"[a-eg-mp-su-xz][a-z0-9/.-]{0,12}", fullmatch=True)  # text to both, bare
TEXTS = WORDS | st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufeff\u2028\u2029"), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | TEXTS


def trees(keys: st.SearchStrategy[str], leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    inner = st.recursive(leaves, lambda child: st.lists(child, max_size=4) | st.dictionaries(keys, child, max_size=4), max_leaves=20)
    return st.dictionaries(keys, inner, min_size=1, max_size=4)


def documents(text: str) -> list[Document]:
    found: list[Document] = []
    for chunk in split(text):
        more, problems = read(chunk, "a.yaml")
        assert not problems
        found += more
    return found


@settings(max_examples=50, deadline=None)
@given(st.lists(trees(TEXTS, SCALARS), min_size=1, max_size=3))
def test_quoted_yaml_reads_as_pyyaml_reads_it(values: list[Any]) -> None:
    text = yaml.safe_dump_all(values, default_style='"', allow_unicode=True, explicit_start=True)
    assert [one.value for one in documents(text)] == list(yaml.safe_load_all(text)) == values


@settings(max_examples=150, deadline=None)
@given(trees(WORDS, st.booleans() | st.integers(0, 10**6) | WORDS), st.booleans())
def test_bare_yaml_reads_as_pyyaml_reads_it(value: Any, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow)
    assert [one.value for one in documents(text)] == [yaml.safe_load(text)] == [value]


@settings(max_examples=50, deadline=None)
@given(st.lists(trees(TEXTS, SCALARS | st.floats(allow_nan=False, allow_infinity=False, width=32)), min_size=1, max_size=3), st.booleans())
def test_json_reads_as_json(values: list[Any], ascii_only: bool) -> None:
    text = "\n".join(json.dumps(value, ensure_ascii=ascii_only) for value in values)
    assert [one.value for one in documents(text)] == values


@settings(max_examples=100, deadline=None)
@given(trees(WORDS, st.integers(0, 9) | WORDS))
def test_every_mark_points_at_its_key(value: Any) -> None:
    text = yaml.safe_dump(value)
    lines = text.split("\n")
    pending: list[tuple[Any, Mark]] = [(one.value, one.mark) for one in documents(text)]
    while pending:
        node, mark = pending.pop()
        children = mark.children or {}
        assert set(children) == (set(node) if isinstance(node, dict) else set(range(len(node))) if isinstance(node, list) else set())
        for step, child in children.items():
            if isinstance(step, str):
                assert lines[child.line - 1][child.column - 1 :].lstrip("'\"? ").startswith(step)
            pending.append((node[step], child))


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab:- \n\t{}[]&*!|>'\"#%,?<~1.\0é"), max_size=40))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    for name in ("a.yaml", "a.json"):
        load_text(text, name)


OBJECTS = st.sampled_from(
    [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        "# c\n\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\ndata: {x: y1}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndatas: {}\n",
        "a: [\n",
        "kind: Foo\napiVersion: example.com/v1\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: d}\nspec: {healthCheckNodePort: 30000}\n",
    ]
)


def comparable(loaded: Loaded) -> Any:
    resources = [(one.key, one.digest, one.file, one.mark) for one in loaded.resources]
    return resources, loaded.findings, loaded.not_modelled, loaded.ignored, loaded.refused, loaded.broken


@settings(max_examples=150, deadline=None)
@given(st.lists(OBJECTS, max_size=5), st.lists(OBJECTS, max_size=5))
def test_reading_on_from_a_former_version_gives_what_reading_anew_gives(before: list[str], after: list[str]) -> None:
    former = load_text("---\n".join(before), "a.yaml")
    text = "---\n".join(after)
    assert comparable(load_text(text, "a.yaml", former)) == comparable(load_text(text, "a.yaml"))
