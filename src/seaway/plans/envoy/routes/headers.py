"""Changes of headers, as Envoy's lists of headers to add and to remove."""

from __future__ import annotations

from collections.abc import Iterable

from seaway.model.route import HeaderOps
from seaway.plans.envoy.proto import Fields

OVERWRITE, APPEND = "OVERWRITE_IF_EXISTS_OR_ADD", "APPEND_IF_EXISTS_OR_ADD"


def header_changes(request: Iterable[HeaderOps], response: Iterable[HeaderOps]) -> Fields:
    """All of these, one after the other; fields of a Route or a ClusterWeight. Envoy removes before it adds."""
    fields: dict[str, object] = {}
    for way, every in (("request", tuple(request)), ("response", tuple(response))):
        added = [option for ops in every for option in _added(ops)]
        removed = [name for ops in every for name in ops.remove]
        if added:
            fields[f"{way}_headers_to_add"] = added
        if removed:
            fields[f"{way}_headers_to_remove"] = removed
    return fields


def header_option(name: str, value: str, action: str = OVERWRITE) -> Fields:
    return {"header": {"key": name, "value": value}, "append_action": action}


def _added(ops: HeaderOps) -> Iterable[Fields]:
    yield from (header_option(name, value) for name, value in ops.set)
    yield from (header_option(name, value, APPEND) for name, value in ops.add)
