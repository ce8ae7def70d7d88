"""http[].corsPolicy."""

from __future__ import annotations

import pytest

from seaway.model.route import Cors, Text


@pytest.mark.parametrize(
    ("policy", "want"),
    [
        ("{}", Cors(())),
        (
            "{allowOrigins: [{exact: https://a}, {prefix: https}, {regex: '.*'}]}",
            Cors((Text("exact", "https://a"), Text("prefix", "https"), Text("regex", ".*"))),
        ),
        ("{allowOrigin: [https://a]}", Cors((Text("exact", "https://a"),))),
        ("{allowOrigin: [https://b], allowOrigins: [{exact: https://a}]}", Cors((Text("exact", "https://a"),))),
        (
            "{allowMethods: [GET, '*'], allowHeaders: [x-a, '*'], exposeHeaders: [x-b], maxAge: 24h, allowCredentials: true}",
            Cors((), ("GET", "*"), ("x-a", "*"), ("x-b",), 86400, True),
        ),
        ("{unmatchedPreflights: IGNORE, allowCredentials: false}", Cors((), credentials=False, forward_unmatched=False)),
        ("{unmatchedPreflights: FORWARD}", Cors(())),
    ],
)
def test_policies(world, http, policy, want):
    built = world(http(f"corsPolicy: {policy}"))
    assert built.route().policy.cors == want
    assert built.found == []


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ("{allowOrigins: [{}]}", "an origin is empty"),
        ("{allowOrigins: [{exact: ''}]}", "an origin is empty"),
        ("{allowOrigins: [{regex: '('}]}", "no RE2"),
        ("{allowMethods: [get]}", "get is no HTTP method"),
        ("{allowHeaders: ['a b']}", "no header name"),
        ("{exposeHeaders: ['']}", "no header name"),
        ("{maxAge: 1500ms}", "whole seconds"),
        ("{maxAge: 0s}", "maxAge"),
        ("{unmatchedPreflights: MAYBE}", "MAYBE"),
    ],
)
def test_refused(world, http, policy, problem):
    built = world(http(f"corsPolicy: {policy}"))
    assert built.found == ["NET0541:4"]
    assert problem in built.messages[0]
