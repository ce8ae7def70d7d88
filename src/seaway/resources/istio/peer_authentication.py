"""PeerAuthentication: whether a workload takes mutual TLS, plaintext, or both.

https://istio.io/latest/docs/reference/config/security/peer_authentication/
"""

from __future__ import annotations

from seaway.resources.istio.selection import WorkloadSelector
from seaway.resources.meta import ObjectMeta, Struct


class MutualTLS(Struct, frozen=True, kw_only=True):
    """`mode`: UNSET, DISABLE, PERMISSIVE or STRICT."""

    mode: str | None = None


class PeerAuthenticationSpec(Struct, frozen=True, kw_only=True):
    """`port_level_mtls` is by port of the workload, as text."""

    selector: WorkloadSelector | None = None
    mtls: MutualTLS | None = None
    port_level_mtls: dict[str, MutualTLS] = {}


class PeerAuthentication(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: PeerAuthenticationSpec = PeerAuthenticationSpec()
