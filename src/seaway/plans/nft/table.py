"""One nftables table as a value, and its text for `nft -f`.

Every line that nft reads is made here and in `change.py`. What a user wrote enters only as a number or address that the plan has
parsed, or as a comment, which is cut and stripped here. How to get from one table to the next is left to `change.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NOT_IN_COMMENT = re.compile(r"[^A-Za-z0-9 ./:_@()+,=*-]")
_COMMENT_BYTES = 120  # the kernel's user data takes 128 bytes, with header and final zero
LAYOUT = "layout_"
_BATCH = 200  # elements a command: long lines cost nft nothing, but a driver can only cut between commands


class Element(NamedTuple):
    """An element of a set or map, as nft writes it: fields joined by ` . `. `value` is "" in a set; a verdict in a verdict map."""

    key: str
    value: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class NftMap:
    """A set (`value` is "") or map. `key` and `value` are nft's types; `size` 0 sets no limit.

    `elements` are in the order of their keys. Packets fill a `learned` map: its elements belong to no plan, and changes leave them alone.
    A `versioned` one has in its name what its elements mean: where that changes, another takes its place.
    """

    name: str
    key: str
    value: str = ""
    flags: tuple[str, ...] = ()
    size: int = 0
    elements: tuple[Element, ...] = ()
    versioned: bool = False

    @property
    def learned(self) -> bool:
        return "dynamic" in self.flags

    @property
    def keyword(self) -> str:
        return "map" if self.value else "set"

    @property
    def header(self) -> str:
        """What cannot be changed once the kernel has it, in nft's words."""
        parts = [f"type {self.key} : {self.value};" if self.value else f"type {self.key};"]
        if self.flags:
            parts.append(f"flags {','.join(self.flags)};")
        if self.size:
            parts.append(f"size {self.size};")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class NftRule:
    text: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class NftChain:
    """`hook` is "" for a chain that others jump to, else `type … hook … priority …` with a number; the policy is accept."""

    name: str
    hook: str = ""
    rules: tuple[NftRule, ...] = ()


@dataclass(frozen=True, slots=True)
class NftTable:
    """The table `inet NAME`. A map that sends packets to what another map holds stands after it: changes follow this order."""

    name: str = "seaway"
    maps: tuple[NftMap, ...] = ()
    chains: tuple[NftChain, ...] = ()

    @property
    def layout(self) -> str:
        """A hash of all definitions but those of versioned maps: a kernel table with the same one can be changed in place."""
        lines = [f"{one.keyword} {one.name} {one.header}" for one in self.maps if not one.versioned] + [
            f"{one.name} {one.hook}" for one in self.chains if one.hook
        ]
        return blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()

    def elements(self, name: str) -> tuple[Element, ...]:
        """The elements of one of its maps; none where the table has no such map."""
        return next((one.elements for one in self.maps if one.name == name), ())


def render_table(table: NftTable) -> str:
    """The whole table as one transaction that replaces whatever the kernel holds under its name. Flows that are open stay open."""
    return f"add table inet {table.name}\ndelete table inet {table.name}\n{render_fresh(table)}"


def render_fresh(table: NftTable) -> str:
    """The whole table as one transaction, for a namespace that has none under its name.

    Chains come before maps: nft sends the elements of an interval map along with the map itself, and theirs must be known by then.
    """
    chains = [render_chain(table, one) for one in table.chains]
    maps = [render_map(table, one) for one in table.maps]
    rules = [line for one in table.chains for line in render_rules(table, one)]
    elements = [line for one in table.maps for line in render_elements(table, one, one.elements)]
    return "\n".join([render_start(table), *chains, *maps, *rules, *elements]) + "\n"


def render_start(table: NftTable) -> str:
    """The commands that add the table itself, with an empty chain whose name tells its layout."""
    return f"add table inet {checked_name(table.name)}\nadd chain inet {table.name} {LAYOUT}{table.layout}"


def render_map(table: NftTable, one: NftMap) -> str:
    """The command that adds an empty set or map."""
    return f"add {one.keyword} inet {table.name} {checked_name(one.name)} {{ {one.header} }}"


def render_chain(table: NftTable, chain: NftChain) -> str:
    """The command that adds a chain without rules."""
    header = f" {{ {chain.hook}; policy accept; }}" if chain.hook else ""
    return f"add chain inet {table.name} {checked_name(chain.name)}{header}"


def render_rules(table: NftTable, chain: NftChain) -> list[str]:
    """The commands that add a chain's rules, in their order."""
    where = f"add rule inet {table.name} {chain.name}"
    return [f"{where} {one.text}{_comment(one.comment)}" for one in chain.rules]


def render_elements(table: NftTable, one: NftMap, elements: tuple[Element, ...]) -> list[str]:
    """The commands that add these elements, some hundred a command."""
    where = f"add element inet {table.name} {one.name}"
    texts = [f"{each.key}{_comment(each.comment)}" + (f" : {each.value}" if each.value else "") for each in elements]
    return [f"{where} {{ {', '.join(texts[start : start + _BATCH])} }}" for start in range(0, len(texts), _BATCH)]


def render_removals(table: NftTable, one: NftMap, keys: tuple[str, ...]) -> list[str]:
    """The commands that delete the elements with these keys."""
    where = f"delete element inet {table.name} {one.name}"
    return [f"{where} {{ {', '.join(keys[start : start + _BATCH])} }}" for start in range(0, len(keys), _BATCH)]


def comment_text(text: str) -> str:
    """A text as it may stand in a comment: printable ASCII without quotes, at most 120 bytes; other characters become `?`."""
    return _NOT_IN_COMMENT.sub("?", text)[:_COMMENT_BYTES]


def checked_name(name: str) -> str:
    """The name itself. Names of maps and chains are ours, so another one is our mistake: ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name for nftables: {name!r}")
    return name


def _comment(text: str) -> str:
    return f' comment "{comment_text(text)}"' if text else ""
