"""From one table to the next: only what differs, in an order that no packet can see the middle of.

The commands of a change are meant for one transaction. Where the kernel takes only small ones (a user namespace: some 210 kB), a driver
may cut the list between commands: additions come in the order of the maps, then what begins to use them, then removals in reverse order,
so a packet finds at every cut either the old endpoint or the new one.
"""

from __future__ import annotations

from seaway.plans.nft.table import (
    Element,
    NftChain,
    NftMap,
    NftTable,
    checked_name,
    render_chain,
    render_elements,
    render_map,
    render_removals,
    render_rules,
    render_table,
)


def render_change(old: NftTable, new: NftTable) -> str:
    """One transaction from `old` to `new`, "" where they are equal. It replaces the whole table where a definition itself has changed."""
    if not can_change(old, new):
        return render_table(new)
    return "".join(f"{command}\n" for command in change_commands(old, new))


def can_change(old: NftTable, new: NftTable) -> bool:
    """Whether the kernel can be taken from one to the other in place: maps and base chains that stay must keep their definition."""
    maps = {one.name: (one.keyword, one.header) for one in old.maps}
    hooks = {one.name: one.hook for one in old.chains}
    return (
        old.name == new.name
        and all(maps.get(one.name, (one.keyword, one.header)) == (one.keyword, one.header) for one in new.maps)
        and all(hooks.get(one.name, one.hook) == one.hook for one in new.chains)
    )


def change_commands(old: NftTable, new: NftTable) -> tuple[str, ...]:
    """The commands from `old` to `new` (`can_change` holds), in an order that may be cut anywhere. An empty `old` gives a first load."""
    if old == new:
        return ()
    maps = {one.name: one for one in old.maps}
    kept = {one.name for one in new.maps}
    added: list[str] = []
    removed: list[str] = []
    for one in new.maps:
        if one.learned:
            continue
        more, fewer = _element_changes(new, maps.get(one.name), one)
        added += more
        removed = fewer + removed
    gone = [one for one in old.maps if one.name not in kept]
    fresh, later, unused = _chain_changes(old, new)
    return (
        *(render_chain(new, one) for one in fresh),
        *(render_map(new, one) for one in new.maps if one.name not in maps),
        *(line for one in fresh for line in render_rules(new, one)),
        *added,
        *later,
        *removed,
        *(f"flush chain inet {old.name} {checked_name(one)}" for one in unused),
        *(f"delete {one.keyword} inet {old.name} {checked_name(one.name)}" for one in gone),
        *(f"delete chain inet {old.name} {one}" for one in unused),
    )


def _element_changes(table: NftTable, before: NftMap | None, after: NftMap) -> tuple[list[str], list[str]]:
    """Commands that add or change elements, and commands that remove them. A changed one leaves and comes within one command pair."""
    if before is None:
        return render_elements(table, after, after.elements), []
    if before.elements == after.elements:
        return [], []
    old = {one.key: one for one in before.elements}
    new = {one.key for one in after.elements}
    fresh = tuple(one for one in after.elements if one.key not in old)
    changed = tuple(one for one in after.elements if one.key in old and old[one.key] != one)
    removed = tuple(one.key for one in before.elements if one.key not in new)
    return render_elements(table, after, fresh) + _replacements(table, after, changed), render_removals(table, after, removed)


def _replacements(table: NftTable, one: NftMap, changed: tuple[Element, ...]) -> list[str]:
    """Delete and add, joined to single commands of two lines each, so that no cut falls between them."""
    out = render_removals(table, one, tuple(each.key for each in changed))
    back = render_elements(table, one, changed)
    return [f"{first}\n{second}" for first, second in zip(out, back, strict=True)]


def _chain_changes(old: NftTable, new: NftTable) -> tuple[list[NftChain], list[str], list[str]]:
    """New chains to jump to; commands for after the elements (base chains, changed rules); names of chains to remove."""
    before = {one.name: one for one in old.chains}
    after = {one.name for one in new.chains}
    fresh = [one for one in new.chains if one.name not in before and not one.hook]
    hooked = [one for one in new.chains if one.name not in before and one.hook]
    changed = [one for one in new.chains if one.name in before and before[one.name].rules != one.rules]
    gone = [one for one in old.chains if one.name not in after]
    later = [_filled(new, one) for one in changed]
    later += ["\n".join([render_chain(new, one), *render_rules(new, one)]) for one in hooked]
    return fresh, later, [one.name for one in gone]


def _filled(table: NftTable, chain: NftChain) -> str:
    """A chain's rules anew, as one command of several lines: cut in two, packets would meet half a chain."""
    return "\n".join([f"flush chain inet {table.name} {checked_name(chain.name)}", *render_rules(table, chain)])
