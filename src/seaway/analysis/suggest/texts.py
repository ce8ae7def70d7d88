"""The texts that a workload's pods are started with: variables, commands and arguments, and the ConfigMaps and Secrets that they read.

Of Secrets nothing is ever shown: only hosts are looked for in them, and only the key is named.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from seaway.core.origin import Origin
from seaway.frontends.kubernetes.env import expand
from seaway.resources.core_v1 import ConfigMap, Container, EnvVar, PodSpec, Secret
from seaway.resources.resource import TEXT, Resource, Step
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Text:
    """One value or one line of a file. `called` is its variable, flag or key, `where` what it is in words."""

    text: str
    called: str
    where: str
    origin: Origin


def texts_of(resource: Resource[Any], snapshot: Snapshot) -> Iterator[Text]:
    """All of an object that makes pods."""
    path: tuple[Step, ...] = () if resource.key.kind == "Pod" else ("spec", "template")
    spec: PodSpec = resource.body.spec if not path else resource.body.spec.template.spec
    reader = _Reader(resource, snapshot)
    for kind, containers in (("containers", spec.containers), ("initContainers", spec.init_containers)):
        for index, container in enumerate(containers):
            yield from reader.container(container, (*path, "spec", kind, index))
    yield from reader.volumes(_dig(resource.raw, (*path, "spec", "volumes")))


def _dig(raw: Any, path: tuple[Step, ...]) -> Any:
    for step in path:
        raw = raw.get(step) if isinstance(raw, dict) else None
    return raw


@dataclass(frozen=True, slots=True)
class _Reader:
    resource: Resource[Any]
    snapshot: Snapshot

    def container(self, container: Container, path: tuple[Step, ...]) -> Iterator[Text]:
        values: dict[str, str] = {}
        for source in container.env_from:
            for kind, reference in ((ConfigMap, source.config_map_ref), (Secret, source.secret_ref)):
                for key, text, where, origin in self._keys(kind, reference.name if reference else ""):
                    values[source.prefix + key] = text
                    yield Text(text, source.prefix + key, where, origin)
        for index, variable in enumerate(container.env):
            found = self._variable(variable, (*path, "env", index), values)
            if found is not None:
                values[variable.name] = found.text
                yield found
        words = (("command", container.command), ("args", container.args))
        for field, some in words:
            for index, word in enumerate(some):
                before = some[index - 1] if index and some[index - 1].startswith("-") else ""
                at = (*path, field, index)
                where = f"{field} of container {container.name}"
                yield from _lines(expand(word, values), before, where, self.resource.at(*at), _first_line(self.resource, at))

    def _variable(self, variable: EnvVar, path: tuple[Step, ...], values: dict[str, str]) -> Text | None:
        where = f"variable {variable.name}"
        source = variable.value_from
        if source is None:
            return Text(expand(variable.value or "", values), variable.name, where, self.resource.at(*path, "value"))
        for kind, reference in ((ConfigMap, source.config_map_key_ref), (Secret, source.secret_key_ref)):
            if reference is not None:
                for key, text, held, origin in self._keys(kind, reference.name):
                    if key == reference.key:
                        return Text(text, variable.name, f"{where}, {held}", origin)
        return None

    def volumes(self, volumes: Any) -> Iterator[Text]:
        """Files of ConfigMaps and Secrets; the structs have no volumes, since nothing else is asked of them."""
        for volume in cast("list[Any]", volumes) if isinstance(volumes, list) else []:
            projected = _dig(volume, ("projected", "sources"))
            sources = [volume, *(cast("list[Any]", projected) if isinstance(projected, list) else [])]
            for source in sources:
                named = ((ConfigMap, _dig(source, ("configMap", "name"))), (Secret, _dig(source, ("secret", "secretName"))))
                for kind, name in (*named, (Secret, _dig(source, ("secret", "name")))):
                    for key, text, where, origin in self._keys(kind, name):
                        yield from _lines(text, key, where, origin, self._file_line(kind, name, key))

    def _keys(self, kind: type[ConfigMap] | type[Secret], name: Any) -> Iterator[tuple[str, str, str, Origin]]:
        found = self.snapshot.get(kind, "", self.resource.key.namespace, name) if isinstance(name, str) and name else None
        if found is None:
            return
        for key, value in found.body.data.items():
            text = value if kind is ConfigMap else base64.b64decode(value).decode(errors="replace")
            yield key, text, f"key {key} of {kind.__name__} {name}", found.at("data", key)
        for key, text in found.body.string_data.items() if isinstance(found.body, Secret) else ():
            yield key, text, f"key {key} of Secret {name}", found.at("stringData", key)

    def _file_line(self, kind: type[ConfigMap] | type[Secret], name: str, key: str) -> int:
        found = self.snapshot.get(kind, "", self.resource.key.namespace, name)
        return _first_line(found, ("data" if kind is ConfigMap else "stringData", key)) if found is not None else 0


def _first_line(resource: Resource[Any], path: tuple[Step, ...]) -> int:
    """Where the text of a literal block begins; 0 for other scalars, whose lines are not those of the file."""
    mark = resource.mark
    for step in (*path, TEXT):
        child = mark.children.get(step) if mark.children else None
        if child is None:
            return 0
        mark = child
    return mark.line


def _lines(text: str, called: str, where: str, origin: Origin, first: int) -> Iterator[Text]:
    lines = text.split("\n")
    for number, line in enumerate(lines):
        at = Origin(origin.file, first + number, 1, origin.field) if first else origin
        if line.strip() and not line.lstrip().startswith(("#", "//")):
            yield Text(line, called if len(lines) == 1 else "", where, at)
