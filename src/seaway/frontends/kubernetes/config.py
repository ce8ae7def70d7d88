"""ConfigMaps and Secrets as programs read them: bytes by key. That their base64 is sound was checked when they were read."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from seaway.resources.core_v1 import ConfigMap, Secret
from seaway.snapshot import Snapshot

Values = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Config:
    """Values by (namespace, name). Secrets' values are never printed."""

    config_maps: Mapping[tuple[str, str], Values]
    secrets: Mapping[tuple[str, str], Values]

    def __repr__(self) -> str:
        return f"Config({len(self.config_maps)} ConfigMaps, {len(self.secrets)} Secrets)"


def read_config(snapshot: Snapshot) -> Config:
    """All ConfigMaps (`data` only: the kubelet makes no variables of `binaryData`) and Secrets (`stringData` wins over `data`)."""
    maps: dict[tuple[str, str], Values] = {}
    for one in snapshot.of(ConfigMap):
        maps[one.key.namespace, one.key.name] = {key: text.encode() for key, text in one.body.data.items()}
    secrets: dict[tuple[str, str], Values] = {}
    for one in snapshot.of(Secret):
        decoded = {key: base64.b64decode(value) for key, value in one.body.data.items()}
        secrets[one.key.namespace, one.key.name] = decoded | {key: text.encode() for key, text in one.body.string_data.items()}
    return Config(maps, secrets)
