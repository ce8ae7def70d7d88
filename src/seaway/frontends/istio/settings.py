"""Settings of the whole mesh: MeshConfig, with every default filled in."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.finding import Findings
from seaway.core.origin import GENERATED, Origin
from seaway.frontends.istio.registry import EVERYWHERE
from seaway.model.mesh import NO_MESH, MeshSettings, Unknown
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Settings:
    """`mesh` is what the planes need to know, the rest what frontends do. `domain` is the cluster's.

    `outbound` with `outbound_origin`: what becomes of traffic to unknown hosts.
    `services_to`, `virtual_services_to` and `destination_rules_to` are namespaces (or `*`) that see objects which say nothing of it.
    """

    domain: str
    mesh: MeshSettings = NO_MESH.settings
    outbound: Unknown = Unknown.ALLOW_ANY
    outbound_origin: Origin = GENERATED
    automatic_mtls: bool = True
    services_to: frozenset[str] = EVERYWHERE
    virtual_services_to: frozenset[str] = EVERYWHERE
    destination_rules_to: frozenset[str] = EVERYWHERE


def read_mesh_settings(snapshot: Snapshot, domain: str) -> tuple[Settings, Findings]:
    """What the ConfigMap `istio` of the root namespace says."""
    del snapshot
    return Settings(domain), ()
