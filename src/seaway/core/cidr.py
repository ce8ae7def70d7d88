"""IPv4 addresses and ranges as integers: parsing, membership, and finding a free address.

Text is what manifests and leases hold; integers are what allocation works on, since a thousand objects ask at once.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass

_QUAD = re.compile(r"(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})", re.ASCII)
_LENGTH = re.compile(r"0|[1-9]\d?", re.ASCII)


def parse_ipv4(text: str) -> int | None:
    """The address as a number; None where the text is no dotted quad. Leading zeros are refused, as Go's parser does."""
    found = _QUAD.fullmatch(text)
    if found is None:
        return None
    value = 0
    for part in found.groups():
        if (byte := int(part)) > 255:
            return None
        value = value << 8 | byte
    return value


def format_ipv4(address: int) -> str:
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


@dataclass(frozen=True, slots=True)
class Cidr:
    """A range of addresses, `first` to `last`, both in it."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, address: int) -> bool:
        return self.first <= address <= self.last


def parse_cidr(text: str) -> Cidr | None:
    """`10.96.0.0/12` as a range; bits below the prefix are cleared. None where the text is no IPv4 range."""
    head, slash, tail = text.partition("/")
    address = parse_ipv4(head)
    if address is None or not slash or _LENGTH.fullmatch(tail) is None or (length := int(tail)) > 32:
        return None
    rest = (1 << (32 - length)) - 1
    return Cidr(address & ~rest, address | rest)


def is_ipv6(text: str) -> bool:
    """Whether the text is an IPv6 address or range. APIs take them; nothing here is reached by one."""
    try:
        ipaddress.IPv6Network(text, strict=False)
    except ValueError:
        return False
    return True


def in_cidr(address: str, cidr: str) -> bool:
    """Whether an address lies in a range, both as text; false where either is malformed."""
    number, span = parse_ipv4(address), parse_cidr(cidr)
    return number is not None and span is not None and number in span


def first_free(span: Cidr, start: int, taken: Container[int]) -> int | None:
    """The first address at or after `start` that is not taken, wrapping around the range once; None where all are."""
    return next((address for address in _around(span, start) if address not in taken), None)


def _around(span: Cidr, start: int) -> Iterator[int]:
    begin = start if start in span else span.first
    yield from range(begin, span.last + 1)
    yield from range(span.first, begin)


def refused_endpoint(address: int) -> str:
    """Why the API server accepts no endpoint or external address here ("" where it does): ValidateNonSpecialIP of the core API."""
    kinds = (
        ("unspecified", Cidr(0, 0)),
        ("loopback", Cidr(0x7F000000, 0x7FFFFFFF)),
        ("link-local", Cidr(0xA9FE0000, 0xA9FEFFFF)),
        ("link-local multicast", Cidr(0xE0000000, 0xE00000FF)),
    )
    return next((name for name, span in kinds if address in span), "")
