"""Which objects are let through to Envoy: last good versions stay, culprits wait until they change."""

from __future__ import annotations

from seaway.app.admission import Gate, as_outcome
from seaway.core.names import Key
from seaway.protocols.admission import Verdict
from seaway.protocols.xds_resource import ROUTES, XdsResource
from seaway.protocols.xds_stream import Refused
from seaway.resources.load import load_text
from seaway.snapshot import Snapshot, snapshot_of


def snapshot(**data: str) -> Snapshot:
    """ConfigMaps by name, each with one value."""
    text = "".join(
        f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: '{value}'}}\n" for name, value in data.items()
    )
    return snapshot_of(load_text(text, "all.yaml").resources)


def key(name: str) -> Key:
    return Key("", "ConfigMap", "default", name)


def values(found: Snapshot) -> dict[str, str]:
    return {one.key.name: one.raw["data"]["value"] for one in found.objects.values()}


def test_nothing_held_passes_as_it_is() -> None:
    given = snapshot(a="1")
    assert Gate().admitted(given) is given


def test_a_culprit_stays_at_its_last_good_version_until_it_changes() -> None:
    gate = Gate()
    gate.accepted(snapshot(a="1", b="1"))
    wanted = snapshot(a="2", b="bad")
    gate.conclude(wanted, Verdict(frozenset({key("a")}), ((key("b"), "no such thing"),)))
    assert values(gate.admitted(wanted)) == {"a": "2", "b": "1"}
    assert [(one.code.id, one.key, one.origin.line) for one in gate.findings] == [("NET0401", key("b"), 7)]
    assert "no such thing" in gate.findings[0].message
    assert "last good version" in gate.findings[0].why
    assert values(gate.admitted(snapshot(a="3", b="bad"))) == {"a": "3", "b": "1"}
    assert values(gate.admitted(snapshot(a="3", b="mended"))) == {"a": "3", "b": "mended"}
    assert gate.findings == ()


def test_a_culprit_that_was_never_good_is_left_out() -> None:
    gate = Gate()
    wanted = snapshot(a="1", b="bad")
    gate.conclude(wanted, Verdict(frozenset({key("a")}), ((key("b"), "no"),)))
    assert values(gate.admitted(wanted)) == {"a": "1"}
    assert "nothing of it" in gate.findings[0].why


def test_a_culprit_that_is_deleted_goes() -> None:
    gate = Gate()
    gate.accepted(snapshot(a="1", b="1"))
    gate.conclude(snapshot(a="1", b="bad"), Verdict(frozenset(), ((key("b"), "no"),)))
    assert values(gate.admitted(snapshot(a="1"))) == {"a": "1"}
    assert gate.findings == ()


def test_a_variant_changes_only_what_is_tried() -> None:
    gate = Gate()
    gate.accepted(snapshot(a="1", b="1", c="1"))
    wanted = snapshot(a="2", b="2", d="1")
    assert values(gate.variant(wanted, frozenset({key("a")}))) == {"a": "2", "b": "1", "c": "1"}
    assert values(gate.variant(wanted, frozenset({key("c"), key("d")}))) == {"a": "1", "b": "1", "d": "1"}


def test_owners_of_all_suspects_narrow_the_search() -> None:
    one, other = XdsResource(ROUTES, "one", b"", "1", (key("a"),)), XdsResource(ROUTES, "two", b"", "1", (key("b"),))
    outcome = as_outcome([Refused(ROUTES, (one, other), (), "somewhere"), Refused(ROUTES, (one,), (), "somewhere")])
    assert (outcome.message, outcome.owners) == ("somewhere", frozenset({key("a"), key("b")}))
