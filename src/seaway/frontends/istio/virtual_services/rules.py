"""A VirtualService as it is understood: checked, defaults of its own fields filled in, names complete.

What depends on who calls (cluster names, ports, subsets, source labels) is left open until `routes.py` and `connections.py` are asked by a
client. A field that is None was not written: a delegate takes it over from its root, and only then defaults hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.istio.places import Place
from seaway.model.route import Conditions, Cors, Fault, HeaderOps, NoRetries, PathMatch, Respond, Retries, Rewrite, RewritePrefix
from seaway.resources.istio.virtual_service import HTTPMatchRequest

MESH = "mesh"
"""The reserved gateway that stands for all members of the mesh."""


@dataclass(frozen=True, slots=True)
class Target:
    """A destination; `port` 0 is none given."""

    host: str
    subset: str
    port: int
    place: Place


@dataclass(frozen=True, slots=True)
class HeaderChanges:
    """What `headers` says. `authority` is the new Host header, "" for none."""

    request: HeaderOps
    response: HeaderOps
    authority: str = ""


NO_CHANGES = HeaderChanges(HeaderOps(), HeaderOps())


@dataclass(frozen=True, slots=True)
class Share:
    """One of the destinations of a rule."""

    to: Target
    weight: int
    headers: HeaderChanges = NO_CHANGES


@dataclass(frozen=True, slots=True)
class RedirectRule:
    """`port` 0 is none given; `same_port`: that by which the request came. `path` replaces the whole path, `prefix` what was matched."""

    scheme: str
    authority: str
    port: int
    same_port: bool
    path: str
    prefix: str
    status: int


@dataclass(frozen=True, slots=True)
class RewriteRule:
    path: Rewrite | RewritePrefix | None
    authority: str


@dataclass(frozen=True, slots=True)
class RetryRule:
    """`explicit`: whether a retry may go to a host that was tried is written, and not the default."""

    policy: Retries | NoRetries
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Copies:
    """Mirrors: `one` with its percentage (None: not written), and `several`."""

    one: Target | None = None
    percent: float | None = None
    several: tuple[tuple[Target, float], ...] | None = None


@dataclass(frozen=True, slots=True)
class Delegated:
    """The routes of another VirtualService."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ForwardRule:
    shares: tuple[Share, ...]


ActionRule: TypeAlias = ForwardRule | RedirectRule | Respond | Delegated


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom a match is for. `gateways` are `namespace/name` or `mesh`, none for all of the VirtualService's."""

    gateways: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    namespace: str = ""


EVERY_SOURCE = Sources()


@dataclass(frozen=True, slots=True)
class Match:
    """One block of conditions; `port` 0 is any. `written` is what it was made of, for merging with a root's."""

    name: str
    path: PathMatch | None
    conditions: Conditions
    port: int
    sources: Sources
    stat_prefix: str
    written: HTTPMatchRequest
    origin: Origin


@dataclass(frozen=True, slots=True)
class HttpRule:
    """One of `spec.http`. `via` are the objects that delegated to `owner`."""

    name: str
    matches: tuple[Match, ...]
    action: ActionRule
    timeout_s: float | None
    retries: RetryRule | None
    fault: Fault | None
    cors: Cors | None
    copies: Copies
    rewrite: RewriteRule | None
    headers: HeaderChanges | None
    place: Place
    via: tuple[Key, ...] = ()

    @property
    def owner(self) -> Key:
        return self.place.key


@dataclass(frozen=True, slots=True)
class ConnectionMatch:
    """Conditions on a connection: all of them. `server_names` are none for tcp. `subnets` are CIDRs, none for any destination."""

    server_names: tuple[str, ...]
    subnets: tuple[str, ...]
    port: int
    sources: Sources


@dataclass(frozen=True, slots=True)
class ConnectionRule:
    """One of `spec.tls` or `spec.tcp`; without matches (tcp alone) it is for every connection."""

    matches: tuple[ConnectionMatch, ...]
    shares: tuple[Share, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class VirtualRules:
    """A VirtualService that is taken. `hosts` are complete names; none make it a delegate. `gateways` are `namespace/name` or `mesh`."""

    key: Key
    created: float
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    exports: frozenset[str]
    http: tuple[HttpRule, ...]
    tls: tuple[ConnectionRule, ...]
    tcp: tuple[ConnectionRule, ...]
    place: Place

    @property
    def in_mesh(self) -> bool:
        return MESH in self.gateways

    @property
    def age(self) -> tuple[float, str, str]:
        """Oldest first; then by name and namespace."""
        return (self.created, self.key.name, self.key.namespace)
