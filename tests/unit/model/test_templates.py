"""Templates in header values; each one that is taken is asked of Envoy, too (tests/unit/plans/envoy/test_validate.py)."""

from __future__ import annotations

import pytest

from seaway.model.templates import template_problem

TAKEN = [
    "",
    "plain",
    "100%%",
    "%%%%",
    "a%%b %PROTOCOL% c",
    "%REQ(x-user)%",
    "%REQ(:authority?x-host):20%",
    "%REQ(a)%%RESP(b)%",
    "%START_TIME%",
    "%START_TIME(%Y-%m-%dT%H:%M:%S%z)%",
    "%GRPC_STATUS(NUMBER)%",
    "%DYNAMIC_METADATA(a:b c:d)%",
    '%UPSTREAM_METADATA(["istio", "mesh"])%',
    "%METADATA(ROUTE:seaway:from)%",
    "%FILTER_STATE(a.b:PLAIN):5%",
    "%ENVIRONMENT(HOME)%",
    "%QUERY_PARAM(v)%",
    "%PATH(NQ)%",
]


@pytest.mark.parametrize("text", TAKEN)
def test_taken(text: str) -> None:
    assert template_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("100%", "encloses no command"),
        ("a%b%c", "encloses no command"),
        ("%%%", "encloses no command"),
        ("%req(x)%", "encloses no command"),
        ("%REQ(x)", "encloses no command"),
        ("%FOO%", "no command"),
        ("%CEL(1)%", "no command"),
        ("%REQ%", "not how"),
        ("%REQ()%", "not how"),
        ("%REQ(a b)%", "not how"),
        ("%REQ(a:b)%", "not how"),
        ("%METADATA(FOO:a)%", "not how"),
        ("%UPSTREAM_METADATA(a):3%", "not how"),
        ("%PROTOCOL(x)%", "takes no argument"),
        ("%PROTOCOL:3%", "takes no argument"),
        ("%GRPC_STATUS(FOO)%", "does not take"),
        ("%START_TIME(%f):3%", "does not take"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    assert problem in template_problem(text)
