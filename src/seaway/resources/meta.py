"""What all objects share: metadata and selectors (apimachinery's meta/v1).

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
"""

from __future__ import annotations

import msgspec


class Struct(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of all manifest structs: immutable, fields in the API's camelCase, only the fields that Seaway honours."""


class OwnerReference(Struct, frozen=True, kw_only=True):
    """The object that made this one, e.g. the Deployment of a ReplicaSet: `controller` marks the one that manages it."""

    kind: str = ""
    name: str = ""
    controller: bool = False


class ObjectMeta(Struct, frozen=True, kw_only=True):
    name: str = ""
    generate_name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    creation_timestamp: str | None = None
    owner_references: tuple[OwnerReference, ...] = ()


class LabelSelectorRequirement(Struct, frozen=True, kw_only=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(Struct, frozen=True, kw_only=True):
    """Labels and expressions are ANDed; an empty selector selects everything."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()
