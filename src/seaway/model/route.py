"""HTTP: which requests a route is for, and what is done with them; gateways, and the hosts that they serve.

The routes of Ingress, VirtualService and mesh defaults are all these. Every default is filled in by the frontend that writes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.certificate import Certificate
from seaway.model.service import ServiceName
from seaway.model.upstream import NOWHERE, HashBy, UpstreamId
from seaway.model.workload import PodName


@dataclass(frozen=True, slots=True)
class Exact:
    """The path equals `path`, case-sensitive."""

    path: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """Element-wise: `/a` matches `/a` and `/a/b`, not `/ab`. `/` matches everything. Never ends in a slash otherwise."""

    path: str


@dataclass(frozen=True, slots=True)
class TextPrefix:
    """The path begins with this text: `/a` matches `/ab` too (VirtualService)."""

    path: str


@dataclass(frozen=True, slots=True)
class Regex:
    """The whole path matches this RE2 expression. `length` is that of the text as the user wrote it: longer is tried first."""

    pattern: str
    length: int


PathMatch: TypeAlias = Exact | Prefix | TextPrefix | Regex


@dataclass(frozen=True, slots=True)
class Text:
    """What a string must be: `kind` is `exact`, `prefix`, `suffix`, `contains`, `regex` (RE2, the whole string) or `present`."""

    kind: str
    value: str = ""
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """A header (`:method`, `:authority` and `:scheme` too) matches `text`, or does not (`invert`; a missing one does not match then).

    `missing_matches`: a request without the header counts as one that has it empty.
    """

    name: str
    text: Text
    invert: bool = False
    missing_matches: bool = False


@dataclass(frozen=True, slots=True)
class QueryMatch:
    """A query parameter matches `text`."""

    name: str
    text: Text


@dataclass(frozen=True, slots=True)
class ClaimMatch:
    """A claim of the verified token, by its path; the value is the text, or a list that holds it."""

    path: tuple[str, ...]
    text: Text
    invert: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a request must be besides its host and path; all of them."""

    headers: tuple[HeaderMatch, ...] = ()
    query: tuple[QueryMatch, ...] = ()
    claims: tuple[ClaimMatch, ...] = ()
    ignore_path_case: bool = False


ANY_REQUEST = Conditions()


