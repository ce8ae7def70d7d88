"""What a node's kernel says of packets that network policies stop: the words that rules and the reader of the log agree on.

Leaves to others: the rules (`plans/nft/policy_chains.py`), the kernel's messages (`drivers/flows/nflog.py`), which policy it was and what a
record says (`analysis/flows/drops.py`).
"""

from __future__ import annotations

from enum import Enum

LOG_GROUP = 0x5EA
"""The netfilter log group that a node's agent listens to."""

POLICY_LOG = "policy"
"""Name of the log of packets, beside those of Envoy's proxies."""


class PolicyVerdict(Enum):
    """What became of a connection: stopped, or let pass although policies that audit would have stopped it. Values are prefixes."""

    DENIED = "denied"
    AUDITED = "audited"
