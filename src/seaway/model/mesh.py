"""The mesh: who is in it, what each member's Envoy accepts, and what its clients see. Knows no Istio and no Envoy.

Clients whose configuration is the same share a `Scope`: a node holds one route table a scope and port, not one a pod. What a pod accepts is
an `Inbound`; policies over it are in `authorization.py` and shared by their id.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.authority import MADE, Authority
from seaway.model.authorization import WorkloadPolicy
from seaway.model.route import Destination, Route
from seaway.model.upstream import AppProtocol, Upstream, UpstreamId
from seaway.model.workload import PodName


class PathNormalization(Enum):
    NONE = "NONE"
    BASE = "BASE"
    MERGE_SLASHES = "MERGE_SLASHES"
    DECODE_AND_MERGE_SLASHES = "DECODE_AND_MERGE_SLASHES"


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """What holds for the whole mesh. `detection_timeout_s` 0 waits for a client's first bytes without end. `dns_refresh_s` is how often
    Envoy asks again for names that it resolves.
    """

    trust_domain: str = "cluster.local"
    trust_domain_aliases: tuple[str, ...] = ()
    root_namespace: str = "istio-system"
    path_normalization: PathNormalization = PathNormalization.BASE
    detection_timeout_s: float = 0
    dns_refresh_s: float = 60


@dataclass(frozen=True, slots=True)
class Capture:
    """Which TCP connections of a member pass Envoy. Ports and ranges that are None are "all"; exclusions win over inclusions.

    Ranges are CIDRs. What is not captured goes as if the pod were not in the mesh.
    """

    inbound: tuple[int, ...] | None = None
    inbound_excluded: tuple[int, ...] = ()
    outbound: tuple[int, ...] = ()
    outbound_excluded: tuple[int, ...] = ()
    ranges: tuple[str, ...] | None = None
    ranges_excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A pod in the mesh, as `spiffe`. `scope` names the `Scope` that its clients see; a gateway's is its own.

    `why` and `origin` say which line put it there. `policy` is the id of the `WorkloadPolicy` that its callers are held to, the same for
    all pods under the same rules, gateways too. One that is `closing` has left the mesh: its proxy carries the connections that it has, and
    takes no more.
    """

    pod: PodName
    spiffe: str
    scope: str
    capture: Capture
    why: str
    origin: Origin
    policy: str = ""
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Outsider:
    """A pod that is not in the mesh, and the line (or absence) that decided."""

    pod: PodName
    why: str
    origin: Origin


class Mtls(Enum):
    """What a port accepts: only mutual TLS, that and plaintext, or plaintext alone."""

    STRICT = "STRICT"
    PERMISSIVE = "PERMISSIVE"
    DISABLE = "DISABLE"


@dataclass(frozen=True, slots=True)
class InboundPort:
    """A port of a pod as callers meet it. `port` is the pod's own (target) port; `origin` is the line that decided `mtls`, and `owner` the
    object that it is of, if that was made for it.
    """

    port: int
    protocol: AppProtocol
    mtls: Mtls
    origin: Origin
    owner: Key | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a member accepts: `ports` are those of its Services and declared ones, `other` decides for all the rest."""

    pod: PodName
    ports: tuple[InboundPort, ...]
    other: Mtls
    other_origin: Origin
    other_owner: Key | None = None

    @property
    def owners(self) -> frozenset[Key]:
        """The objects that decided what is accepted."""
        found = (*(one.owner for one in self.ports), self.other_owner)
        return frozenset(one for one in found if one is not None)


@dataclass(frozen=True, slots=True)
class MeshHost:
    """A host of a route table: `domains` are all spellings by which this scope's clients may call it (`*.` wildcards too)."""

    name: str
    domains: tuple[str, ...]
    routes: tuple[Route, ...]
    owners: tuple[Key, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class HttpTable:
    """HTTP on one port: the hosts, exact before wildcard. A request for none of them is unknown: `Scope.unknown` decides.

    `everywhere`: HTTP to any address on this port is looked up here; else only connections whose `TcpRoute` names one of the hosts. An
    `address` that is not "" is the only one that connections go to.
    """

    port: int
    hosts: tuple[MeshHost, ...]
    everywhere: bool = True
    address: str = ""


@dataclass(frozen=True, slots=True)
class TcpRoute:
    """Connections to `port` at `addresses` (CIDRs; none: any address), with one of `server_names` if any are given, are split over these.

    `http` names the port's `HttpTable` host for connections that turn out to be HTTP (`AppProtocol.DETECT`), "" where they are all opaque.
    """

    port: int
    addresses: tuple[str, ...]
    server_names: tuple[str, ...]
    destinations: tuple[Destination, ...]
    http: str
    owners: tuple[Key, ...]
    origin: Origin


class Unknown(Enum):
    """What becomes of traffic to hosts that the registry does not have."""

    ALLOW_ANY = "ALLOW_ANY"
    REGISTRY_ONLY = "REGISTRY_ONLY"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a set of like clients sees. `id` is unique and stable; `origin` is the line that decided `unknown`.

    Unknown traffic that may pass goes to `proxy` where there is one, else on its own way.
    """

    id: str
    namespace: str
    http: tuple[HttpTable, ...]
    tcp: tuple[TcpRoute, ...]
    unknown: Unknown
    origin: Origin
    proxy: UpstreamId | None = None


@dataclass(frozen=True, slots=True)
class HostName:
    """A host of a ServiceEntry that members find by these addresses. `exports` are namespaces that see it, or `*`."""

    name: str
    addresses: tuple[str, ...]
    namespace: str
    exports: tuple[str, ...]
    owner: Key
    origin: Origin


@dataclass(frozen=True, slots=True)
class Mesh:
    """All of it, each tuple in the order of its ids. `upstreams` hold every upstream that some route leads to, gateways' too; `names` are
    what DNS tells members.

    `announced` is what callers are told of what members accept: for a while something else than `inbounds`, while either changes (see
    `transition_mesh.py`); None where it is the same.
    """

    settings: MeshSettings = MeshSettings()
    members: tuple[Member, ...] = ()
    outsiders: tuple[Outsider, ...] = ()
    inbounds: tuple[Inbound, ...] = ()
    policies: tuple[WorkloadPolicy, ...] = ()
    scopes: tuple[Scope, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    names: tuple[HostName, ...] = ()
    authority: Authority = MADE
    announced: tuple[Inbound, ...] | None = None


NO_MESH = Mesh()
