"""The registry: every host that the mesh knows, Services and ServiceEntries alike, and what a short name stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.service import ServiceName
from seaway.model.upstream import AppProtocol, Endpoints

EVERYWHERE = frozenset({"*"})


class Resolution(Enum):
    """How a host's endpoints are found. Services are STATIC, headless ones too: their endpoints are known."""

    NONE = "NONE"
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    DYNAMIC_DNS = "DYNAMIC_DNS"


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port by which a host is called; `endpoints` are those of this port, all subsets together."""

    number: int
    name: str
    protocol: AppProtocol
    endpoints: Endpoints
    origin: Origin


@dataclass(frozen=True, slots=True)
class Host:
    """A host that clients may call. `name` is a FQDN, or `*.` and a suffix. `namespace` is that of the object that declares it.

    `addresses` are CIDRs that stand for it: a Service's cluster address as /32; of a `headless` one those of its endpoints, so that a
    connection to one of them must go to that one (callers in the mesh do not choose, gateways do).
    `external`: outside the mesh, never automatic mTLS. `export_to` are namespaces, or `*`. `identities` are its endpoints' SPIFFE IDs,
    and what a ServiceEntry's subjectAltNames add. `aliases` are other names for it (Services of type ExternalName).
    """

    name: str
    namespace: str
    ports: tuple[HostPort, ...]
    addresses: tuple[str, ...]
    headless: bool
    external: bool
    resolution: Resolution
    export_to: frozenset[str]
    identities: tuple[str, ...]
    service: ServiceName | None
    created: str
    key: Key
    origin: Origin
    aliases: tuple[str, ...] = ()

    def port(self, number: int) -> HostPort | None:
        return next((one for one in self.ports if one.number == number), None)

    def visible_to(self, namespace: str) -> bool:
        return "*" in self.export_to or namespace in self.export_to


@dataclass(frozen=True, slots=True)
class Registry:
    """`hosts` by name; of several with one name the first that a client may see is the one that it calls (its own namespace's, else a
    Service, else the oldest). `given` are addresses that hosts of ServiceEntries were given, by `namespace/name/host`.
    """

    domain: str
    hosts: Mapping[str, tuple[Host, ...]] = field(default_factory=dict[str, tuple[Host, ...]])
    given: Mapping[str, str] = field(default_factory=dict[str, str])

    def full_name(self, written: str, namespace: str) -> str:
        """What a host in a manifest of this namespace stands for: a name without a dot is a Service there, all else is literal."""
        if "." in written or written == "*":
            return written.lower()
        return f"{written.lower()}.{namespace}.svc.{self.domain}"

    def called(self, name: str, namespace: str) -> Host | None:
        """The host that clients of a namespace mean by this full name; None where they see none."""
        seen = [host for host in self.hosts.get(name, ()) if host.visible_to(namespace)]
        return next((host for host in seen if host.namespace == namespace), seen[0] if seen else None)
