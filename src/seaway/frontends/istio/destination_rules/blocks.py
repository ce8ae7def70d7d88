"""The parts of a trafficPolicy, read: each is whole or absent, since layers of a DestinationRule replace one another part by part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from seaway.core.origin import Origin
from seaway.model.upstream import Balancing, Distribute, Ejection, Pool, Tunnel, Warmup


@dataclass(frozen=True, slots=True)
class Locality:
    """`localityLbSetting`. Not `enabled`: the caller's place does not count."""

    enabled: bool = True
    distribute: tuple[Distribute, ...] = ()
    failover: tuple[tuple[str, str], ...] = ()
    priority_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """`locality` is None where nothing is said: then the Service's trafficDistribution decides, else the mesh."""

    balancing: Balancing
    warmup: Warmup | None = None
    locality: Locality | None = None


@dataclass(frozen=True, slots=True)
class ConnectionPool:
    """`upgrade` is None where the mesh decides whether HTTP/1.1 is sent as HTTP/2."""

    pool: Pool
    upgrade: bool | None = None


class TlsMode(Enum):
    DISABLE = "DISABLE"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"


@dataclass(frozen=True, slots=True)
class Tls:
    """`tls`. `chain`, `key`, `trust` and `crl` are paths as written, `credential` names a Secret; "" where there is none.

    `broken`: upstream refuses it. What was to be encrypted must not go in plaintext, so nothing is sent at all.
    """

    mode: TlsMode
    chain: str = ""
    key: str = ""
    trust: str = ""
    crl: str = ""
    credential: str = ""
    names: tuple[str, ...] = ()
    sni: str = ""
    verify: bool = True
    broken: bool = False
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Blocks:
    """The parts that one layer gives; None where it says nothing. A `retry_budget` is percent of active requests, and a least number."""

    balancer: LoadBalancer | None = None
    pool: ConnectionPool | None = None
    ejection: Ejection | None = None
    tls: Tls | None = None
    tunnel: Tunnel | None = None
    proxy_protocol: int | None = None
    retry_budget: tuple[float, int] | None = None


NOTHING = Blocks()


@dataclass(frozen=True, slots=True)
class Policy:
    """A trafficPolicy: `ports` are its portLevelSettings, in their order."""

    blocks: Blocks
    ports: tuple[tuple[int, Blocks], ...] = ()
