"""HTTP at the edge: gateways, the hosts that they serve, and where requests go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.service import ServiceName
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
class Regex:
    """The whole path matches this RE2 expression. `length` is that of the text as the user wrote it: longer is tried first."""

    pattern: str
    length: int


PathMatch: TypeAlias = Exact | Prefix | Regex


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The path (without query) becomes the substitution over what `pattern` matched; `\\1`…`\\9` are its groups (RE2 syntax)."""

    pattern: str
    substitution: str


@dataclass(frozen=True, slots=True)
class Forward:
    """To one port of a Service, by its position in `Service.ports`. `websocket` upgrades pass."""

    service: ServiceName
    port: int
    rewrite: Rewrite | None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer with a redirect to this absolute URL or path; "" keeps the request's own host and path. The query is kept.

    With `rewrite` the new path is made from the request's path; `location` then is scheme and authority only (`https://example.org`).
    """

    location: str
    status: int
    rewrite: Rewrite | None = None


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer at once: 404 where nothing matches, 503 where the backend does not exist. `why` goes into the body."""

    status: int
    why: str


Action: TypeAlias = Forward | Redirect | Respond


@dataclass(frozen=True, slots=True)
class Route:
    """`https_redirect`: plain HTTP is answered with 308 to https. `owner` is the object that wrote it."""

    match: PathMatch
    action: Action
    https_redirect: bool
    owner: Key
    origin: Origin


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """`host` is an exact name, `*.example.com` (one label for Ingress), or `*`. `routes` in the order in which they are tried."""

    host: str
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A key pair that parses and belongs together. `chain` and `key` are PEM. `id` is unique per content. The key is never printed."""

    id: str
    chain: str
    key: str
    names: tuple[str, ...]
    not_after: str
    owner: Key | None
    origin: Origin

    def __repr__(self) -> str:
        return f"Certificate({self.id})"


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
    is None one is generated.
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
