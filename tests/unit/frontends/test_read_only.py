"""Kinds that nothing acts on yet are named, each once and at its first object."""

from __future__ import annotations

from seaway.frontends.read_only import READ_ONLY_KINDS, note_read_only
from seaway.resources.istio.peer_authentication import PeerAuthentication
from seaway.resources.istio.sidecar import Sidecar
from seaway.resources.kinds import KINDS
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

OBJECT = "apiVersion: {}\nkind: {}\nmetadata: {{name: {}}}\n---\n"


def test_each_kind_once_at_its_first_object() -> None:
    text = "".join(
        OBJECT.format(*one)
        for one in (
            ("networking.istio.io/v1", "Sidecar", "b"),
            ("networking.istio.io/v1", "Sidecar", "a"),
            ("security.istio.io/v1", "PeerAuthentication", "a"),
        )
    )
    notes = note_read_only(snapshot_of(load_text(text, "a.yaml").resources), (PeerAuthentication, Sidecar))
    assert [(one.code.id, one.origin.line, one.message) for one in notes] == [
        ("NET0125", 9, "PeerAuthentication is read and checked, and nothing acts on it yet (one object)"),
        ("NET0125", 1, "Sidecar is read and checked, and nothing acts on it yet (2 objects)"),
    ]


def test_kinds_that_are_acted_on_are_not_noted() -> None:
    text = OBJECT.format("networking.istio.io/v1", "Sidecar", "a")
    assert note_read_only(snapshot_of(load_text(text, "a.yaml").resources), (PeerAuthentication,)) == ()


def test_all_of_them_are_kinds() -> None:
    assert set(READ_ONLY_KINDS) <= {row.body for row in KINDS.values()}
