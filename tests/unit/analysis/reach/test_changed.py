"""What a change opens and closes, in sets: the same pairs and ports that the difference with reasons lists."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.analysis.reach.changed import changed_document
from seaway.analysis.reach.diff import diff_document
from seaway.analysis.reach.tables import set_rows
from seaway.frontends.build import build_model
from seaway.model.cluster import Leases
from seaway.model.defaults import default_cluster
from seaway.model.index import Model
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

PODS = "".join(
    f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {app}, labels: {{app: {app}}}}}\nspec: {{containers: [{{name: c, image: c}}]}}\n---\n"
    for app in ("web", "api", "db")
)
POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}}}
spec: {{podSelector: {{matchLabels: {{app: {name}}}}}, ingress: {ingress}}}
---
"""
SHUT = POLICY.format(name="db", ingress="[]")
RANGE = POLICY.format(name="db", ingress="[{from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 10, endPort: 20}]}]")
PART = POLICY.format(name="db", ingress="[{from: [{podSelector: {}}], ports: [{port: 15, endPort: 30}, {port: 5, protocol: UDP}]}]")


def model(policies: str) -> Model:
    return build_model(snapshot_of(load_text(PODS + policies, "m.yaml").resources), default_cluster(1), Leases()).model


def pairs(changes: list[dict[str, Any]]) -> dict[tuple[str, str, str], set[str]]:
    found: dict[tuple[str, str, str], set[str]] = {}
    for one in changes:
        for source in one["from"] if isinstance(one["from"], list) else [one["from"]]:
            found.setdefault((source, one["to"], one["protocol"]), set()).update(one["ports"].split(","))
    return found


@pytest.mark.parametrize(("old", "new"), [("", SHUT), (SHUT, RANGE), (RANGE, PART), (PART, RANGE), (PART, ""), (RANGE, RANGE)])
def test_sets_are_what_pairs_are(old: str, new: str) -> None:
    before, after = model(old), model(new)
    changed, listed = changed_document(before, after), diff_document(before, after)
    for word in ("opened", "closed"):
        assert pairs(changed[word]) == pairs(listed[word])
        assert changed["pairs"][word] == len({(one["from"], one["to"]) for one in listed[word]})


def test_rows() -> None:
    rows = set_rows(changed_document(model(RANGE), model(PART)), "closed")
    assert rows == ["default/api -> default/db 10-14/TCP"]
    assert "anyone but nodes -> default/db all ports" in set_rows(changed_document(model(""), model(SHUT)), "closed")
