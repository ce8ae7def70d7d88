"""Messages of protobuf as YAML inside other objects: fields may be spelt in camelCase or snake_case."""

from __future__ import annotations

from typing import Any

import msgspec

from seaway.resources.resource import Mark, Step
from seaway.resources.schema import struct_in


def camel_case(value: Any, mark: Mark, annotation: Any) -> tuple[Any, Mark]:
    """The value with known fields in camelCase, wherever a struct is to hold it, and its marks."""
    struct = struct_in(annotation)
    children = mark.children or {}
    if struct is not None and isinstance(value, list):
        items = [camel_case(item, children.get(index, mark), struct) for index, item in enumerate(value)]
        return [item for item, _ in items], Mark(mark.line, mark.column, {index: place for index, (_, place) in enumerate(items)})
    if struct is None or not isinstance(value, dict):
        return value, mark
    fields = {spelling: one for one in msgspec.structs.fields(struct) for spelling in (one.name, one.encode_name)}
    renamed: dict[str, Any] = {}
    marks: dict[Step, Mark] = {}
    for key, child in value.items():
        field, place = fields.get(key), children.get(key, mark)
        name = field.encode_name if field is not None else key
        renamed[name], marks[name] = camel_case(child, place, field.type) if field is not None else (child, place)
    return renamed, Mark(mark.line, mark.column, marks)
