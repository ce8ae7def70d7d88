"""What the oracle judges: ends and packets; and how labels and ranges match, by the letter."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class End:
    """A pod, a node (`namespace` is ""), or an outside address (`name` is "", too)."""

    address: str
    name: str = ""
    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    account: str = "default"
    ports: tuple[tuple[str, str, int], ...] = ()
    node: str = ""

    @property
    def is_pod(self) -> bool:
        return bool(self.namespace)

    @property
    def is_node(self) -> bool:
        return bool(self.name) and not self.namespace


@dataclass(frozen=True)
class Packet:
    """The first of a connection. `port` is the destination's; of ICMP, the type."""

    source: End
    destination: End
    protocol: str
    port: int


def selects(selector: Object, labels: dict[str, str]) -> bool:
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(fits(one, labels) for one in selector.get("matchExpressions") or [])


def fits(expression: Object, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def within(address: str, cidr: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr, strict=False)
