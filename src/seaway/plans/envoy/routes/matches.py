"""Which requests a route is for, as Envoy's RouteMatch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import re2

from seaway.model.route import ClaimMatch, Conditions, Exact, HeaderMatch, PathMatch, Prefix, QueryMatch, Regex, Text, TextPrefix
from seaway.plans.envoy.proto import Fields, wrapped

TOKEN_FILTER, TOKEN_PAYLOAD = "envoy.filters.http.jwt_authn", "payload"
"""Where the filter that verifies tokens leaves their claims: its own dynamic metadata, below this key."""


def build_match(path: PathMatch, conditions: Conditions, guards: Sequence[Fields]) -> Fields:
    """`guards` are further matchers of headers, tried first."""
    fields: dict[str, object] = {**_path(path), "headers": [*guards, *map(header_matcher, conditions.headers)]}
    if conditions.ignore_path_case:
        fields["case_sensitive"] = wrapped(False)
    if conditions.query:
        fields["query_parameters"] = [_query(one) for one in conditions.query]
    if conditions.claims:
        fields["dynamic_metadata"] = [_claim(one) for one in conditions.claims]
    return fields


def string_matcher(text: Text) -> Fields:
    """StringMatcher; not for presence, which Envoy has no text for."""
    assert text.kind != "present"
    value: object = {"regex": text.value} if text.kind == "regex" else text.value
    fields: dict[str, object] = {"safe_regex" if text.kind == "regex" else text.kind: value}
    return {**fields, "ignore_case": True} if text.ignore_case else fields


def header_matcher(match: HeaderMatch) -> Fields:
    """HeaderMatcher. One that asks for presence takes no word on how a missing header counts."""
    asked: Fields = {"present_match": True} if match.text.kind == "present" else {"string_match": string_matcher(match.text)}
    fields: dict[str, object] = {"name": match.name, **asked}
    if match.invert:
        fields["invert_match"] = True
    if match.missing_matches and match.text.kind != "present":
        fields["treat_missing_header_as_empty"] = True
    return fields


def _path(match: PathMatch) -> Fields:
    """Paths that `path_separated_prefix` refuses (`?`, `#`, a final slash) are spelt as an expression."""
    match match:
        case Exact(path):
            return {"path": path}
        case Prefix("/" | ""):
            return {"prefix": "/"}
        case Prefix(path) if "?" in path or "#" in path or path.endswith("/") or len(path) < 2:
            return {"safe_regex": {"regex": f"{re2.escape(path.rstrip('/'))}(?:/.*)?"}}
        case Prefix(path):
            return {"path_separated_prefix": path}
        case TextPrefix(path):
            return {"prefix": path}
        case Regex(pattern):
            return {"safe_regex": {"regex": pattern}}
        case _:
            assert_never(match)


def _query(match: QueryMatch) -> Fields:
    if match.text.kind == "present":
        return {"name": match.name, "present_match": True}
    return {"name": match.name, "string_match": string_matcher(match.text)}


def _claim(match: ClaimMatch) -> Fields:
    """The claim is the text, or a list that holds it."""
    value: Fields = {"present_match": True}
    if match.text.kind != "present":
        text = {"string_match": string_matcher(match.text)}
        value = {"or_match": {"value_matchers": [text, {"list_match": {"one_of": text}}]}}
    path = [{"key": key} for key in (TOKEN_PAYLOAD, *match.path)]
    fields: Fields = {"filter": TOKEN_FILTER, "path": path, "value": value}
    return {**fields, "invert": True} if match.invert else fields
