"""From one table to the next: what is written, in which order, and that nothing else is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.plans.nft.change import can_change, change_commands, render_change
from seaway.plans.nft.table import Element, NftChain, NftMap, NftRule, NftTable, comment_text, render_table

ENDPOINTS = NftMap("endpoints", "ipv4_addr", "ipv4_addr", elements=(Element("10.0.0.1", "10.1.0.1"), Element("10.0.0.2", "10.1.0.2")))
SERVICES = NftMap("services", "ipv4_addr", "verdict", elements=(Element("10.0.0.1", "goto pick_1", "default/web"),))
ENTER = NftChain("enter", "type nat hook prerouting priority -100", (NftRule("ip daddr vmap @services"),))
PICK = NftChain("pick_1", rules=(NftRule("drop", "why"),))
TABLE = NftTable(maps=(ENDPOINTS, SERVICES), chains=(ENTER, PICK))


def with_elements(table: NftTable, name: str, *elements: Element) -> NftTable:
    return replace(table, maps=tuple(replace(one, elements=elements) if one.name == name else one for one in table.maps))


def test_equal_tables_need_nothing() -> None:
    assert render_change(TABLE, replace(TABLE)) == ""


@pytest.mark.parametrize(
    ("elements", "want"),
    [
        pytest.param(
            (*ENDPOINTS.elements, Element("10.0.0.3", "10.1.0.3")),
            ["add element inet seaway endpoints { 10.0.0.3 : 10.1.0.3 }"],
            id="added",
        ),
        pytest.param(ENDPOINTS.elements[:1], ["delete element inet seaway endpoints { 10.0.0.2 }"], id="removed"),
        pytest.param(
            (ENDPOINTS.elements[0], Element("10.0.0.2", "10.9.9.9")),
            ["delete element inet seaway endpoints { 10.0.0.2 }\nadd element inet seaway endpoints { 10.0.0.2 : 10.9.9.9 }"],
            id="changed, in one piece",
        ),
    ],
)
def test_only_the_changed_elements_are_written(elements: tuple[Element, ...], want: list[str]) -> None:
    assert list(change_commands(TABLE, with_elements(TABLE, "endpoints", *elements))) == want


def test_what_is_sent_on_comes_first_and_leaves_last() -> None:
    bigger = with_elements(TABLE, "endpoints", *ENDPOINTS.elements, Element("10.0.0.3", "10.1.0.3"))
    bigger = with_elements(bigger, "services", *SERVICES.elements, Element("10.0.0.3", "goto pick_2"))
    bigger = replace(bigger, chains=(*bigger.chains, NftChain("pick_2", rules=(NftRule("drop"),))))
    there = [line.split(" {")[0] for line in change_commands(TABLE, bigger)]
    assert there == [
        "add chain inet seaway pick_2",
        "add rule inet seaway pick_2 drop",
        "add element inet seaway endpoints",
        "add element inet seaway services",
    ]
    back = [line.split(" {")[0] for line in change_commands(bigger, TABLE)]
    assert back == [
        "delete element inet seaway services",
        "delete element inet seaway endpoints",
        "flush chain inet seaway pick_2",
        "delete chain inet seaway pick_2",
    ]


def test_a_changed_chain_is_refilled_in_one_piece() -> None:
    changed = replace(TABLE, chains=(ENTER, NftChain("pick_1", rules=(NftRule("accept"), NftRule("drop")))))
    assert change_commands(TABLE, changed) == (
        "flush chain inet seaway pick_1\nadd rule inet seaway pick_1 accept\nadd rule inet seaway pick_1 drop",
    )


def test_another_definition_replaces_the_table() -> None:
    changed = replace(TABLE, maps=(replace(ENDPOINTS, size=10), SERVICES))
    assert not can_change(TABLE, changed)
    assert render_change(TABLE, changed) == render_table(changed)
    assert changed.layout != TABLE.layout


def test_elements_that_packets_made_are_left_alone() -> None:
    learned = NftMap("seen", "ipv4_addr", "mark", flags=("dynamic", "timeout"), elements=(Element("10.0.0.1", "7"),))
    before = replace(TABLE, maps=(learned, *TABLE.maps))
    assert change_commands(before, replace(before, maps=(replace(learned, elements=()), *TABLE.maps))) == ()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("default/web:http", "default/web:http", id="a name"),
        pytest.param('x" ; flush ruleset\n#', "x? ? flush ruleset??", id="quotes and newlines"),
        pytest.param("Grüße\0\t$a\\", "Gr??e???a?", id="other characters"),
        pytest.param("a" * 500, "a" * 120, id="long"),
    ],
)
def test_comments_hold_no_syntax(text: str, want: str) -> None:
    assert comment_text(text) == want


@pytest.mark.parametrize("name", ["", "a b", "a;b", "A", "1a", "a" * 64, "a\n"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        render_table(NftTable(maps=(NftMap(name, "ipv4_addr"),)))


def kernel(held: dict[str, dict[str, str]], commands: str) -> dict[str, dict[str, str]]:
    """Element commands, as the kernel obeys them: a second element with one key and a missing one are refused."""
    held = {name: dict(elements) for name, elements in held.items()}
    for line in filter(None, commands.splitlines()):
        words = line.split()
        elements = [one.partition(" : ") for one in line.partition("{ ")[2].removesuffix(" }").split(", ")]
        for key, _, value in elements:
            if words[0] == "delete":
                del held[words[4]][key]
            else:
                assert key not in held[words[4]]
                held[words[4]][key] = value
    return held


def two_maps(one: dict[int, int], two: dict[int, int]) -> NftTable:
    filled = {"a": one, "b": two}
    elements = {name: tuple(Element(f"10.0.0.{key}", str(of[key])) for key in sorted(of)) for name, of in filled.items()}
    return NftTable(maps=tuple(NftMap(name, "ipv4_addr", "mark", elements=of) for name, of in elements.items()))


ENTRIES = st.dictionaries(st.integers(0, 9), st.integers(0, 3))
TABLES = st.builds(two_maps, ENTRIES, ENTRIES)


@given(TABLES, TABLES)
def test_a_change_ends_where_a_fresh_load_does(old: NftTable, new: NftTable) -> None:
    def held(table: NftTable) -> dict[str, dict[str, str]]:
        return {one.name: {each.key: each.value for each in one.elements} for one in table.maps}

    assert kernel(held(old), render_change(old, new)) == held(new)
