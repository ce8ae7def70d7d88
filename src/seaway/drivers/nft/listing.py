"""The kernel's own listing (`nft -j list table`) as a table value, so that it can be compared with the planned one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

from seaway.plans.nft.table import LAYOUT, Element, NftChain, NftMap, NftRule, NftTable

Json = dict[str, Any]

_UNREAD = (NftRule("counter"),)  # stands for rules that were listed: equal to no planned rules, so that these are written anew


@dataclass(frozen=True, slots=True)
class Listing:
    """`table` has the kernel's elements and chains; map definitions are taken from the planned table. `layout` is what it was made with.

    `rules` is a hash of all rules as the kernel lists them, comparable only with another listing's.
    """

    table: NftTable
    layout: str
    rules: str


def parse_listing(text: str, wanted: NftTable) -> Listing:
    """Reads nft's JSON. ValueError where it is none."""
    known = {one.name: one for one in wanted.maps}
    maps: list[NftMap] = []
    chains: list[NftChain] = []
    rules: list[Json] = []
    layout = ""
    for entry in cast(list[Json], json.loads(text)["nftables"]):
        for kind, body in entry.items():
            if kind == "chain" and body["name"].startswith(LAYOUT):
                layout = body["name"].removeprefix(LAYOUT)
            elif kind in ("map", "set"):
                maps.append(_map(body, known.get(body["name"])))
            elif kind == "chain":
                chains.append(NftChain(body["name"], _hook(body), _UNREAD))
            elif kind == "rule":
                rules.append(_uncounted(body))
    order = {name: place for place, name in enumerate(known)}
    maps.sort(key=lambda one: order.get(one.name, len(order)))
    digest = blake2b(json.dumps(rules, sort_keys=True).encode(), digest_size=16).hexdigest()
    return Listing(NftTable(wanted.name, tuple(maps), tuple(chains)), layout, digest)


def _uncounted(rule: Json) -> Json:
    """A rule without what the kernel adds to it: its handle, and what its counters have counted."""
    expressions = [{"counter": None} if "counter" in one else one for one in rule.get("expr", ())]
    return {key: value for key, value in rule.items() if key != "handle"} | {"expr": expressions}


def listed_rules(text: str) -> str:
    """A hash of the table's chains and rules as nft lists them, comparable with another listing's only."""
    entries = [
        (kind, {key: value for key, value in body.items() if key != "handle"})
        for entry in cast(list[Json], json.loads(text)["nftables"])
        for kind, body in entry.items()
        if kind in ("chain", "rule")
    ]
    return blake2b(json.dumps(entries, sort_keys=True).encode(), digest_size=16).hexdigest()


def _map(body: Json, known: NftMap | None) -> NftMap:
    elements = () if known is not None and known.learned else tuple(sorted(_element(one) for one in body.get("elem", ())))
    if known is not None:
        return NftMap(known.name, known.key, known.value, known.flags, known.size, elements)
    return NftMap(body["name"], "foreign", str(body.get("map", "")), elements=elements)


def _element(found: Any) -> Element:
    """Map elements are pairs; a comment wraps the key in an object of its own."""
    key, value = cast(list[Any], found) if isinstance(found, list) else (found, None)
    comment = ""
    if isinstance(key, dict) and "elem" in key:
        wrapped = cast(Json, key)["elem"]
        key, comment = wrapped["val"], str(wrapped.get("comment", ""))
    return Element(_text(key), "" if value is None else _text(value), comment)


def _text(value: Any) -> str:
    """A key or value in the words of the plan."""
    match value:
        case {"concat": [*parts]}:
            return " . ".join(_text(one) for one in parts)
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case {"goto": {"target": chain}}:
            return f"goto {chain}"
        case {"jump": {"target": chain}}:
            return f"jump {chain}"
        case {"range": [low, high]}:
            return f"{low}-{high}"
        case dict():
            return next(iter(cast(Json, value)))
        case _:
            return str(value)


def _hook(body: Json) -> str:
    if "hook" not in body:
        return ""
    policy = "" if body.get("policy", "accept") == "accept" else f" policy {body['policy']}"
    return f"type {body['type']} hook {body['hook']} priority {body['prio']}{policy}"
