"""Oldest first; what has no readable date is newest."""

from __future__ import annotations

from seaway.frontends.istio.ages import by_age
from seaway.resources.load import load_text

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {{name: {}, namespace: {}, creationTimestamp: {}}}\n---\n"


def test_order() -> None:
    rows = (
        ("c", "z", "null"),
        ("d", "a", "2026-01-01T00:00:00Z"),
        ("b", "z", "null"),
        ("b", "a", "null"),
        ("e", "a", "2025-12-31T23:00:00Z"),
    )
    loaded = load_text("".join(SECRET.format(*one) for one in rows), "a.yaml").resources
    assert [(one.key.name, one.key.namespace) for one in sorted(loaded, key=by_age)] == [
        ("e", "a"),
        ("d", "a"),
        ("b", "a"),
        ("b", "z"),
        ("c", "z"),
    ]
