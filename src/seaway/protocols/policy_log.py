"""What a node's kernel says of packets that network policies stop or let pass: the words that rules and the reader of the log agree on.

Leaves to others: the rules (`plans/nft/policy_chains.py`), the kernel's messages (`drivers/flows/nflog.py`), which policy it was and what a
record says (`analysis/flows/drops.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

LOG_GROUP = 0x5EA
"""The netfilter log group that a node's agent listens to."""

POLICY_LOG = "policy"
"""Name of the log of packets, beside those of Envoy's proxies."""


class PolicyVerdict(Enum):
    """What became of a connection: stopped, let pass although policies that audit would have stopped it, or let pass. Values are
    prefixes."""

    DENIED = "denied"
    AUDITED = "audited"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class DropEntry:
    """One packet that was told of. `identity` is the source's number in the verdict table of then; `protocol` is as in `Transport`.

    `port` is the destination's, of ICMP the type; `source_port` 0 where the protocol has none.
    """

    time: float
    verdict: PolicyVerdict
    identity: int
    source: str
    destination: str
    protocol: str
    source_port: int
    port: int


_PROTOCOLS = {6: "TCP", 17: "UDP", 132: "SCTP", 1: "ICMP"}
Packet: TypeAlias = tuple[str, str, str, int, int]


def read_packet(data: bytes) -> Packet | None:
    """Source, destination, protocol, source port and port of the beginning of an IPv4 packet; None for what is none."""
    if len(data) < 20 or data[0] >> 4 != 4:
        return None
    source, destination = (".".join(map(str, data[at : at + 4])) for at in (12, 16))
    protocol = _PROTOCOLS.get(data[9], "other")
    rest = data[(data[0] & 15) * 4 :]
    if protocol == "other" or len(rest) < 4:
        return source, destination, protocol, 0, 0
    if protocol == "ICMP":
        return source, destination, protocol, 0, rest[0]
    return source, destination, protocol, int.from_bytes(rest[:2], "big"), int.from_bytes(rest[2:4], "big")
