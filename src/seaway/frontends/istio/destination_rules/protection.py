"""How connections to a host are protected: as the rule says, else mutual TLS with those endpoints that can."""

from __future__ import annotations

from dataclasses import replace

from seaway.frontends.istio.destination_rules.blocks import Tls, TlsMode
from seaway.frontends.istio.destination_rules.credentials import Unusable, originate
from seaway.frontends.istio.registry import Host
from seaway.model.upstream import MutualMesh, Plain, Protection, UpstreamId
from seaway.snapshot import Snapshot


def protect(tls: Tls | None, host: Host, upstream: UpstreamId, automatic: bool) -> Protection:
    """What needs no certificate of the manifests."""
    if tls is None:
        if automatic and not host.external:
            return MutualMesh(host.identities, server_name(upstream), automatic=True, origin=host.origin)
        return Plain()
    if tls.mode is TlsMode.ISTIO_MUTUAL:
        return MutualMesh(tls.names or host.identities, tls.sni or server_name(upstream), automatic=False, origin=tls.origin)
    return Plain(tls.origin)


def originated(tls: Tls, host: Host, namespace: str, snapshot: Snapshot) -> Protection | Unusable:
    """SIMPLE or MUTUAL, for callers of this namespace. A ServiceEntry's subjectAltNames hold where the rule has none."""
    found = originate(tls, namespace, snapshot)
    if isinstance(found, Unusable) or found.names or host.service is not None or not found.verify:
        return found
    return replace(found, names=host.identities)


def server_name(upstream: UpstreamId) -> str:
    """What peers in the mesh are asked for, so that an east-west gateway can pass a connection on by it."""
    return f"outbound_.{upstream.port}_.{upstream.subset}_.{upstream.host}"
