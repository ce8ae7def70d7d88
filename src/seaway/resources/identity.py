"""Which object a mapping is: its kind among the modelled ones and its key, or what is wrong with apiVersion, kind, name and namespace."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from seaway.core.codes import reading as codes
from seaway.core.finding import Finding, finding
from seaway.core.names import Key, is_dns_label, is_dns_subdomain
from seaway.core.origin import Origin
from seaway.resources.kinds import BY_NAME, KINDS, REMOVED, Kind
from seaway.resources.resource import Step
from seaway.resources.schema import builtin_kinds, describe, nearest

Place = Callable[..., Origin]
"""From a path of steps to the origin of that field."""


@dataclass(frozen=True, slots=True)
class Known:
    """A modelled kind in a version that is served."""

    row: Kind


@dataclass(frozen=True, slots=True)
class NotModelled:
    """A kind that Seaway does not model; `label` is `apiVersion/Kind`."""

    label: str


@dataclass(frozen=True, slots=True)
class NoObject:
    """Nothing that a cluster would keep, such as a Kustomization."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """apiVersion or kind are wrong. `row` is the modelled kind that was most likely meant, if any."""

    finding: Finding
    row: Kind | None = None


def kind_of(raw: dict[str, Any], at: Place) -> Known | NotModelled | NoObject | Unknown:
    """What apiVersion and kind say."""
    version, kind = raw.get("apiVersion"), raw.get("kind")
    if version is None and kind is None and "metadata" not in raw and "spec" not in raw:
        return Unknown(finding(codes.NOT_KUBERNETES, at()))
    if version is None or kind is None:
        return _incomplete(version, kind, at)
    for step, value in (("apiVersion", version), ("kind", kind)):
        if not isinstance(value, str):
            args = {"field": step, "expected": "text", "found": describe(value), "advice": "Put it in quotes."}
            return Unknown(finding(codes.WRONG_TYPE, at(step), **args))
    if row := KINDS.get((version, kind)):
        return Known(row)
    if version.startswith("kustomize.config.k8s.io/"):
        return NoObject()
    return _not_known(version, kind, at)


def name_of(raw: dict[str, Any], row: Kind, at: Place) -> tuple[Key | None, list[Finding]]:
    """The key of an object of a modelled kind; None where it has no usable name. Types are the schema's business and not reported here."""
    metadata = raw.get("metadata")
    fields: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
    name, namespace = fields.get("name"), fields.get("namespace")
    findings: list[Finding] = []
    if name in (None, "") and not fields.get("generateName"):
        if metadata is None or isinstance(metadata, dict):
            findings.append(
                finding(
                    codes.MISSING_IDENTITY,
                    at("metadata"),
                    field="metadata.name",
                    where=f" in a {row.name}",
                    to_add="metadata.name",
                    suggestion="",
                )
            )
        return None, findings
    if not row.namespaced:
        namespace = ""
    elif namespace in (None, ""):
        namespace = "default"
    elif isinstance(namespace, str) and not is_dns_label(namespace):
        findings.append(_invalid(namespace, ("metadata", "namespace"), True, at))
    if isinstance(name, str) and not (is_dns_label if row.label_name else is_dns_subdomain)(name):
        findings.append(_invalid(name, ("metadata", "name"), row.label_name, at))
    if not isinstance(namespace, str) or not isinstance(name, str | None):
        return None, findings
    return Key(row.group, row.name, namespace, name or ""), findings


def _incomplete(version: Any, kind: Any, at: Place) -> Unknown:
    rows = BY_NAME.get(kind, ()) if isinstance(kind, str) else ()
    missing = "apiVersion and no kind" if version is None and kind is None else "apiVersion" if version is None else "kind"
    where = f" in a {kind}" if isinstance(kind, str) else ""
    suggestion = ", here " + " or ".join(f"`{row.api_version}`" for row in rows) if rows else ""
    return Unknown(
        finding(codes.MISSING_IDENTITY, at(), field=missing, where=where, to_add=missing.replace(" no ", " "), suggestion=suggestion),
        _only(rows),
    )


def _not_known(version: str, kind: str, at: Place) -> NotModelled | Unknown:
    builtin = builtin_kinds()
    group = version.rpartition("/")[0]
    groups = {one.rpartition("/")[0] for one in builtin} | {"extensions"}
    if rows := BY_NAME.get(kind):
        meant = [row for row in rows if row.group == group] or [row for row in rows if nearest(group, (row.group,), 0.8)]
        served = " or ".join(row.api_version for row in meant or rows)
        if (version, kind) in REMOVED:
            removed, advice = REMOVED[version, kind]
            args = {"api_version": version, "kind": kind, "removed": removed, "served": served, "advice": advice}
            return Unknown(finding(codes.OLD_API_VERSION, at("apiVersion"), **args), _only(meant or rows))
        if meant or group in groups or "." not in group:
            args = {"kind": kind, "api_version": version, "served": served}
            return Unknown(finding(codes.UNKNOWN_API_VERSION, at("apiVersion"), **args), _only(meant or rows))
        return NotModelled(f"{version}/{kind}")
    if nearest(kind, (row.name for row in KINDS.values() if row.whole and version in row.api_versions), 0.8):
        return _misspelt(version, kind, at)
    if version not in builtin and (near := nearest(version, builtin, 0.9)) and near.rpartition("/")[0] != group:
        args = {"kind": kind, "api_version": version, "served": near}
        return Unknown(finding(codes.UNKNOWN_API_VERSION, at("apiVersion"), **args))
    if kind in builtin.get(version, ()) or (version not in builtin and "." in group):
        return NotModelled(f"{version}/{kind}")
    if version not in builtin and any(kind in kinds for one, kinds in builtin.items() if one.rpartition("/")[0] == group):
        return NotModelled(f"{version}/{kind}")  # another version of a kind that Seaway does not model
    return _misspelt(version, kind, at)


def _misspelt(version: str, kind: str, at: Place) -> NotModelled | Unknown:
    """A kind that does not exist, in a group whose kinds are known."""
    builtin = builtin_kinds()
    near = nearest(kind, builtin.get(version, ())) or nearest(kind, BY_NAME)
    if near is None and kind.endswith("List"):
        return NotModelled(f"{version}/{kind}")
    row = _only(BY_NAME.get(near, ())) if near else None
    suggestion = f", did you mean {near}{f' ({row.api_version})' if row and version not in row.api_versions else ''}?" if near else ""
    return Unknown(finding(codes.UNKNOWN_KIND, at("kind"), kind=kind, api_version=version, suggestion=suggestion), row)


def _only(rows: Sequence[Kind]) -> Kind | None:
    """The kind that was meant, where that is certain."""
    return rows[0] if len(rows) == 1 else None


def _invalid(value: str, path: tuple[Step, ...], label: bool, at: Place) -> Finding:
    rule = "lower-case letters, digits and `-`" + ("" if label else " and `.`") + ", with a letter or digit at both ends"
    rule += f"; at most {63 if label else 253} characters"
    better = re.sub(r"[^a-z0-9.-]+" if not label else r"[^a-z0-9-]+", "-", value.lower()).strip("-.")[: 63 if label else 253]
    suggestion = f", for example `{better}`" if better and better != value else ""
    return finding(codes.INVALID_NAME, at(*path), field=".".join(map(str, path)), value=value, rule=rule, suggestion=suggestion)
