"""What network policies learn from DNS: which addresses an answer gave a client for a name that a rule lets it reach.

Also whether a client may ask for a name at all. Patterns are those of `model.policies.language.Names`. Leaves to others: the kernel's sets.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple

from seaway.protocols.dns_name import A
from seaway.protocols.dns_upstream import read_records
from seaway.protocols.dns_wire import NOERROR, REFUSED

LEAST_S = 5
"""How long an address is good for at least: a client connects after it has heard, also where an answer may not be kept at all."""

_LABEL = "[-a-z0-9_]*"
_LABELS = "[-a-z0-9_]+(?:[.][-a-z0-9_]+)*"


@dataclass(frozen=True, slots=True)
class NameClient:
    """A pod that rules by names are about. `node` enforces them. `sets` are (set of the node's kernel, patterns of its names).

    `lookups` are patterns of what it may ask for, None for everything.
    """

    address: str
    node: str
    sets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    lookups: tuple[str, ...] | None = None


class Learnt(NamedTuple):
    """`client` may reach `address` for so many seconds, as far as rules refer to the set."""

    node: str
    set: str
    client: str
    address: str
    ttl_s: int


@dataclass(frozen=True, slots=True)
class _Client:
    node: str
    sets: tuple[tuple[str, re.Pattern[str]], ...]
    lookups: re.Pattern[str] | None


class NameRules:
    """The rules of all clients, by address."""

    def __init__(self, clients: tuple[NameClient, ...] = ()) -> None:
        self._clients: Mapping[str, _Client] = {
            one.address: _Client(
                one.node,
                tuple((name, compile_patterns(patterns)) for name, patterns in one.sets),
                None if one.lookups is None else compile_patterns(one.lookups),
            )
            for one in clients
        }
        self.limited = frozenset(one.address for one in clients if one.lookups is not None)

    def __contains__(self, client: str) -> bool:
        return client in self._clients

    def learn(self, client: str, response: bytes) -> tuple[Learnt, ...]:
        """What a response tells; nothing from one without addresses."""
        known = self._clients.get(client)
        if known is None or not known.sets:
            return ()
        try:
            name, addresses = _answered(response)
        except (IndexError, struct.error, ValueError):
            return ()
        return tuple(
            Learnt(known.node, each, client, address, max(ttl, LEAST_S))
            for each, pattern in known.sets
            if addresses and pattern.fullmatch(name)
            for address, ttl in addresses
        )

    def refusal(self, client: str, query: bytes) -> bytes | None:
        """The response to a question that the client may not ask; None where it may, or where it is no plain question."""
        known = self._clients.get(client)
        if known is None or known.lookups is None:
            return None
        try:
            name, end = _question(query)
        except (IndexError, ValueError):
            return None
        if query[2] & 0xF8 or known.lookups.fullmatch(name):
            return None
        return query[:2] + bytes((0x80 | query[2] & 1, 0x80 | REFUSED)) + b"\0\1\0\0\0\0\0\0" + query[12:end]


def compile_patterns(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Matches names in lower case without the final dot. Source: pkg/fqdn/matchpattern of https://github.com/cilium/cilium"""
    return re.compile("|".join(map(_expression, patterns)) or "(?!)")


def _expression(pattern: str) -> str:
    if pattern == "**":
        return ".*"
    spans, rest = pattern.startswith("**."), pattern.removeprefix("**.")
    text = re.escape(rest).replace(r"\*", _LABEL)
    return f"{_LABELS}[.]{text}" if spans else text


def _answered(response: bytes) -> tuple[str, tuple[tuple[str, int], ...]]:
    """The name asked for, and the addresses that came with how long each may be kept: an alias on the way may be shorter-lived."""
    name, end = _question(response)
    if not response[2] & 0x80 or response[3] & 0x0F != NOERROR or response[2] & 2:
        return name, ()
    answers = read_records(response, end)[: int.from_bytes(response[6:8], "big")]
    ttl = min((one.ttl for one in answers), default=0)
    found = (str(IPv4Address(response[one.data : one.end])) for one in answers if one.type == A and one.end - one.data == 4)
    return name, tuple((address, ttl) for address in found)


def _question(packet: bytes) -> tuple[str, int]:
    """The one name that a packet asks for, and where its question ends. ValueError or IndexError where it is not like that."""
    if packet[4:6] != b"\0\1":
        raise ValueError("not one question")
    labels = list(_labels(packet))
    end = 12 + sum(len(one) + 1 for one in labels) + 5
    if end > len(packet):
        raise ValueError("cut off")
    return b".".join(labels).decode("latin-1").lower(), end


def _labels(packet: bytes) -> Iterator[bytes]:
    at = 12
    while length := packet[at]:
        if length > 63:
            raise ValueError("a pointer in a question")
        yield packet[at + 1 : at + 1 + length]
        at += length + 1
