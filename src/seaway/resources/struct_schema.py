"""Schema types of kinds whose structs hold every field of their API: the struct itself is the schema. See `schema.py` for the others."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args, get_origin

import msgspec

from seaway.resources.meta import ObjectMeta, Struct
from seaway.resources.schema import ANY, ListType, MapType, ObjectType, ScalarType, Type, object_type

_SCALARS: dict[object, Type] = {
    Any: ANY,
    str: ScalarType("text", str),
    int: ScalarType("a whole number", int),
    float: ScalarType("a number", int, float),
    bool: ScalarType("true or false", bool),
    int | str: ScalarType("a whole number or text", int, str),
}


@cache
def struct_type(struct: type[Struct], *, root: bool = False) -> ObjectType:
    """The type of a struct; a `root` also has what every object has. Fields without a default are required."""
    made = ObjectType(struct.__name__)
    fields = msgspec.structs.fields(struct)
    made.fields = {one.encode_name: _type_of(one.type) for one in fields}
    made.required = tuple(one.encode_name for one in fields if one.required)
    if root:
        made.fields.update(apiVersion=_SCALARS[str], kind=_SCALARS[str], status=ANY)
    return made


def _type_of(annotation: Any) -> Type:
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if annotation is ObjectMeta:
        return object_type(ObjectMeta.__name__, ObjectMeta)
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return struct_type(annotation)
    match get_origin(annotation), get_args(annotation):
        case origin, (item, *_) if origin is tuple:
            return ListType(_type_of(item))
        case origin, (_, value) if origin is dict:
            return MapType(_type_of(value))
        case _, (inner, none) if none is type(None):
            return _type_of(inner)
        case _:
            raise AssertionError(f"no schema for {annotation}")
