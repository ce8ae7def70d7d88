"""What the mesh says where no DestinationRule does."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.frontends.istio.destination_rules.blocks import ConnectionPool, Locality
from seaway.frontends.istio.registry import EVERYWHERE
from seaway.model.upstream import Ejection, Keepalive

NEAR = Locality()


@dataclass(frozen=True, slots=True)
class Defaults:
    """MeshConfig's share in upstreams. `locality` is None where the mesh switches it off. A rule's connectionPool starts from
    `connect_timeout_s` and `keepalive`; where there is none, `pool` holds, if it is given.
    """

    root_namespace: str = "istio-system"
    export_to: frozenset[str] = EVERYWHERE
    automatic_mtls: bool = True
    upgrade_http2: bool = False
    connect_timeout_s: float = 10
    keepalive: Keepalive | None = None
    locality: Locality | None = NEAR
    pool: ConnectionPool | None = None
    ejection: Ejection | None = None
