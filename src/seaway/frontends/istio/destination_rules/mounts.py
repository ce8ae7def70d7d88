"""Files that pods of a namespace mount from Secrets and ConfigMaps, into containers or, by Istio's annotations, into their proxy.

A DestinationRule names certificates by their path in the caller's proxy. There is no such container here; what would be mounted there is
in the manifests all the same.
"""

from __future__ import annotations

import base64
import json
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.resources.core_v1 import ConfigMap, Secret
from seaway.snapshot import Snapshot

VOLUMES, MOUNTS = "sidecar.istio.io/userVolume", "sidecar.istio.io/userVolumeMount"

Raw = Mapping[str, Any]


def mounted_file(snapshot: Snapshot, namespace: str, path: str) -> tuple[bytes, Key, Origin] | None:
    """What stands at this path in some pod of the namespace: the content, and the object and line that it comes from."""
    for template in _templates(snapshot, namespace):
        for folder, volume in _mounts(template):
            if not path.startswith(f"{folder.rstrip('/')}/"):
                continue
            found = _content(snapshot, namespace, volume, posixpath.relpath(path, folder))
            if found is not None:
                return found
    return None


def _templates(snapshot: Snapshot, namespace: str) -> Iterator[Raw]:
    """Pods and pod templates as written."""
    for resource in snapshot.objects.values():
        if resource.key.namespace != namespace:
            continue
        spec = _mapping(resource.raw.get("spec"))
        if resource.key.kind == "Pod":
            yield resource.raw
        elif "template" in spec:
            yield _mapping(spec["template"])
        elif "jobTemplate" in spec:
            yield _mapping(_mapping(_mapping(spec["jobTemplate"]).get("spec")).get("template"))


def _mounts(template: Raw) -> Iterator[tuple[str, Raw]]:
    """Folders with the volumes in them; those of the proxy first."""
    annotations = _mapping(_mapping(template.get("metadata")).get("annotations"))
    volumes = _annotated(annotations.get(VOLUMES))
    for name, mount in _annotated(annotations.get(MOUNTS)).items():
        yield str(mount.get("mountPath", "")), volumes.get(name, {})
    spec = _mapping(template.get("spec"))
    named = {str(_mapping(one).get("name")): _mapping(one) for one in spec.get("volumes") or ()}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for mount in _mapping(container).get("volumeMounts") or ():
            yield str(_mapping(mount).get("mountPath", "")), named.get(str(_mapping(mount).get("name")), {})


def _annotated(text: object) -> dict[str, Raw]:
    """The value of one of the annotations: JSON, an object by volume name or a list of objects with names."""
    try:
        value = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    if isinstance(value, list):
        return {str(_mapping(one).get("name")): _mapping(one) for one in value}
    return {str(name): _mapping(one) for name, one in _mapping(value).items()}


def _content(snapshot: Snapshot, namespace: str, volume: Raw, file: str) -> tuple[bytes, Key, Origin] | None:
    if "secret" in volume:
        source = _mapping(volume["secret"])
        secret = snapshot.get(Secret, "", namespace, str(source.get("secretName", "")))
        key = _key(source, file)
        if secret is None or key is None:
            return None
        if key in secret.body.string_data:
            return secret.body.string_data[key].encode(), secret.key, secret.at("stringData", key)
        return (base64.b64decode(secret.body.data[key]), secret.key, secret.at("data", key)) if key in secret.body.data else None
    if "configMap" in volume:
        source = _mapping(volume["configMap"])
        config = snapshot.get(ConfigMap, "", namespace, str(source.get("name", "")))
        key = _key(source, file)
        if config is not None and key is not None and key in config.body.data:
            return config.body.data[key].encode(), config.key, config.at("data", key)
    return None


def _key(source: Raw, file: str) -> str | None:
    """The key that is mounted as this file: its own name, or what `items` says."""
    items = source.get("items")
    if not items:
        return file
    return next((str(_mapping(one).get("key")) for one in items if _mapping(one).get("path") == file), None)


def _mapping(value: object) -> Raw:
    return value if isinstance(value, Mapping) else {}
