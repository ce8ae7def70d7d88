"""Which requests a route is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from seaway.model.route import ClaimMatch, Conditions, Exact, HeaderMatch, PathMatch, QueryMatch, Regex, Text, TextPrefix

if TYPE_CHECKING:
    from tests.unit.plans.envoy.routes.conftest import Planned


@pytest.mark.parametrize(
    ("path", "want"),
    [
        (Exact("/a"), {"path": "/a"}),
        (TextPrefix("/a"), {"prefix": "/a"}),
        (TextPrefix(""), {"prefix": ""}),
        (Regex("/a.*", 4), {"safe_regex": {"regex": "/a.*"}}),
    ],
    ids=repr,
)
def test_paths(planned: Planned, path: PathMatch, want: dict[str, Any]) -> None:
    assert planned(path=path)["match"] == want


@pytest.mark.parametrize(
    ("header", "want"),
    [
        pytest.param(HeaderMatch("a", Text("exact", "b")), {"name": "a", "string_match": {"exact": "b"}}, id="exact"),
        pytest.param(HeaderMatch("a", Text("exact", "")), {"name": "a", "string_match": {"exact": ""}}, id="empty"),
        pytest.param(
            HeaderMatch("a", Text("prefix", "b", True)), {"name": "a", "string_match": {"prefix": "b", "ignore_case": True}}, id="any-case"
        ),
        pytest.param(
            HeaderMatch(":method", Text("regex", "GET|PUT")),
            {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|PUT"}}},
            id="regex",
        ),
        pytest.param(HeaderMatch("a", Text("present")), {"name": "a", "present_match": True}, id="present"),
        pytest.param(
            HeaderMatch("a", Text("exact", "b"), invert=True, missing_matches=True),
            {"name": "a", "string_match": {"exact": "b"}, "invert_match": True, "treat_missing_header_as_empty": True},
            id="without",
        ),
        pytest.param(
            HeaderMatch("a", Text("present"), invert=True, missing_matches=True),
            {"name": "a", "present_match": True, "invert_match": True},
            id="absent",
        ),
    ],
)
def test_headers(planned: Planned, header: HeaderMatch, want: dict[str, Any]) -> None:
    assert planned(conditions=Conditions(headers=(header,)))["match"]["headers"] == [want]


def test_queries_and_case(planned: Planned) -> None:
    conditions = Conditions(query=(QueryMatch("v", Text("exact", "2")), QueryMatch("debug", Text("present"))), ignore_path_case=True)
    assert planned(path=Exact("/A"), conditions=conditions)["match"] == {
        "path": "/A",
        "case_sensitive": False,
        "query_parameters": [{"name": "v", "string_match": {"exact": "2"}}, {"name": "debug", "present_match": True}],
    }


def test_claims(planned: Planned) -> None:
    """The claim itself, or a list that holds it, in what the token's filter left."""
    conditions = Conditions(claims=(ClaimMatch(("groups",), Text("exact", "admin")), ClaimMatch(("a", "b"), Text("present"), invert=True)))
    admin = {"string_match": {"exact": "admin"}}
    assert planned(conditions=conditions)["match"]["dynamic_metadata"] == [
        {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{"key": "payload"}, {"key": "groups"}],
            "value": {"or_match": {"value_matchers": [admin, {"list_match": {"one_of": admin}}]}},
        },
        {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{"key": "payload"}, {"key": "a"}, {"key": "b"}],
            "value": {"present_match": True},
            "invert": True,
        },
    ]


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(headers=(HeaderMatch("", Text("present")),)),
        Conditions(headers=(HeaderMatch("a\n", Text("present")),)),
        Conditions(headers=(HeaderMatch("a", Text("prefix", "")),)),
        Conditions(headers=(HeaderMatch("a", Text("regex", "(")),)),
        Conditions(headers=(HeaderMatch("a", Text("exact", "\udc80")),)),
        Conditions(query=(QueryMatch("", Text("present")),)),
        Conditions(query=(QueryMatch("a" * 1025, Text("present")),)),
        Conditions(query=(QueryMatch("a", Text("regex", "")),)),
        Conditions(claims=(ClaimMatch((), Text("present")),)),
        Conditions(claims=(ClaimMatch(("a", ""), Text("present")),)),
        Conditions(claims=(ClaimMatch(("a",), Text("regex", "[")),)),
    ],
    ids=ascii,
)
def test_conditions_that_envoy_refuses_make_no_route(planned: Planned, conditions: Conditions) -> None:
    assert planned.all(planned.route(conditions=conditions)) == []
