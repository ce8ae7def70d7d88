"""What network policies mean, in one language for all dialects: who is meant, and which peers may or may not be reached on which ports.

Frontends decide defaults and precedence and leave nothing open: an absent namespace selector is the policy's own namespace here, an unknown
peer the rule that it fails closed to. What follows from all policies together is `verdicts`' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from seaway.core.labels import Selector
from seaway.core.names import Key
from seaway.core.origin import Origin

LAST_PORT = 65535


class Direction(Enum):
    """As seen from the pod that a policy selects."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Tier(Enum):
    """Who speaks first. In ADMIN and BASELINE the first rule that matches decides; NAMESPACED policies are a union, in which denies win."""

    ADMIN = "admin"
    NAMESPACED = "namespaced"
    BASELINE = "baseline"


class Action(Enum):
    """PASS leaves the matter to the tiers below."""

    ALLOW = "allow"
    DENY = "deny"
    PASS = "pass"


class Transport(Enum):
    """What a port belongs to. Of ICMP the "ports" are its types; OTHER is every other protocol, which has none."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"
    ICMP = "ICMP"
    OTHER = "other"

    __hash__ = object.__hash__  # Enum's own takes twenty times as long, and everything about ports is looked up by it


WITH_PORTS = (Transport.TCP, Transport.UDP, Transport.SCTP)


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods by their labels, their namespaces' labels, and the name of their service account (as the label `name`); all three must hold.

    Pods in the host's network are never meant: they count as their node.
    """

    pods: Selector = ()
    namespaces: Selector = ()
    accounts: Selector = ()


@dataclass(frozen=True, slots=True)
class Nodes:
    """Nodes by their labels."""

    selector: Selector = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Addresses of `cidr` that are in none of `excluded`. `pods` says whether addresses of pods and nodes count, too.

    A block of IPv6 addresses holds nobody, since nobody here has one.
    """

    cidr: str
    excluded: tuple[str, ...] = ()
    pods: bool = True


@dataclass(frozen=True, slots=True)
class Names:
    """Addresses outside that a DNS answer to this pod gave for one of these names. They can only be allowed.

    Patterns are in lower case without the final dot: `*` stands for any letters of a label, also none; `**.` in front for one or more
    labels; `**` for every name. `proxied`: only answers to lookups that a rule with `Lookups` lets pass count.
    """

    patterns: tuple[str, ...]
    proxied: bool = False


class Entity(Enum):
    """Peers by what they are. CLUSTER is pods and nodes; GATEWAYS are the pods that the network's own gateways run in."""

    ALL = "all"
    WORLD = "world"
    CLUSTER = "cluster"
    NODES = "nodes"
    GATEWAYS = "gateways"


Peer: TypeAlias = Pods | Nodes | Block | Names | Entity


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports of the destination's pod, `first` to `last`; of TCP, UDP and SCTP alike where `protocol` is None. Of ICMP, types."""

    protocol: Transport | None
    first: int = 0
    last: int = LAST_PORT


@dataclass(frozen=True, slots=True)
class NamedPort:
    """The port that the destination's pod declares under this name; of whichever protocol where `protocol` is None."""

    protocol: Transport | None
    name: str


PortMatch: TypeAlias = PortRange | NamedPort


@dataclass(frozen=True, slots=True)
class HttpMatch:
    """One kind of request: all fields must hold. `method`, `path` and `host` are regular expressions over the whole text; "" is any.

    `headers` are (name, value); the value "" asks for presence only.
    """

    method: str = ""
    path: str = ""
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Requests:
    """HTTP requests that a rule lets through: any of these."""

    matches: tuple[HttpMatch, ...]


@dataclass(frozen=True, slots=True)
class Lookups:
    """DNS names that a rule lets pods ask for, as patterns of `Names`."""

    patterns: tuple[str, ...]


Layer7: TypeAlias = Requests | Lookups


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a section; `index` counts from 0 in the manifest. `peers` None is any peer, `ports` None every port of every protocol.

    `layer7` narrows what an ALLOW lets through; None is all of it.
    """

    index: int
    action: Action
    peers: tuple[Peer, ...] | None
    ports: tuple[PortMatch, ...] | None
    origin: Origin
    name: str = ""
    layer7: Layer7 | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One direction of a policy. Where it `isolates`, what no rule of any policy allows is denied to the pods that it selects."""

    direction: Direction
    isolates: bool
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy (or one of the specs of an object that holds several: `part` counts them).

    `priority` orders policies within ADMIN and BASELINE, lower first. `audit`: nothing is dropped for it, only reported.
    """

    key: Key
    origin: Origin
    tier: Tier
    priority: int
    subject: Pods
    sections: tuple[Section, ...]
    audit: bool = False
    part: int = 0
