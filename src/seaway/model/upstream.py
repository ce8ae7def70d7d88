"""Upstreams: where a request or connection can be sent, and how its proxy treats that place. One becomes one Envoy cluster.

An upstream is what an Ingress' backend, a VirtualService's destination or a captured connection leads to: a host of the registry (a Service
or a ServiceEntry), a port of it, a subset, and the rules of the DestinationRule that the caller sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.certificate import Certificate
from seaway.model.service import ServiceName
from seaway.model.workload import PodName

OUTSIDE_MESH = "ingress"
"""The variant for gateways that are not in the mesh: plaintext, with the defaults of ingress-nginx."""

NOWHERE = "nowhere"
"""The variant of destinations that do not exist: there is no such upstream, and what is sent there is answered with 503."""


class UpstreamId(NamedTuple):
    """Identity of an upstream. `port` is the service port's number; `subset` is "" for all endpoints.

    `variant` tells apart what callers see differently: "" is what most see, `OUTSIDE_MESH` what gateways outside the mesh do, else the
    `namespace/name` of the DestinationRule that only some callers see; or it is `NOWHERE`.
    """

    host: str
    port: int
    subset: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "|".join((self.host, str(self.port), self.subset, self.variant)).rstrip("|")


class AppProtocol(Enum):
    """What is spoken on a port. `DETECT`: each connection is looked at. `TLS` (HTTPS too) is opaque, routed by server name."""

    HTTP = "HTTP"
    HTTP2 = "HTTP2"
    GRPC = "GRPC"
    GRPC_WEB = "GRPC-Web"
    TCP = "TCP"
    TLS = "TLS"
    DETECT = "detect"

    @property
    def http(self) -> bool:
        """Known to be HTTP of some version."""
        return self in (AppProtocol.HTTP, AppProtocol.HTTP2, AppProtocol.GRPC, AppProtocol.GRPC_WEB)

    @property
    def http2(self) -> bool:
        """Served in HTTP/2 alone. gRPC-Web is HTTP/1.1 or 2 up to the server's proxy, which turns it into gRPC."""
        return self in (AppProtocol.HTTP2, AppProtocol.GRPC, AppProtocol.GRPC_WEB)


# Where the endpoints come from


@dataclass(frozen=True, slots=True)
class OfService:
    """The endpoints of a Service's port (by its position) that carry all of `labels`; they come and go with pods (EDS)."""

    service: ServiceName
    port: int
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FixedEndpoint:
    """An endpoint that a manifest names: an address (or a DNS name, in `Resolved`), a unix socket's path (`port` is 0), or a `pod` that a
    selector picks, which serves while it is ready. `mtls`: it takes mutual TLS; of a pod the mesh knows better.
    """

    address: str
    port: int
    weight: int = 1
    locality: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    spiffe: str = ""
    mtls: bool = False
    pod: PodName | None = None


