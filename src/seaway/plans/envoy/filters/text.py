"""Conditions on text as Envoy's matchers have them."""

from __future__ import annotations

import re2

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
    """HeaderMatcher. White space around a value does not count: HTTP/2 can carry it, and on HTTP/1.1 the next reader would not see it."""
    if text.kind == "present":
        return {"name": name, "present_match": True}
    return {"name": name, "string_match": string_matcher(text if name.startswith(":") else _trimmed(text))}


def _trimmed(text: Text) -> Text:
    """The same text, with or without blanks around it."""
    blanks, rest = r"[ \t]*", r"[\s\S]*"
    value = text.value if text.kind == "regex" else re2.escape(text.value)
    before = rest if text.kind in ("suffix", "contains") else blanks
    after = rest if text.kind in ("prefix", "contains") else blanks
    case = "(?i)" if text.ignore_case else ""
    return Text("regex", f"{case}{before}(?:{value}){after}")
