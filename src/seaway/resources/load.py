"""Text of manifests into typed resources. Pure: it gets text, never a path to open.

An object with a mistake is refused, as `kubectl apply` refuses it; every mistake is a finding with its line. What to do with the last
good version of a refused object is the source's decision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import msgspec

from seaway.core.codes import reading as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.core.names import Key, safe_hash
from seaway.core.origin import GENERATED, Origin
from seaway.resources.identity import Known, NoObject, NotModelled, Unknown, kind_of, name_of
from seaway.resources.kinds import KINDS, Kind
from seaway.resources.meta import ObjectMeta
from seaway.resources.resource import Mark, Resource, Step, place_of
from seaway.resources.schema import Report, describe, object_type
from seaway.resources.struct_schema import struct_type
from seaway.resources.yaml_text import Chunk, Document, read, split


@dataclass(frozen=True, slots=True)
class Ignored:
    """A field that Kubernetes takes and Seaway does not honour; `field` is its path without indices, such as `spec.ports[].x`."""

    kind: str
    field: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Part:
    """What one chunk of a text holds, from `line` on. `refused` are the keys of objects with mistakes; `broken` tells that there may be
    objects in it whose keys nobody can tell."""

    line: int
    resources: tuple[Resource[Any], ...] = ()
    findings: Findings = ()
    not_modelled: tuple[str, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    refused: tuple[Key, ...] = ()
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """The objects of one text or, once joined, of many. `ignored` become findings when all texts are joined; see `Part` for the rest."""

    resources: tuple[Resource[Any], ...] = ()
    findings: Findings = ()
    not_modelled: Mapping[str, int] = field(default_factory=dict[str, int])
    ignored: tuple[Ignored, ...] = ()
    refused: tuple[Key, ...] = ()
    broken: bool = False
    parts: Mapping[str, Part] = field(default_factory=dict[str, Part])


def load_text(text: str, file: str, former: Loaded | None = None) -> Loaded:
    """All objects of one file. `former` is what an earlier version of it gave: documents that did not change are taken from there."""
    known = former.parts if former is not None else {}
    parts: dict[str, Part] = {}
    order: list[Part] = []
    for chunk in split(text):
        part = known.get(chunk.text)
        if part is None or (part.findings and part.line != chunk.line):
            part = _load_chunk(chunk, file)
        elif part.line != chunk.line:
            part = _moved(part, chunk.line)
        parts[chunk.text] = part
        order.append(part)
    return Loaded(
        resources=tuple(one for part in order for one in part.resources),
        findings=tuple(one for part in order for one in part.findings),
        not_modelled=Counter(label for part in order for label in part.not_modelled),
        ignored=tuple(one for part in order for one in part.ignored),
        refused=tuple(key for part in order for key in part.refused),
        broken=any(part.broken for part in order),
        parts=parts,
    )


def join(loads: Iterable[Loaded]) -> Loaded:
    """Many texts as one: the first of two definitions of an object stays, and ignored fields become one note a kind and field."""
    resources: dict[Key, Resource[Any]] = {}
    findings: list[Finding] = []
    not_modelled: Counter[str] = Counter()
    ignored: dict[tuple[str, str], list[Origin]] = {}
    for loaded in loads:
        findings += loaded.findings
        not_modelled.update(loaded.not_modelled)
        for one in loaded.ignored:
            ignored.setdefault((one.kind, one.field), []).append(one.origin)
        for resource in loaded.resources:
            first = resources.setdefault(resource.key, resource)
            if first is not resource:
                findings.append(finding(codes.DUPLICATE_OBJECT, resource.origin, resource.key, key=resource.key, first=first.origin))
    for (kind, path), origins in ignored.items():
        count = "once" if len(origins) == 1 else f"{len(origins)} times"
        findings.append(finding(codes.NOT_HONOURED, origins[0], kind=kind, field=path, count=count))
    return Loaded(tuple(resources.values()), tuple(findings), dict(not_modelled))


def resource_of(raw: dict[str, Any], file: str = GENERATED.file) -> Resource[Any]:
    """Plain data of a modelled kind as a resource, without marks. Raises ValueError where Kubernetes would refuse the object."""
    version, kind = raw.get("apiVersion"), raw.get("kind")
    if (row := KINDS.get((str(version), str(kind)))) is None:
        raise ValueError(f"not a modelled kind: {version} {kind}")
    part = _load_known(row, raw, file, Mark(0, 0))
    if not part.resources:
        raise ValueError("; ".join(one.message for one in part.findings))
    return part.resources[0]


def _load_chunk(chunk: Chunk, file: str) -> Part:
    documents, findings = read(chunk, file)
    parts = [Part(chunk.line, findings=findings, broken=bool(findings))]
    for document in documents:
        parts += _load_document(document, file)
    return _merged(chunk.line, parts)


def _merged(line: int, parts: list[Part]) -> Part:
    return Part(
        line,
        resources=tuple(one for part in parts for one in part.resources),
        findings=tuple(one for part in parts for one in part.findings),
        not_modelled=tuple(label for part in parts for label in part.not_modelled),
        ignored=tuple(one for part in parts for one in part.ignored),
        refused=tuple(key for part in parts for key in part.refused),
        broken=any(part.broken for part in parts),
    )


def _load_document(document: Document, file: str) -> list[Part]:
    """One document: an object, or a List of them (`kind: List`, `kind: ServiceList`), to any depth."""
    parts: list[Part] = []
    pending: list[tuple[Any, Mark, dict[str, Any]]] = [(document.value, document.mark, {})]
    while pending:
        raw, mark, implied = pending.pop()
        if isinstance(raw, dict) and _is_list(raw):
            items = (mark.children or {}).get("items", mark)
            marks = items.children or {}
            inner = str(raw["kind"]).removesuffix("List")
            implied = {"apiVersion": raw.get("apiVersion"), "kind": inner} if inner else {}
            pending += reversed([(item, marks.get(index, items), implied) for index, item in enumerate(raw["items"])])
        else:
            parts.append(_load_object({**implied, **raw} if isinstance(raw, dict) and implied else raw, file, mark))
    return parts


def _is_list(raw: dict[str, Any]) -> bool:
    kind = raw.get("kind")
    return isinstance(kind, str) and kind.endswith("List") and isinstance(raw.get("items"), list)


def _load_object(raw: Any, file: str, mark: Mark) -> Part:
    """A mapping that should be one object of any kind."""

    def at(*path: Step) -> Origin:
        return place_of(file, mark, path)

    if not isinstance(raw, dict):
        return Part(mark.line, findings=(finding(codes.NOT_AN_OBJECT, at(), found=describe(raw)),), broken=True)
    match kind_of(raw, at):
        case Known(row):
            return _load_known(row, raw, file, mark)
        case NotModelled(label):
            return Part(mark.line, not_modelled=(label,))
        case NoObject():
            return Part(mark.line)
        case Unknown(found, row):
            key = name_of(raw, row, at)[0] if row is not None else None
            broken = key is None and found.code is not codes.NOT_KUBERNETES
            return Part(mark.line, findings=(replace(found, key=key),), refused=(key,) if key else (), broken=broken)


def _load_known(row: Kind, raw: dict[str, Any], file: str, mark: Mark) -> Part:
    """An object of a modelled kind, checked and typed."""

    def at(*path: Step) -> Origin:
        return place_of(file, mark, path)

    key, naming = name_of(raw, row, at)
    report = Report(row.name)
    schema = struct_type(row.body, root=True) if row.whole else object_type(row.name, row.body, root=True)
    schema.check(raw, (), report)
    findings = [replace(one, key=key) for one in naming] + [Finding(one.code, at(*one.path), key, one.args) for one in report.mistakes]
    if findings or key is None:
        return Part(mark.line, findings=tuple(findings), refused=(key,) if key else (), broken=key is None)
    if report.has_null:
        raw = schema.without_nulls(raw)
    if "status" in raw:
        raw = {name: value for name, value in raw.items() if name != "status"}
    try:
        resource = _typed(row, key, raw, file, mark)
    except msgspec.ValidationError as error:
        return Part(mark.line, findings=(finding(codes.BAD_VALUE, at(), key, problem=str(error)),), refused=(key,))
    ignored = tuple(Ignored(row.name, _without_indices(path), at(*path)) for path in report.ignored)
    return Part(mark.line, resources=(resource,), ignored=ignored)


def _typed(row: Kind, key: Key, raw: dict[str, Any], file: str, mark: Mark) -> Resource[Any]:
    digest = blake2b(msgspec.json.encode(raw, order="deterministic"), digest_size=16).hexdigest()
    if not key.name:  # generateName: the same object always gets the same name
        name = raw["metadata"]["generateName"] + safe_hash(digest)
        raw = {**raw, "metadata": {**raw["metadata"], "name": name}}
        key = key._replace(name=name)
    body: Any = msgspec.convert(raw, row.body)
    meta: ObjectMeta = body.metadata
    return Resource(key, raw["apiVersion"], meta, body, raw, file, mark, digest)


def _without_indices(path: tuple[Step, ...]) -> str:
    text = ""
    for step in path:
        text += "[]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _moved(part: Part, line: int) -> Part:
    """The same part, further up or down in its file."""
    by = line - part.line
    seen: dict[int, Mark] = {}
    return replace(
        part,
        line=line,
        resources=tuple(replace(one, mark=one.mark.moved(by, seen=seen)) for one in part.resources),
        ignored=tuple(replace(one, origin=replace(one.origin, line=one.origin.line + by)) for one in part.ignored),
    )
