"""Manifests that give every field of an API, spelt as its reference spells it. They make no sense, and are read without a finding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seaway.resources.istio.destination_rule import DestinationRuleSpec
from seaway.resources.istio.mesh_config import MeshConfig, parse_mesh_config
from seaway.resources.kinds import KINDS
from seaway.resources.load import load_text
from seaway.resources.meta import ObjectMeta, Struct
from seaway.resources.schema import struct_in

WHOLE = Path(__file__).parent / "whole"


def body(name: str) -> Struct:
    loaded = load_text((WHOLE / f"{name}.yaml").read_text(), f"{name}.yaml")
    assert loaded.findings == ()
    (resource,) = loaded.resources
    if name != "mesh_config":
        return resource.body
    mesh, findings = parse_mesh_config(resource)
    assert findings == ()
    return mesh.body


def possible(struct: type[Struct], found: set[type[Struct]]) -> Iterator[tuple[str, str]]:
    """All fields of a struct and of the structs below it."""
    if struct is ObjectMeta or struct in found:
        return
    found.add(struct)
    for field in msgspec.structs.fields(struct):
        yield struct.__name__, field.encode_name
        if (inner := struct_in(field.type)) is not None:
            yield from possible(inner, found)


def given(value: Any) -> Iterator[tuple[str, str]]:
    """All fields in which a value differs from what nobody wrote."""
    match value:
        case ObjectMeta():
            return
        case Struct():
            for field in msgspec.structs.fields(type(value)):
                inner = getattr(value, field.name)
                if field.required or inner != (field.default_factory() if callable(field.default_factory) else field.default):
                    yield type(value).__name__, field.encode_name
                    yield from given(inner)
        case tuple():
            for item in value:
                yield from given(item)
        case dict():
            for item in value.values():
                yield from given(item)
        case _:
            return


@pytest.mark.parametrize("name", sorted(path.stem for path in WHOLE.glob("*.yaml")))
def test_every_field_is_read(name: str) -> None:
    whole = body(name)
    every = set(possible(type(whole), set()))
    if name == "mesh_config":
        every -= set(possible(DestinationRuleSpec, set())) - set(given(whole))  # its defaultTrafficPolicy is that of another file
    assert every - set(given(whole)) == set()


def test_every_kind_is_here() -> None:
    kinds = {type(body(path.stem)) for path in WHOLE.glob("*.yaml")}
    of_policies = ("cilium.io", "policy.networking.k8s.io")
    assert kinds == {row.body for row in KINDS.values() if row.whole and row.group not in of_policies} | {MeshConfig}
