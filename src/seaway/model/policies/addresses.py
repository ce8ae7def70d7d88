"""The IPv4 address space, cut at every boundary that a policy or a node draws: within a piece no policy tells two addresses apart."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from seaway.core.cidr import format_ipv4, parse_cidr, parse_ipv4
from seaway.model.policies.language import Block

_END = 1 << 32


class Pieces:
    """Ranges that cover all addresses, ascending; piece n is `starts[n]` to the next one's start."""

    def __init__(self, blocks: Iterable[Block], addresses: Iterable[int]) -> None:
        cuts = {0}
        for block in blocks:
            for text in (block.cidr, *block.excluded):
                if (cidr := parse_cidr(text)) is not None:
                    cuts.update((cidr.first, cidr.last + 1))
        for address in addresses:
            cuts.update((address, address + 1))
        self.starts = sorted(cuts - {_END})

    def __len__(self) -> int:
        return len(self.starts)

    def at(self, address: int) -> int:
        """The piece that an address is in."""
        return bisect_right(self.starts, address) - 1

    def span(self, piece: int) -> tuple[int, int]:
        """First and last address."""
        return self.starts[piece], (self.starts[piece + 1] if piece + 1 < len(self.starts) else _END) - 1

    def of(self, block: Block) -> int:
        """The pieces that a block consists of, as a set of bits."""
        mask = self._within(block.cidr)
        for text in block.excluded:
            mask &= ~self._within(text)
        return mask

    def _within(self, text: str) -> int:
        cidr = parse_cidr(text)
        if cidr is None:
            return 0
        return (1 << (self.at(cidr.last) + 1)) - (1 << self.at(cidr.first))


def cidrs_of(first: int, last: int) -> tuple[str, ...]:
    """A range as the fewest CIDRs."""
    found: list[str] = []
    while first <= last:
        size = min(first & -first or _END, 1 << ((last - first + 1).bit_length() - 1))
        found.append(f"{format_ipv4(first)}/{33 - size.bit_length()}")
        first += size
    return tuple(found)


def address_of(text: str) -> int | None:
    """An address as a number; None for what is none (a pod that has no address yet)."""
    return parse_ipv4(text)