@dataclass(frozen=True, slots=True)
class Fixed:
    """Endpoints with addresses, as manifests give them (EDS)."""

    endpoints: tuple[FixedEndpoint, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Names that Envoy resolves: STRICT_DNS, or LOGICAL_DNS where only the first address counts (`round_robin`)."""

    endpoints: tuple[FixedEndpoint, ...]
    round_robin: bool = False


@dataclass(frozen=True, slots=True)
class OriginalDestination:
    """Wherever the caller's connection was going; a `port` that is not 0 takes the place of the caller's."""

    port: int = 0


@dataclass(frozen=True, slots=True)
class FromRequest:
    """Whatever host the request (or the server name) asks for, resolved when it is: dynamic forward proxy."""


Endpoints: TypeAlias = OfService | Fixed | Resolved | OriginalDestination | FromRequest


# How requests are spread


class Simple(Enum):
    ROUND_ROBIN = "ROUND_ROBIN"
    RANDOM = "RANDOM"
    LEAST_REQUEST = "LEAST_REQUEST"


@dataclass(frozen=True, slots=True)
class HashBy:
    """What a consistent hash looks at: `header`, `cookie`, `query` (then `name`) or `source` (the caller's address).

    `cookie_path` and `cookie_ttl_s` are for cookies that the proxy sets; a `cookie_ttl_s` of None never sets one, 0 is a session cookie.
    `attributes` are further cookie attributes (SameSite, …).
    """

    kind: str
    name: str = ""
    cookie_path: str = ""
    cookie_ttl_s: float | None = None
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ConsistentHash:
    """RING_HASH with at least `ring_size` entries, or MAGLEV with a table of `maglev_size` (0 where it is a ring)."""

    by: HashBy
    ring_size: int = 1024
    maglev_size: int = 0


@dataclass(frozen=True, slots=True)
class Passthrough:
    """No choice: the address that the caller's connection was going to (ORIGINAL_DST)."""


Balancing: TypeAlias = Simple | ConsistentHash | Passthrough


@dataclass(frozen=True, slots=True)
class Warmup:
    """A new endpoint's share grows over `window_s`; from `minimum_percent`, along a curve of `aggression`."""

    window_s: float
    minimum_percent: float = 10
    aggression: float = 1.0


@dataclass(frozen=True, slots=True)
class Distribute:
    """Of callers at `source` (`region/zone/subzone`, a final `*` for any), so many percent to each locality; others get nothing."""

    source: str
    to: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class LocalityBalancing:
    """Whether and how the caller's place counts. Without `distribute`: failover by priority, where `failover` maps region to region and
    `priority_labels` (`key` or `key=value`), if any, replace the order of localities. `active` only with outlier detection or a Service's
    trafficDistribution, as upstream has it.
    """

    active: bool = False
    distribute: tuple[Distribute, ...] = ()
    failover: tuple[tuple[str, str], ...] = ()
    priority_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keepalive:
    """TCP keepalive; 0 leaves a value to the kernel."""

    probes: int = 0
    time_s: float = 0
    interval_s: float = 0


NO_LIMIT = 4294967295
"""The largest limit that Envoy takes: its own default of 1,024 would refuse what a backend can serve."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Connections to an upstream and requests on them. Times in seconds; None where there is no such limit or interval."""

    max_connections: int = NO_LIMIT
    max_pending: int = NO_LIMIT
    max_requests: int = NO_LIMIT
    max_retries: int = NO_LIMIT
    max_requests_per_connection: int = 0
    connect_timeout_s: float = 10
    idle_timeout_s: float | None = 3600
    tcp_idle_timeout_s: float | None = 3600
    max_duration_s: float | None = None
    keepalive: Keepalive | None = None
    upgrade_http2: bool = False
    client_protocol: bool = False
    max_concurrent_streams: int = 0
    http2_keepalive: tuple[float, float] | None = None
    retry_budget: tuple[float, int] | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Ejection:
    """Outlier detection; counts of 0 mean off. Times in seconds, shares in percent. `status_codes` count as failures (none: any 5xx).

    `max_s` bounds how long an endpoint is out, None for Envoy's 300 s. `min_health_percent` is where ejection stops to matter, None for
    Envoy's own 50 %.
    """

    consecutive_5xx: int = 5
    consecutive_gateway: int = 0
    consecutive_local: int = 0
    split_local: bool = False
    interval_s: float = 10
    base_s: float = 30
    max_s: float | None = None
    max_percent: int = 10
    min_health_percent: int | None = 0
    status_codes: tuple[int, ...] = ()
    origin: Origin | None = None


# How the connection is protected


@dataclass(frozen=True, slots=True)
class Plain:
    """As it is, whoever the peer."""

    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class MutualMesh:
    """Mutual TLS with the caller's own identity. The peer must present one of `identities` (SPIFFE IDs; empty: any of the trust domain).

    `automatic`: only to endpoints that can (`Endpoint.mtls`), plaintext to the rest; else to all of them (ISTIO_MUTUAL).
    """

    identities: tuple[str, ...]
    sni: str
    automatic: bool
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class OriginateTls:
    """TLS to a server of the world. `certificate` is what the caller shows, None for nothing (SIMPLE).

    `sni` is "" where the request's own host is sent. `names` are acceptable subject alternative names (empty: any); with `match_host` the
    request's host must be among the server's too. `trust` and `crl` are PEM, "" for the roots of this machine and no list; `verify` False
    accepts any certificate (insecureSkipVerify).
    """

    certificate: Certificate | None = None
    sni: str = ""
    names: tuple[str, ...] = ()
    match_host: bool = True
    trust: str = ""
    crl: str = ""
    verify: bool = True
    origin: Origin | None = None


Protection: TypeAlias = Plain | MutualMesh | OriginateTls


@dataclass(frozen=True, slots=True)
class Tunnel:
    """TCP carried over HTTP CONNECT or POST to `host`:`port`."""

    protocol: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Treatment:
    """Everything that a DestinationRule can say of an upstream, every default filled in."""

    balancing: Balancing = Simple.LEAST_REQUEST
    warmup: Warmup | None = None
    locality: LocalityBalancing = LocalityBalancing()
    pool: Pool = Pool()
    ejection: Ejection | None = None
    protection: Protection = Plain()
    tunnel: Tunnel | None = None
    proxy_protocol: int = 0


@dataclass(frozen=True, slots=True)
class Upstream:
    """One place to send to. `owners` are the objects that shaped it; `origin` is the line that it is said to come from."""

    id: UpstreamId
    protocol: AppProtocol
    endpoints: Endpoints
    treatment: Treatment
    owners: tuple[Key, ...]
    origin: Origin
