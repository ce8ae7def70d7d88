"""Checks plain data against the upstream types and reports every mistake, not only the first: unknown, missing and wrong-typed fields.

The types come from `schemas/kubernetes.json` (made by tools/generate_schema.py). Each is paired with the struct that Seaway reads it
into, so that a field which Kubernetes takes and Seaway does not honour is known too. What values mean is left to the frontends.
"""

from __future__ import annotations

import difflib
import re
from base64 import b64decode
from binascii import Error as BinasciiError
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, get_args

import msgspec

from seaway.core.codes import reading as codes
from seaway.core.finding import Code
from seaway.resources.ignored import WITH_EFFECT_INSIDE, WITHOUT_EFFECT_ON_THE_NETWORK
from seaway.resources.meta import Struct
from seaway.resources.resource import Step, field_path

Path = tuple[Step, ...]

_QUANTITY = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")
_INT64 = range(-(1 << 63), 1 << 63)
_QUOTE = "Put the value in quotes: YAML reads bare yes, no, on, off, y, n, true and false as booleans, and bare digits as numbers."


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake at a path inside an object; the reader turns it into a finding with a line."""

    code: Code
    path: Path
    args: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Report:
    """What checking one object found. `ignored` are the fields without effect here, `has_null` tells that `without_nulls` is needed."""

    kind: str
    mistakes: list[Mistake] = field(default_factory=list[Mistake])
    ignored: list[Path] = field(default_factory=list[Path])
    has_null: bool = False

    def add(self, code: Code, path: Path, **args: str) -> None:
        self.mistakes.append(Mistake(code, path, (("field", field_path(*path)), *args.items())))

    def wrong_type(self, path: Path, expected: str, value: object) -> None:
        self.add(codes.WRONG_TYPE, path, expected=expected, found=describe(value), advice=_advice(expected, value))


class Type:
    """A type of the schema: checks a value, and knows where nulls may stand. `exact` is the Python type that needs no further look."""

    exact: type | None = None

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Adds what is wrong with a value (never null) to the report."""

    def without_nulls(self, value: Any) -> Any:
        """The value as the API server stores it: null fields are absent, null entries of a map or list are empty text."""
        return value


class ScalarType(Type):
    def __init__(self, expected: str, *types: type) -> None:
        self._expected = expected
        self._types = types
        self.exact = types[0] if len(types) == 1 and types[0] is not int else None

    def check(self, value: Any, path: Path, report: Report) -> None:
        if type(value) not in self._types or (type(value) is int and value not in _INT64):
            report.wrong_type(path, self._expected, value)


class QuantityType(Type):
    def check(self, value: Any, path: Path, report: Report) -> None:
        if type(value) not in (int, float) and (type(value) is not str or not _QUANTITY.fullmatch(value)):
            report.wrong_type(path, "a quantity such as 500m or 1Gi", value)


class BytesType(Type):
    def check(self, value: Any, path: Path, report: Report) -> None:
        if type(value) is not str:
            report.wrong_type(path, "base64 text", value)
            return
        try:
            b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
        except (BinasciiError, ValueError):
            advice = "Encode the value (`base64 -w0`)" + (", or write it as it is under stringData." if report.kind == "Secret" else ".")
            report.add(codes.NOT_BASE64, path, advice=advice)


class ListType(Type):
    def __init__(self, item: Type) -> None:
        self._item = item

    def check(self, value: Any, path: Path, report: Report) -> None:
        if type(value) is not list:
            report.wrong_type(path, "a list", value)
            return
        item = self._item
        for index, child in enumerate(value):
            if child is None:
                report.has_null = True
            elif type(child) is not item.exact:
                item.check(child, (*path, index), report)

    def without_nulls(self, value: Any) -> Any:
        return [("" if self._item.exact is str else {}) if child is None else self._item.without_nulls(child) for child in value]


class MapType(Type):
    def __init__(self, item: Type) -> None:
        self._item = item

    def check(self, value: Any, path: Path, report: Report) -> None:
        if type(value) is not dict:
            report.wrong_type(path, "a mapping", value)
            return
        item = self._item
        for key, child in value.items():
            if child is None:
                report.has_null = True
            elif type(child) is not item.exact:
                item.check(child, (*path, key), report)

    def without_nulls(self, value: Any) -> Any:
        empty = {} if isinstance(self._item, ObjectType) else ""
        return {key: empty if child is None else self._item.without_nulls(child) for key, child in value.items()}


