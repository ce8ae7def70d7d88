"""ConfigMaps and Secrets as programs read them: bytes by key. That their base64 is sound was checked when they were read."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from seaway.core.memo import Memo
from seaway.resources.core_v1 import ConfigMap, Secret
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot

Values = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Config:
    """Values by (namespace, name). Secrets' values are never printed."""

    config_maps: Mapping[tuple[str, str], Values]
    secrets: Mapping[tuple[str, str], Values]

    def only(self, named: Collection[tuple[str, str]]) -> Config:
        """What of it goes by one of these names."""
        if not named:
            return NOTHING
        return Config(*({name: one for name, one in of.items() if name in named} for of in (self.config_maps, self.secrets)))

    def __repr__(self) -> str:
        return f"Config({len(self.config_maps)} ConfigMaps, {len(self.secrets)} Secrets)"


NOTHING = Config({}, {})


def read_config(snapshot: Snapshot, memo: Memo) -> Config:
    """All ConfigMaps (`data` only: the kubelet makes no variables of `binaryData`) and Secrets (`stringData` wins over `data`)."""
    maps = {(one.key.namespace, one.key.name): memo(one.key, _of_config_map, one) for one in snapshot.of(ConfigMap)}
    secrets = {(one.key.namespace, one.key.name): memo(one.key, _of_secret, one) for one in snapshot.of(Secret)}
    return Config(maps, secrets)


def _of_config_map(resource: Resource[ConfigMap]) -> Values:
    return {key: text.encode() for key, text in resource.body.data.items()}


def _of_secret(resource: Resource[Secret]) -> Values:
    decoded = {key: base64.b64decode(value) for key, value in resource.body.data.items()}
    return decoded | {key: text.encode() for key, text in resource.body.string_data.items()}
