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


SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
"""Methods that change nothing. https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1"""


@dataclass(frozen=True, slots=True)
class Retries:
    """Up to `attempts` more tries. `on` are Envoy's words (`connect-failure`, …); `statuses` count where `retriable-status-codes` is there.
    `safe_on` are further words, for requests that only read (`SAFE_METHODS`): such a request may be sent again although it was received.

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
    safe_on: tuple[str, ...] = ()


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
    """`host` is an exact name, `*.example.com`, or `*`. `routes` in the order in which they are tried.

    A wildcard stands for one label, as Ingress has it; where `deep` for any number of them, and it may be any text behind a star.
    `https_only`: plain HTTP is sent to https (301), whatever the path.
    """

    host: str
    routes: tuple[Route, ...]
    deep: bool = False
    https_only: bool = False


@dataclass(frozen=True, slots=True)
class TlsHost:
    """Which certificate answers this server name (exact or `*.` wildcard); None is the gateway's default certificate."""

    host: str
    certificate: Certificate | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """What clients show of themselves: a certificate that leads to `trust` (PEM), if it is `required` or if they have one.

    One of `names` must be among its own, if there are any; so must one of the hashes (`spki` base64, `hashes` hexadecimal). `source` tells
    apart where `trust` and `crl` come from. `verify` False takes any certificate.
    """

    required: bool
    source: str
    trust: str
    crl: str = ""
    names: tuple[str, ...] = ()
    spki: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    verify: bool = True

    def __repr__(self) -> str:
        return f"ClientCertificates({self.source}, {'required' if self.required else 'optional'})"


@dataclass(frozen=True, slots=True)
class Termination:
    """TLS that ends at a server of a gateway: with `certificates` (one a kind of key), or none for the pod's own identity in the mesh.

    `minimum` and `maximum` are Envoy's words for versions; no `ciphers` or `curves` are Envoy's own choice.
    """

    certificates: tuple[Certificate, ...]
    clients: ClientCertificates | None = None
    minimum: str = "TLSv1_2"
    maximum: str = "TLSv1_3"
    ciphers: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpServer:
    """Requests for these hosts. `shared`: among them are an Ingress controller's, as whose all requests are treated then."""

    hosts: tuple[VirtualHost, ...]
    shared: bool = False


@dataclass(frozen=True, slots=True)
class TcpServer:
    """Bytes, split over these. `guarded`: the gateway's policies hold."""

    destinations: tuple[Destination, ...]
    guarded: bool = True


@dataclass(frozen=True, slots=True)
class ClosedServer:
    """Nothing can be served: connections are ended at once, so that they are not served as another server's."""

    why: str


@dataclass(frozen=True, slots=True)
class Server:
    """Connections to a port of a gateway that ask for one of `names` (exact, or `*.` of any depth; none: for any or no server name).

    `id` is unique in the gateway. `peers_only`: only handshakes between proxies of the mesh. Without `tls` bytes are taken as they are.
    """

    id: str
    names: tuple[str, ...]
    tls: Termination | None
    does: HttpServer | TcpServer | ClosedServer
    owners: tuple[Key, ...]
    origin: Origin
    peers_only: bool = False


@dataclass(frozen=True, slots=True)
class EdgePort:
    """A port of a gateway's pods that objects beside Ingresses have asked for, at `address` ("" for all addresses).

    `by_name`: TLS, whose server name picks the server; else there is exactly one.
    """

    number: int
    address: str
    by_name: bool
    servers: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class Gateway:
    """An ingress gateway: its pods, and what all of them serve.

    `http_ports` and `https_ports` are the ports that Envoy listens on inside the pods. `classes` names the IngressClasses that it serves.
    `service` is the Service in front of it, whose load balancer address `status.loadBalancer` shows; None where it has none.
    `owners` are the objects that it serves. `default_certificate` answers every server name that `tls` gives no certificate; where it
    is None one is generated. `hosts` and `tls` are those of Ingresses; `edges` are ports that other objects have servers on, and on such a
    port these count: `EdgePort` says whether Ingresses are served there, too. `policy` is the id of the `WorkloadPolicy` that requests are
    under.
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
    edges: tuple[EdgePort, ...] = ()

    @property
    def servers(self) -> tuple[Server, ...]:
        return tuple(server for edge in self.edges for server in edge.servers)

    @property
    def every_host(self) -> tuple[VirtualHost, ...]:
        """Those of Ingresses, and those of servers."""
        return (*self.hosts, *(host for one in self.servers if isinstance(one.does, HttpServer) for host in one.does.hosts))

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """All that manifests bring, each once; the default one is apart."""
        found = (*(one.certificate for one in self.tls), *(one for server in self.servers if server.tls for one in server.tls.certificates))
        return tuple({one.id: one for one in found if one is not None}.values())

    @property
    def leads_to(self) -> frozenset[UpstreamId]:
        """The upstreams that its requests and connections go to, or copies of them."""
        found = {to for host in self.every_host for route in host.routes for to in route.leads_to}
        found |= {to.to for one in self.servers if isinstance(one.does, TcpServer) for to in one.does.destinations}
        return frozenset(to for to in found if to.variant != NOWHERE)
