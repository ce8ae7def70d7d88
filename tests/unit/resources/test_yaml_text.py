"""Text into documents: what is refused, where exactly, and that nothing else suffers."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from seaway.core.finding import Finding
from seaway.resources.resource import Mark
from seaway.resources.yaml_events import MAX_ALIASED, MAX_DEPTH
from seaway.resources.yaml_text import Document, decode, read, split


def documents(text: str, file: str = "a.yaml") -> tuple[list[Any], list[tuple[str, int, int]]]:
    found: list[Document] = []
    findings: list[Finding] = []
    for chunk in split(text):
        more, problems = read(chunk, file)
        found += more
        findings += problems
    return [one.value for one in found], [(one.code.id, one.origin.line, one.origin.column) for one in findings]


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))

BROKEN = [
    pytest.param("a:\n\tb: 1\n", [("NET0101", 2, 1)], id="tab"),
    pytest.param("a: b: c\n", [("NET0101", 1, 5)], id="colon"),
    pytest.param('a: 1\nb: "x\nc: 2\n', [("NET0101", 2, 4)], id="open-quote"),
    pytest.param("a: [1, 2\nb: 3\n", [("NET0101", 2, 2)], id="open-bracket"),
    pytest.param("a:\n  b: 1\n c: 2\n", [("NET0101", 3, 2)], id="indentation"),
    pytest.param("a: {{ .Values.x }}\n", [("NET0101", 1, 5)], id="template"),
    pytest.param("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", [("NET0102", 4, 3), ("NET0102", 5, 1)], id="duplicate-keys"),
    pytest.param("1: a\n'1': b\n", [("NET0102", 2, 1)], id="duplicate-after-conversion"),
    pytest.param("a: b\nc: x\0y\n", [("NET0104", 2, 5)], id="nul"),
    pytest.param("a: \x1b[0m\n", [("NET0104", 1, 4)], id="escape"),
    pytest.param("[" * 10_000, [("NET0105", 1, MAX_DEPTH + 1)], id="deep-lists"),
    pytest.param("{a: " * 10_000, [("NET0105", 1, 4 * MAX_DEPTH + 1)], id="deep-mappings"),
    pytest.param("".join("  " * i + "-\n" for i in range(1_000)), [("NET0105", MAX_DEPTH + 1, 2 * MAX_DEPTH + 1)], id="deep-block"),
    pytest.param('{"a":' * 10_000 + "1" + "}" * 10_000, [("NET0105", 1, 5 * MAX_DEPTH + 1)], id="deep-json"),
    pytest.param(LAUGHS, [("NET0106", 6, 8)], id="billion-laughs"),
    pytest.param("a: &a [*a]\n", [("NET0109", 1, 8)], id="alias-inside-itself"),
    pytest.param("a: *b\n", [("NET0109", 1, 4)], id="alias-of-nothing"),
    pytest.param("a: .nan\n", [("NET0109", 1, 4)], id="nan"),
    pytest.param("a: !!int web\n", [("NET0109", 1, 4)], id="wrong-tag"),
    pytest.param("~: 1\n", [("NET0109", 1, 1)], id="null-key"),
    pytest.param("? [a]\n: 1\n", [("NET0109", 1, 3)], id="list-as-key"),
    pytest.param("a: {<<: 1}\n", [("NET0109", 1, 9)], id="merge-of-scalar"),
]


@pytest.mark.parametrize(("text", "findings"), BROKEN)
def test_broken_document_has_an_exact_place_and_harms_no_other(text: str, findings: list[tuple[str, int, int]]) -> None:
    before = "first: 1\n---\n"
    shifted = [(code, line + 2, column) for code, line, column in findings]
    assert documents(before + text + "\n---\nlast: 2\n") == ([{"first": 1}, {"last": 2}], shifted)


@pytest.mark.parametrize(("text", "findings"), BROKEN)
def test_broken_document_costs_little_memory(text: str, findings: list[tuple[str, int, int]]) -> None:
    tracemalloc.start()
    documents(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_aliases_within_the_limit_are_expanded() -> None:
    found, findings = documents("base: &b {x: 1, z: [&s one, *s]}\ncopy: *b\n")
    assert found == [{"base": {"x": 1, "z": ["one", "one"]}, "copy": {"x": 1, "z": ["one", "one"]}}]
    assert not findings


def test_alias_limit_counts_what_aliases_expand_to() -> None:
    text = "a: &a [" + "x," * 1000 + "]\nb: [" + "*a," * (MAX_ALIASED // 1001) + "]\n"
    assert documents(text)[1] == []
    assert documents(text.replace("b: [", "b: [*a,"))[1][0][0] == "NET0106"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("b: &b {x: 1, z: 2}\nc: {<<: *b, x: 3}\n", {"x": 3, "z": 2}, id="key-after-merge-wins"),
        pytest.param("b: &b {x: 1, z: 2}\nc: {x: 3, <<: *b}\n", {"x": 1, "z": 2}, id="merge-after-key-wins-in-go-yaml-v2"),
        pytest.param("b: [&b {x: 1}, &c {x: 2, z: 3}]\nc: {<<: [*b, *c]}\n", {"x": 1, "z": 3}, id="earlier-of-several-wins"),
        pytest.param('c: {"<<": {x: 1}}\n', {"<<": {"x": 1}}, id="quoted-is-a-plain-key"),
    ],
)
def test_merge_keys(text: str, value: object) -> None:
    assert documents(text)[0][0]["c"] == value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("# only a comment\n---\n\n---\n# and another\n", [], id="comments"),
        pytest.param("a: 1", [{"a": 1}], id="no-newline"),
        pytest.param("---\na: 1\n---\nb: 2\n---\n", [{"a": 1}, {"b": 2}], id="separators-around"),
        pytest.param("--- # x\na: 1\n--- {b: 2}\n", [{"a": 1}, {"b": 2}], id="text-after-separator"),
        pytest.param("a: 1\r\n---\r\nb: 2\r\n", [{"a": 1}, {"b": 2}], id="crlf"),
        pytest.param("%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n", [{"a": 1}, {"b": 2}], id="directives"),
        pytest.param("a: |\n  x\n  --- y\n", [{"a": "x\n--- y\n"}], id="dashes-in-a-block"),
        pytest.param("yes: on\n8080: 1\n1.5: n\n", [{"true": True, "8080": 1, "1.5": False}], id="keys-become-text"),
        pytest.param("a: !custom {b: 1}\n", [{"a": {"b": 1}}], id="tags-of-collections-are-ignored"),
        pytest.param(
            '{"a": "\\ud83d\\ude00", "b": 1.0}\n{"c": null} {"d": [true]}',
            [{"a": "😀", "b": 1.0}, {"c": None}, {"d": [True]}],
            id="json-stream",
        ),
        pytest.param('{\n\t"a": 1\n}\n', [{"a": 1}], id="json-with-tabs"),
        pytest.param("{a: 1, b: yes}\n", [{"a": 1, "b": True}], id="braces-that-are-not-json"),
    ],
)
def test_documents(text: str, values: list[object]) -> None:
    assert documents(text) == (values, [])


@pytest.mark.parametrize("line", ["---junk", "----", "---- # x"])
def test_line_that_looks_like_a_separator(line: str) -> None:
    assert documents(f"a: 1\n{line}\nb: 2\n---\nc: 3\n") == ([{"a": 1}, {"b": 2}, {"c": 3}], [("NET0108", 2, 1)])


def test_json_file_with_a_mistake() -> None:
    assert documents('{"a": 1}\n{"b": }\n', "a.json") == ([{"a": 1}], [("NET0101", 2, 7)])
    assert documents('{"a": 1, "a": 2}', "a.json") == ([], [("NET0102", 1, 10)])
    assert documents("{a: 1}", "a.json") == ([], [("NET0101", 1, 2)])


def places(mark: Mark) -> Any:
    return {step: (child.line, child.column) for step, child in (mark.children or {}).items()}


def test_marks() -> None:
    text = "\n---\n# c\nmetadata:\n  name: web\nspec: {ports: [80,\n  - 1]}\n".replace("\n  - 1", " 81")
    (document,), _ = read(next(iter(split(text))), "a.yaml")
    assert (document.mark.line, document.mark.column) == (4, 1)
    assert places(document.mark) == {"metadata": (4, 1), "spec": (6, 1)}
    children = document.mark.children or {}
    assert places(children["metadata"]) == {"name": (5, 3)}
    assert places((children["spec"].children or {})["ports"]) == {0: (6, 16), 1: (6, 20)}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a: \xc3\xa9", "a: é"),
        (b"\xef\xbb\xbfa: 1", "a: 1"),
        ("a: é\n".encode("utf-16"), "a: é\n"),
        (b"\xfe\xff" + "a: 1".encode("utf-16-be"), "a: 1"),
    ],
    ids=["utf-8", "bom", "utf-16-le", "utf-16-be"],
)
def test_decode(data: bytes, text: str) -> None:
    assert decode(data, "a.yaml") == text


@pytest.mark.parametrize(
    ("data", "place"),
    [(b"a: 1\nb: \xff\n", (2, 4)), ("é: ".encode() + b"\xe9", (1, 4)), (b"\xff\xfea", (1, 1))],
    ids=["byte", "latin-1", "half-utf-16"],
)
def test_decode_says_where_text_ends(data: bytes, place: tuple[int, int]) -> None:
    found = decode(data, "a.yaml")
    assert isinstance(found, Finding)
    assert (found.code.id, found.origin.line, found.origin.column) == ("NET0103", *place)


def test_every_message_can_be_rendered() -> None:
    for case in BROKEN:
        for chunk in split(str(case.values[0])):
            for found in read(chunk, "a.yaml")[1]:
                assert found.message
                assert found.why
                assert found.help
