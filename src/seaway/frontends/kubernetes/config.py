"""ConfigMaps and Secrets as programs read them: text by key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.core.codes.workloads import BAD_BASE64
from seaway.core.finding import Finding, Findings, finding
from seaway.resources.core_v1 import ConfigMap, Secret
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot

Values = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Config:
    """Values by (namespace, name). Objects that the API server would refuse are not in it. Secrets' values are never printed."""

    config_maps: Mapping[tuple[str, str], Values]
    secrets: Mapping[tuple[str, str], Values]

    def __repr__(self) -> str:
        return f"Config({len(self.config_maps)} ConfigMaps, {len(self.secrets)} Secrets)"


def read_config(snapshot: Snapshot) -> tuple[Config, Findings]:
    """All ConfigMaps and Secrets, decoded; `stringData` wins over `data`, as the API server merges them."""
    findings: list[Finding] = []
    maps: dict[tuple[str, str], Values] = {}
    secrets: dict[tuple[str, str], Values] = {}
    for resource in snapshot.objects.values():
        name = (resource.key.namespace, resource.key.name)
        match resource.body:
            case ConfigMap(data=data, binary_data=binary):
                problems = list(_undecodable(resource, "binaryData", binary))
                if not problems:
                    maps[name] = {key: text.encode() for key, text in data.items()}
            case Secret(data=data, string_data=plain):
                problems = list(_undecodable(resource, "data", data))
                if not problems:
                    decoded = {key: base64.b64decode(_compact(value)) for key, value in data.items()}
                    secrets[name] = decoded | {key: text.encode() for key, text in plain.items()}
            case _:
                continue
        findings += problems
    return Config(maps, secrets), tuple(findings)


def _compact(value: str) -> str:
    """Go's decoder, which the API server uses, passes over line breaks."""
    return value.replace("\n", "").replace("\r", "")


def _undecodable(resource: Resource[Any], field: str, values: Mapping[str, str]) -> Iterator[Finding]:
    for key, value in values.items():
        try:
            base64.b64decode(_compact(value), validate=True)
        except (binascii.Error, ValueError):
            yield finding(BAD_BASE64, resource.at(field, key), resource.key, field=field, key=key, kind=resource.key.kind)
