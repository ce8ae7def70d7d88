"""Pods: who they are, where they live, what runs in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypeAlias

from seaway.core.names import Key
from seaway.core.origin import Origin


class PodName(NamedTuple):
    """Identity of a pod; prints as `namespace/name`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Protocol(Enum):
    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A declared port. `name` is "" where none is given. `http` says whether a stand-in speaks HTTP on it (else a plain echo)."""

    name: str
    port: int
    protocol: Protocol
    http: bool


@dataclass(frozen=True, slots=True)
class Timing:
    """When a probe runs and how many answers decide. Times in seconds."""

    initial_delay_s: int
    period_s: int
    timeout_s: int
    success_threshold: int
    failure_threshold: int


@dataclass(frozen=True, slots=True)
class HttpGet:
    """`host` is where the kubelet connects: the pod's own address unless the manifest names another."""

    host: str
    port: int
    path: str
    tls: bool
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TcpConnect:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Exec:
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GrpcHealth:
    port: int
    service: str


ProbeAction: TypeAlias = HttpGet | TcpConnect | Exec | GrpcHealth


class ProbeKind(Enum):
    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


@dataclass(frozen=True, slots=True)
class Probe:
    """Two are equal wherever they stand: a line that moves must not begin a probe anew."""

    kind: ProbeKind
    container: str
    action: ProbeAction
    timing: Timing
    origin: Origin = field(compare=False)


@dataclass(frozen=True, slots=True)
class Standin:
    """The default: every declared port answered by the node's stand-in process."""


@dataclass(frozen=True, slots=True)
class Command:
    """A real program, from the annotation `seaway.dev/command`. `env` is resolved; values of Secrets are in it, so it is never printed.

    `restart` is `Always`, `OnFailure` or `Never`, as the pod's restartPolicy.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    working_dir: str
    restart: str
    origin: Origin = field(compare=False)


@dataclass(frozen=True, slots=True)
class GatewayProxy:
    """The pod is an ingress gateway: the node's Envoy listens inside it. `gateway` names a `model.route.Gateway`."""

    gateway: str


@dataclass(frozen=True, slots=True)
class DnsServer:
    """The pod is cluster DNS: the node's DNS server listens inside it."""


Runs: TypeAlias = Standin | Command | GatewayProxy | DnsServer


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """What the pod's /etc/resolv.conf holds."""

    nameservers: tuple[str, ...]
    searches: tuple[str, ...]
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod. `ip` is its node's address where `host_network` holds. `owner` is the object of the manifests that it stems from.

    `revision` changes when the pod must be replaced by a new one (its spec changed in place); `hosts` are hostAliases as (ip, names).
    `finite` marks a Job's pod: it counts as an endpoint while it runs, and is not started again once it has succeeded.
    """

    id: PodName
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]
    ip: str
    node: str
    host_network: bool
    hostname: str
    subdomain: str
    service_account: str
    containers: tuple[str, ...]
    ports: tuple[ContainerPort, ...]
    probes: tuple[Probe, ...]
    runs: Runs
    resolv_conf: ResolvConf
    hosts: tuple[tuple[str, tuple[str, ...]], ...]
    finite: bool
    revision: str
    owner: Key
    origin: Origin
