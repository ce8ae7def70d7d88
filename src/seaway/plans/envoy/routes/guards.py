"""Guards: what a request's headers must be besides its host and path, as Envoy's HeaderMatcher."""

from __future__ import annotations

from seaway.plans.envoy.proto import Fields


def authority(pattern: str, invert: bool = False) -> Fields:
    """The whole Host header, port and all, matches (or does not match) this expression."""
    return header(":authority", pattern, invert)


def header(name: str, pattern: str, invert: bool = False) -> Fields:
    """The whole value matches this RE2 expression; `:path` includes the query."""
    return {"name": name, "string_match": {"safe_regex": {"regex": pattern}}, "invert_match": invert}
