"""A Gateway as it is understood: checked, names complete. Which pods serve it, and by what certificates, is left to others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from seaway.core.names import Key
from seaway.frontends.istio.places import Place
from seaway.resources.istio.gateway import ServerTLSSettings


class Speaks(Enum):
    """What a server takes: plain HTTP, HTTP in TLS that ends here, bytes in TLS that ends here, TLS as it is, or bytes."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TLS = "TLS"
    PASSTHROUGH = "TLS passed through"
    AUTO_PASSTHROUGH = "TLS passed through by the cluster's own names"
    TCP = "TCP"

    @property
    def by_name(self) -> bool:
        """Whether the server name of TLS picks the server, so that several share a port."""
        return self not in (Speaks.HTTP, Speaks.TCP)

    @property
    def ends_tls(self) -> bool:
        return self in (Speaks.HTTPS, Speaks.TLS)


@dataclass(frozen=True, slots=True)
class ServerHost:
    """A host of a server; `namespace` is the one from which VirtualServices may be bound to it, "" for all."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ServerRules:
    """One of `spec.servers`. `gateway` is `namespace/name`. `redirect`: plain requests are sent to https."""

    gateway: str
    number: int
    port_name: str
    protocol: str
    speaks: Speaks
    hosts: tuple[ServerHost, ...]
    bind: str
    redirect: bool
    tls: ServerTLSSettings | None
    place: Place

    @property
    def key(self) -> Key:
        return self.place.key

    @property
    def names(self) -> tuple[str, ...]:
        """Its hosts, without the namespaces, each once."""
        return tuple(dict.fromkeys(one.name for one in self.hosts))

    def hosts_for(self, namespace: str) -> tuple[str, ...]:
        """Those that VirtualServices of a namespace may have."""
        return tuple(dict.fromkeys(one.name for one in self.hosts if one.namespace in ("", namespace)))


@dataclass(frozen=True, slots=True)
class GatewayRules:
    """A Gateway that is taken; no labels select every gateway."""

    key: Key
    labels: tuple[tuple[str, str], ...]
    servers: tuple[ServerRules, ...]
    place: Place

    @property
    def name(self) -> str:
        return f"{self.key.namespace}/{self.key.name}"
