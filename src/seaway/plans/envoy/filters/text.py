"""Conditions on text as Envoy's matchers have them."""

from __future__ import annotations

from seaway.model.route import Text
from seaway.plans.envoy.proto import Fields

ANY_TEXT: Fields = {"safe_regex": {"regex": ".+"}}
"""Present and not empty: an empty prefix is no matcher to Envoy."""


def string_matcher(text: Text) -> Fields:
    """StringMatcher. A regular expression must match the whole text."""
    match text.kind:
        case "present":
            return ANY_TEXT
        case "regex":
            return {"safe_regex": {"regex": text.value}}
        case _:
            return {text.kind: text.value, **({"ignore_case": True} if text.ignore_case else {})}


def header_matcher(name: str, text: Text) -> Fields:
    """HeaderMatcher."""
    if text.kind == "present":
        return {"name": name, "present_match": True}
    return {"name": name, "string_match": string_matcher(text)}