class ObjectType(Type):
    """A type with named fields. `noted` are the ones that Seaway does not honour and that could have an effect on the network."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields: dict[str, Type] = {}
        self.required: tuple[str, ...] = ()
        self.noted: frozenset[str] = frozenset()

    def check(self, value: Any, path: Path, report: Report) -> None:
        if type(value) is not dict:
            report.wrong_type(path, "a mapping", value)
            return
        fields, noted = self.fields, self.noted
        for key, child in value.items():
            inner = fields.get(key)
            if inner is None:
                self._unknown(key, path, report)
            elif child is None:
                report.has_null = True
            elif type(child) is not inner.exact:
                inner.check(child, (*path, key), report)
            if key in noted and child is not None:
                report.ignored.append((*path, key))
        for key in self.required:
            if value.get(key) is None:
                report.add(codes.MISSING_FIELD, (*path, key), kind=self.name)

    def without_nulls(self, value: Any) -> Any:
        known = self.fields
        return {key: known[key].without_nulls(child) for key, child in value.items() if child is not None and key in known}

    def _unknown(self, key: str, path: Path, report: Report) -> None:
        near = nearest(key, self.fields, 0.8)
        elsewhere = () if near else find_field(self, key)
        if not elsewhere:
            near = near or nearest(key, self.fields)
        if near:
            suggestion, advice = f", did you mean {near}?", f"Rename it to {near}, or remove it."
        elif elsewhere:
            place = field_path(*path, *elsewhere)
            suggestion, advice = f", but there is {place}", f"Move it to {place}: check its indentation."
        else:
            known = ", ".join(sorted(self.fields)) if len(self.fields) <= 12 else "see `kubectl explain`"
            suggestion, advice = "", f"Remove it, or check its indentation. Fields here: {known}."
        report.add(codes.UNKNOWN_FIELD, (*path, key), kind=self.name, suggestion=suggestion, advice=advice)


ANY = Type()
_SCALARS: dict[str, Type] = {
    "any": ANY,
    "str": ScalarType("text", str),
    "time": ScalarType("a time as text", str),
    "int": ScalarType("a whole number", int),
    "bool": ScalarType("true or false", bool),
    "intOrString": ScalarType("a whole number or text", int, str),
    "quantity": QuantityType(),
    "bytes": BytesType(),
}


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known word that this one is most likely a misspelling of; a difference in case alone always counts."""
    words = tuple(known)
    for one in words:
        if one.lower() == word.lower():
            return one
    return next(iter(difflib.get_close_matches(word, words, 1, likeness)), None)


def find_field(above: ObjectType, name: str) -> Path:
    """The shortest path to a field of this name below a type, through objects only (no lists); empty where there is none."""
    level: list[tuple[Path, ObjectType]] = [((), above)]
    for _ in range(4):
        deeper: list[tuple[Path, ObjectType]] = []
        for path, one in level:
            if path and name in one.fields:
                return (*path, name)
            deeper += [((*path, key), child) for key, child in one.fields.items() if isinstance(child, ObjectType)]
        level = deeper
    return ()


def describe(value: object) -> str:
    """A value in a message: what it is, and itself where it is short."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'the text "{value}"' if len(value) <= 40 and value.isprintable() else "a text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _advice(expected: str, value: object) -> str:
    match value:
        case bool() | int() | float() if "text" in expected:
            return _QUOTE
        case str() if expected in ("a whole number", "true or false") and re.fullmatch(r"[-+]?[0-9]+|true|false", value):
            return "Remove the quotes."
        case list() if expected == "a mapping":
            return "Remove the dash: this field takes one mapping, not a list."
        case _ if expected == "a list":
            return "Begin each item with `- `."
        case _:
            return f"Write {expected}."


@cache
def _upstream() -> Mapping[str, Any]:
    text = files("seaway.resources").joinpath("schemas", "kubernetes.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Any])


@cache
def builtin_kinds() -> Mapping[str, tuple[str, ...]]:
    """All kinds of Kubernetes itself, by apiVersion."""
    return {version: tuple(kinds) for version, kinds in _upstream()["kinds"].items()}


@cache
def object_type(name: str, struct: type[Struct] | None, *, root: bool = False) -> ObjectType:
    """The upstream type of this name; with the struct that it is read into, fields that the struct lacks are noted as not honoured."""
    made = ObjectType(name)
    words: dict[str, str] = _upstream()["types"][name]
    inner = {one.encode_name: struct_in(one.type) for one in msgspec.structs.fields(struct)} if struct is not None else {}
    honoured = {*inner, "apiVersion", "kind", "status"} if root else set(inner)
    made.required = tuple(key for key, word in words.items() if word.startswith("!"))
    made.fields = {key: _type_of(word.removeprefix("!"), inner.get(key)) for key, word in words.items()}
    if root:
        made.fields.setdefault("status", ANY)
    lacking = [key for key in words if struct is not None and key not in honoured and f"{name}.{key}" not in WITHOUT_EFFECT_ON_THE_NETWORK]
    made.noted = frozenset(lacking).union(key for key in words if f"{name}.{key}" in WITH_EFFECT_INSIDE)
    return made


def _type_of(word: str, struct: type[Struct] | None) -> Type:
    if word.startswith("[]"):
        return ListType(_type_of(word[2:], struct))
    if word.startswith("{}"):
        return MapType(_type_of(word[2:], struct))
    return _SCALARS.get(word) or object_type(word, struct)


def struct_in(annotation: Any) -> type[Struct] | None:
    """The struct in an annotation such as `tuple[Container, ...]` or `Probe | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return annotation
    return next((found for arg in get_args(annotation) if (found := struct_in(arg)) is not None), None)
