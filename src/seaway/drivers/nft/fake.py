"""A driver that keeps the table in memory: refuses what the kernel would, all or nothing, and can be tampered with."""

from __future__ import annotations

import re
from dataclasses import replace

from seaway.core.errors import DriverError
from seaway.plans.nft.stale import StaleFlow, stale_flows
from seaway.plans.nft.table import NftTable, checked_name

_REFERENCE = re.compile(r"(?:@|\b(?:goto|jump) )(\w+)")


class FakeNft:
    """`held` is what the kernel would hold; `forgotten` the UDP flows that conntrack would have lost."""

    def __init__(self) -> None:
        self.held: NftTable | None = None
        self.forgotten: list[StaleFlow] = []
        self._applied: NftTable | None = None

    def apply(self, table: NftTable) -> None:
        refuse_broken(table)
        self.forgotten += stale_flows(self.held or NftTable(table.name), table)
        self.held = self._applied = table

    def drifted(self) -> bool:
        return self._applied is not None and self.held != self._applied

    def repair(self) -> bool:
        if not self.drifted():
            return False
        assert self._applied is not None
        self.apply(self._applied)
        return True

    def remove(self) -> None:
        self.held = self._applied = None

    def lose_table(self) -> None:
        """Another program flushes all rules."""
        self.held = None

    def lose_elements(self, name: str) -> None:
        """Another program empties one map."""
        assert self.held is not None
        self.held = replace(self.held, maps=tuple(replace(one, elements=()) if one.name == name else one for one in self.held.maps))


def refuse_broken(table: NftTable) -> None:
    """DriverError for a second element with one key, and for names of maps and chains that are not there."""
    names = {checked_name(one.name) for one in (*table.maps, *table.chains)}
    texts = [rule.text for chain in table.chains for rule in chain.rules]
    for one in table.maps:
        keys = {each.key for each in one.elements}
        if len(keys) != len(one.elements):
            raise DriverError(f"nft refused: two elements with one key in {one.name}", help="the rules from before stay in place")
        texts += sorted({each.value for each in one.elements if one.value == "verdict"})
    for text in texts:
        missing = set(_REFERENCE.findall(text)) - names
        if missing:
            raise DriverError(f"nft refused: no {min(missing)} in {text!r}", help="the rules from before stay in place")
