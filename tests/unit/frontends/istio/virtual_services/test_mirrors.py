"""http[].mirror and mirrors."""

from __future__ import annotations

import pytest

OTHER = "{host: other.far.svc.cluster.local}"


def copies(built):
    return [(str(one.to).partition(".svc")[0], one.percent) for one in built.route().policy.mirrors]


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        (f"mirror: {OTHER}", [("other.far", 100)]),
        (f"mirror: {OTHER}, mirrorPercentage: {{value: 0.5}}", [("other.far", 0.5)]),
        (f"mirror: {OTHER}, mirrorPercentage: {{}}", []),
        (f"mirror: {OTHER}, mirrorPercent: 20", [("other.far", 20)]),
        (f"mirror: {OTHER}, mirror_percent: 30", [("other.far", 30)]),
        (f"mirror: {OTHER}, mirrorPercentage: {{value: 1}}, mirrorPercent: 20", [("other.far", 1)]),
        ("mirrorPercentage: {value: 5}", []),
        (
            f"mirrors: [{{destination: {OTHER}}}, {{destination: {{host: db}}, percentage: {{value: 3}}}}]",
            [("other.far", 100), ("db.shop", 3)],
        ),
        (f"mirrors: [{{destination: {OTHER}, percentage: {{value: 0}}}}]", []),
    ],
)
def test_copies(world, http, fields, want):
    built = world(http(fields))
    assert copies(built) == want
    assert built.found == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (f"mirror: {OTHER}, mirrors: [{{destination: {OTHER}}}]", "NET0542"),
        (f"mirror: {OTHER}, mirrorPercentage: {{value: 101}}", "NET0542"),
        (f"mirror: {OTHER}, mirrorPercent: -1", "NET0542"),
        (f"mirrors: [{{destination: {OTHER}, percentage: {{value: -1}}}}]", "NET0542"),
        ("mirror: {host: '*'}", "NET0533"),
        ("mirrors: [{destination: {host: web, subset: A_b}}]", "NET0533"),
        ("mirror: {host: gone}", "NET0547"),
    ],
)
def test_refused(world, http, fields, code):
    assert world(http(fields)).found == [f"{code}:4"]
