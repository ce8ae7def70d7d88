"""The shipped schema, the structs and the table of ignored fields fit together."""

from __future__ import annotations

from typing import Any, get_args, get_origin

import msgspec
import pytest

from seaway.resources.ignored import WITH_EFFECT_INSIDE, WITHOUT_EFFECT_ON_THE_NETWORK
from seaway.resources.kinds import BY_NAME, KINDS, REMOVED
from seaway.resources.meta import Struct
from seaway.resources.schema import builtin_kinds, find_field, nearest, object_type


def structs(annotation: Any) -> set[type[Struct]]:
    """All structs that a struct's annotation holds, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return {annotation}.union(*(structs(one.type) for one in msgspec.structs.fields(annotation)))
    return set().union(*(structs(arg) for arg in get_args(annotation))) if get_origin(annotation) else set()


UPSTREAM = {identity: row for identity, row in KINDS.items() if not row.whole}
"""Kinds whose types are shipped; the structs of the others are their own schema."""


@pytest.mark.parametrize("row", UPSTREAM.values(), ids=lambda row: row.name)
def test_structs_hold_upstream_fields_only(row: Any) -> None:
    """Walks struct and schema side by side: an invented or misspelt field in a struct would never be filled."""
    pending: list[tuple[str, type[Struct]]] = [(row.name, row.body)]
    words = upstream()
    while pending:
        name, struct = pending.pop()
        for one in msgspec.structs.fields(struct):
            assert one.encode_name in words[name], f"{struct.__name__}.{one.encode_name} is not in {name}"
            word = words[name][one.encode_name]
            required = one.default is msgspec.NODEFAULT and one.default_factory is msgspec.NODEFAULT
            assert not required or word.startswith("!") or one.name == "metadata", (
                f"{struct.__name__}.{one.encode_name} is required here and not upstream"
            )
            inner = word.lstrip("![]{}")
            if inner in words and (below := structs_directly(one.type)):
                pending.append((inner, below))


def structs_directly(annotation: Any) -> type[Struct] | None:
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, Struct) else None
    return next((found for arg in get_args(annotation) if (found := structs_directly(arg))), None)


def upstream() -> dict[str, dict[str, str]]:
    from importlib.resources import files

    return msgspec.json.decode(files("seaway.resources").joinpath("schemas", "kubernetes.json").read_bytes())["types"]


def test_every_modelled_kind_is_in_the_schema() -> None:
    for (version, kind), row in UPSTREAM.items():
        assert kind in builtin_kinds()[version]
        assert object_type(kind, row.body, root=True).fields


def test_every_ignored_field_exists_and_is_not_honoured() -> None:
    fields = {f"{name}.{field}" for name, content in upstream().items() for field in content}
    assert not set(WITHOUT_EFFECT_ON_THE_NETWORK) - fields
    assert not WITH_EFFECT_INSIDE - fields
    assert all(WITHOUT_EFFECT_ON_THE_NETWORK.values())
    honoured = {
        f"{struct.__name__}.{one.encode_name}"
        for row in UPSTREAM.values()
        for struct in structs(row.body)
        for one in msgspec.structs.fields(struct)
    }
    assert not honoured & set(WITHOUT_EFFECT_ON_THE_NETWORK), "a field that is honoured now has no business in the table"


def test_removed_versions_name_modelled_kinds() -> None:
    assert {kind for _, kind in REMOVED} <= set(BY_NAME)
    assert not set(REMOVED) & set(KINDS)


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("Ports", ("ports", "port"), "ports"),
        ("prots", ("ports", "name"), "ports"),
        ("zzz", ("ports",), None),
        ("metdata", ("metadata",), "metadata"),
    ],
)
def test_nearest(word: str, known: tuple[str, ...], found: str | None) -> None:
    assert nearest(word, known) == found


def test_find_field() -> None:
    assert find_field(object_type("Deployment", None), "containers") == ("spec", "template", "spec", "containers")
    assert find_field(object_type("Deployment", None), "nothing") == ()
