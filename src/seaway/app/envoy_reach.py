"""Which pieces of Envoy's configuration one pod uses: its listeners, and what they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]

_PLACES = ("inbound", "outbound", "gateway")


@dataclass(frozen=True, slots=True)
class Reach:
    """Names of listeners, of route tables, of clusters and of secrets."""

    listeners: frozenset[str]
    routes: frozenset[str]
    clusters: frozenset[str]
    secrets: frozenset[str]


def reach_of(pod: str, listeners: Iterable[Config], routes: Iterable[Config], clusters: Iterable[Config]) -> Reach | None:
    """Of a pod by `namespace/name`; None where no listener is its own."""
    mine = [one for one in listeners if _is_of(one["name"], pod)]
    if not mine:
        return None
    tables = {name for one in mine for name in _values(one, "route_config_name")}
    own = [one for one in routes if one["name"] in tables]
    used = {name for one in (*mine, *own) for name in _clusters(one)}
    named = {name for one in (*mine, *(each for each in clusters if each["name"] in used)) for name in _secrets(one)}
    return Reach(frozenset(one["name"] for one in mine), frozenset(tables), frozenset(used), frozenset(named))


def _is_of(listener: str, pod: str) -> bool:
    place, _, rest = listener.partition("/")
    return place in _PLACES and (rest == pod or rest.startswith(f"{pod}/"))


def _clusters(config: Config) -> Iterator[str]:
    """Where something is sent: one cluster, several by weight, mirrors, authorizers."""
    yield from _values(config, "cluster")
    yield from _values(config, "cluster_name")
    for one in _values(config, "weighted_clusters"):
        yield from _values(one, "name")


def _secrets(config: Config) -> Iterator[str]:
    """Certificates that are named in place, or by what a connection carries."""
    for key in ("tls_certificate_sds_secret_configs", "validation_context_sds_secret_config"):
        for found in _values(config, key):
            yield from _values({"found": found}, "name")
    yield from (text for text in _values(config, "inline_string") if isinstance(text, str) and text.startswith("client|"))


def _values(value: Any, key: str) -> Iterator[Any]:
    """All values under this key, at any depth."""
    if isinstance(value, dict):
        for name, one in value.items():  # pyright: ignore[reportUnknownVariableType]
            if name == key:
                yield one
            else:
                yield from _values(one, key)
    elif isinstance(value, list):
        for one in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _values(one, key)
