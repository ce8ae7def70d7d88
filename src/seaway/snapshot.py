"""All manifests at one instant: typed, immutable, ordered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, TypeVar, cast

from seaway.core.finding import Findings
from seaway.core.names import Key
from seaway.resources.meta import Struct
from seaway.resources.resource import Resource

Body = TypeVar("Body", bound=Struct)


@dataclass(frozen=True)
class Snapshot:
    """The objects of a cluster, each once, in the order of their keys.

    `not_modelled` counts objects of other kinds by `apiVersion/Kind`. `findings` are what reading them found.
    `version` hashes keys and contents: the same objects give the same version, wherever they stand.
    """

    objects: Mapping[Key, Resource[Any]]
    findings: Findings = ()
    not_modelled: Mapping[str, int] = field(default_factory=dict[str, int])
    version: str = ""

    def of(self, body: type[Body]) -> Iterator[Resource[Body]]:
        """All objects whose body is of this struct type, in the order of their keys."""
        return iter(cast("list[Resource[Body]]", self._by_body.get(body, ())))

    @cached_property
    def _by_body(self) -> Mapping[type, list[Resource[Any]]]:
        found: defaultdict[type, list[Resource[Any]]] = defaultdict(list)
        for resource in self.objects.values():
            found[type(resource.body)].append(resource)
        return found

    def get(self, body: type[Body], group: str, namespace: str, name: str) -> Resource[Body] | None:
        found = self.objects.get(Key(group, body.__name__, namespace, name))
        return cast(Resource[Body], found) if found is not None else None


def snapshot_of(resources: Iterable[Resource[Any]], findings: Findings = (), not_modelled: Mapping[str, int] | None = None) -> Snapshot:
    """A snapshot of these resources; of two with one key the first stays (the reader has reported the second)."""
    objects: dict[Key, Resource[Any]] = {}
    for resource in sorted(resources, key=lambda one: one.key):
        objects.setdefault(resource.key, resource)
    parts = (part for key, resource in objects.items() for part in (*key, resource.digest))
    version = blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
    return Snapshot(objects, findings, dict(not_modelled or {}), version)