@dataclass(frozen=True, slots=True)
class HeaderOps:
    """Changes of headers, in this order: removed, set (overwriting), added. Values may hold Envoy's `%COMMANDS%`."""

    remove: tuple[str, ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()


NO_OPS = HeaderOps()


@dataclass(frozen=True, slots=True)
class NoRetries:
    """A failed request is not sent again."""


@dataclass(frozen=True, slots=True)
class Retries:
    """Up to `attempts` more tries. `on` are Envoy's words (`connect-failure`, …); `statuses` count where `retriable-status-codes` is there.

    `per_try_s` and `backoff_s` are None for the route's timeout and Envoy's own 25 ms. `avoid_tried`: another endpoint each time.
    """

    attempts: int
    on: tuple[str, ...]
    statuses: tuple[int, ...] = ()
    per_try_s: float | None = None
    backoff_s: float | None = None
    max_backoff_s: float | None = None
    avoid_tried: bool = True
    host_attempts: int = 5
    other_localities: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    seconds: float
    percent: float


@dataclass(frozen=True, slots=True)
class Abort:
    """`grpc` is a gRPC status number where that is answered, else None and `status` is an HTTP one."""

    status: int
    grpc: int | None
    percent: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Failures on purpose, before the request leaves."""

    delay: Delay | None
    abort: Abort | None


@dataclass(frozen=True, slots=True)
class Cors:
    """Cross-origin requests. `max_age_s` is None where nothing is said. `forward_unmatched`: a preflight of an origin that is not listed
    goes to the backend.
    """

    origins: tuple[Text, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    max_age_s: int | None = None
    credentials: bool | None = None
    forward_unmatched: bool = True


@dataclass(frozen=True, slots=True)
class Mirror:
    """A copy of so many percent of requests, whose answers nobody sees."""

    to: UpstreamId
    percent: float = 100


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """How a route treats its requests. `timeout_s` 0 is none. `hash_by` is what the destinations' consistent hash looks at.

    `grpc_timeout`: the limit that a gRPC client sends along (`grpc-timeout`) holds too, as far as it is the shorter one.
    """

    timeout_s: float = 0
    grpc_timeout: bool = False
    retries: Retries | NoRetries = NoRetries()
    fault: Fault | None = None
    cors: Cors | None = None
    mirrors: tuple[Mirror, ...] = ()
    request: HeaderOps = NO_OPS
    response: HeaderOps = NO_OPS
    hash_by: tuple[HashBy, ...] = ()
    stat_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The path (without query) becomes the substitution over what `pattern` matched; `\\1`…`\\9` are its groups (RE2 syntax)."""

    pattern: str
    substitution: str


@dataclass(frozen=True, slots=True)
class RewritePrefix:
    """What the path match matched (all of it for an exact one) becomes this text."""

    text: str


@dataclass(frozen=True, slots=True)
class Destination:
    """One of the places that requests are split over. `weight` counts against the sum of all; 0 gets nothing.

    Its changes of headers come after the route's. `authority` is for its requests alone, where the route itself has none.
    """

    to: UpstreamId
    weight: int = 1
    request: HeaderOps = NO_OPS
    response: HeaderOps = NO_OPS
    authority: str = ""


@dataclass(frozen=True, slots=True)
class Forward:
    """To these upstreams, each by its weight. `authority` replaces the Host header ("" keeps it). Upgrades (WebSocket) pass."""

    destinations: tuple[Destination, ...]
    rewrite: Rewrite | RewritePrefix | None
    authority: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer with a redirect. What is "" or 0 stays as the request has it, and so does its query.

    `authority` is a host, with a port if there is one; `path` replaces the whole path, and may end in a query that replaces the request's;
    `rewrite` makes the new path of the request's (then `path` is "").
    """

    status: int
    scheme: str = ""
    authority: str = ""
    port: int = 0
    path: str = ""
    rewrite: Rewrite | RewritePrefix | None = None


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer at once: 404 where nothing matches, 503 where the backend does not exist (`why` is said), or `body` as a manifest has it."""

    status: int
    why: str = ""
    body: bytes = b""


Action: TypeAlias = Forward | Redirect | Respond


@dataclass(frozen=True, slots=True)
class Route:
    """`https_redirect`: plain HTTP is answered with 308 to https. `owner` is the object that wrote it. `name` is "" for the origin's.

    `via` are other objects without which it would not be: those that delegate to the owner.
    """

    match: PathMatch
    action: Action
    https_redirect: bool
    owner: Key
    origin: Origin
    conditions: Conditions = ANY_REQUEST
    policy: RoutePolicy = RoutePolicy()
    name: str = ""
    via: tuple[Key, ...] = ()

    @property
    def leads_to(self) -> tuple[UpstreamId, ...]:
        """The upstreams that get its requests, or copies of them; those that exist."""
        destinations = self.action.destinations if isinstance(self.action, Forward) else ()
        return tuple(one.to for one in (*destinations, *self.policy.mirrors) if one.to.variant != NOWHERE)


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """`host` is an exact name, `*.example.com` (one label for Ingress), or `*`. `routes` in the order in which they are tried."""

    host: str
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class TlsHost:
    """Which certificate answers this server name (exact or `*.` wildcard); None is the gateway's default certificate."""

    host: str
    certificate: Certificate | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Gateway:
    """An ingress gateway: its pods, and what all of them serve.

    `http_ports` and `https_ports` are the ports that Envoy listens on inside the pods. `classes` names the IngressClasses that it serves.
    `service` is the Service in front of it, whose load balancer address `status.loadBalancer` shows; None where it has none.
    `owners` are the Ingresses that it serves. `default_certificate` answers every server name that `tls` gives no certificate; where it
    is None one is generated. `policy` is the id of the `WorkloadPolicy` that requests to it are under.
    """

    name: str
    pods: tuple[PodName, ...]
    service: ServiceName | None
    classes: tuple[str, ...]
    controller: str
    http_ports: tuple[int, ...]
    https_ports: tuple[int, ...]
    hosts: tuple[VirtualHost, ...]
    tls: tuple[TlsHost, ...]
    owners: tuple[Key, ...]
    origin: Origin
    default_certificate: Certificate | None = None
    policy: str = "open"
