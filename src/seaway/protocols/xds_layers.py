"""All resources of one Envoy, in layers that many Envoys share: a difference costs what changed, not what exists, nor how many have it.

A plan of a thousand nodes is some layers that all of them hold, and a small one of each node's own. Layers are compared with their
predecessors of the same name, and that once for all nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from weakref import WeakKeyDictionary

from seaway.protocols.xds_resource import XdsResource

ResourceName = tuple[str, str]
"""Type URL and name."""


class Layer:
    """Resources, each (type, name) once; of several the first counts. Never changes, and hashes by identity."""

    def __init__(self, resources: Iterable[XdsResource] = ()) -> None:
        by_name: dict[ResourceName, XdsResource] = {}
        for one in resources:
            by_name.setdefault((one.type_url, one.name), one)
        self.by_name: Mapping[ResourceName, XdsResource] = by_name
        self._differences: WeakKeyDictionary[Layer, frozenset[ResourceName]] = WeakKeyDictionary()

    @cached_property
    def types(self) -> frozenset[str]:
        return frozenset(type_url for type_url, _ in self.by_name)

    def changed_since(self, former: Layer) -> frozenset[ResourceName]:
        """The names that only one of both has, or in another version. Found once for all who ask."""
        if former is self:
            return frozenset()
        known = self._differences.get(former)
        if known is None:
            known = self._differences[former] = frozenset(self._differing(former))
        return known

    def _differing(self, former: Layer) -> Iterator[ResourceName]:
        for name, one in self.by_name.items():
            other = former.by_name.get(name)
            if other is not one and (other is None or other.version != one.version):
                yield name
        yield from former.by_name.keys() - self.by_name.keys()


NOTHING = Layer()


class Resources:
    """What one Envoy should hold: layers by name, of which the first that has a resource counts. Never changes.

    Iterates over the resources in order of type and name. Equal where these are.
    """

    def __init__(self, layers: Mapping[str, Layer] | None = None) -> None:
        self.layers: Mapping[str, Layer] = {name: layer for name, layer in (layers or {}).items() if layer.by_name}

    @classmethod
    def of(cls, resources: Iterable[XdsResource]) -> Resources:
        """In one layer."""
        return cls({"": Layer(resources)})

    def get(self, name: ResourceName) -> XdsResource | None:
        for layer in self.layers.values():
            if (found := layer.by_name.get(name)) is not None:
                return found
        return None

    def names(self, type_url: str) -> set[str]:
        """The names of all resources of a type."""
        return {name for layer in self.layers.values() for kind, name in layer.by_name if kind == type_url}

    @property
    def types(self) -> frozenset[str]:
        """The types of which there is a resource."""
        return frozenset[str]().union(*(layer.types for layer in self.layers.values()))

    def changed_since(self, former: Resources) -> set[ResourceName]:
        """A few names, among them all that only one of both has, or in another version."""
        return {
            one
            for name in {**former.layers, **self.layers}
            for one in self.layers.get(name, NOTHING).changed_since(former.layers.get(name, NOTHING))
        }

    def is_same(self, other: Resources) -> bool:
        """Whether it is made of the very layers of the other."""
        ours, theirs = self.layers, other.layers
        return ours.keys() == theirs.keys() and all(layer is theirs[name] for name, layer in ours.items())

    def __iter__(self) -> Iterator[XdsResource]:
        merged: dict[ResourceName, XdsResource] = {}
        for layer in reversed(tuple(self.layers.values())):
            merged.update(layer.by_name)
        return iter([merged[name] for name in sorted(merged)])

    def __len__(self) -> int:
        return len({name for layer in self.layers.values() for name in layer.by_name})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Resources):
            return NotImplemented
        return self.is_same(other) or tuple(self) == tuple(other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # compared by what it holds, too large to be a key

    def __repr__(self) -> str:
        return repr(tuple(self))
