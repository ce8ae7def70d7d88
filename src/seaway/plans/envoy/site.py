"""What a node's Envoy is told of where it stands: all that plans of upstreams need to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.model.index import Model
from seaway.model.locality import NOWHERE, Locality, parse_locality

DEBIANS_ROOTS = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Site:
    """`node` is "" for every node from which things are seen as from elsewhere. `roots` is the file of the certificate authorities that
    this machine believes. `resolver` is who is asked for DNS names, again every `dns_refresh_s` seconds unless an answer says for how
    long it holds.
    """

    node: str
    locality: Locality = NOWHERE
    roots: str = DEBIANS_ROOTS
    resolver: str = "10.96.0.10"
    dns_refresh_s: float = 60


def site_of(model: Model, node: str, roots: str) -> Site:
    """Where a node's Envoy stands. `roots` is the file of the authorities that this machine believes."""
    here = next((one for one in model.cluster.nodes if one.name == node), None)
    return Site(
        node=node,
        locality=parse_locality(here.locality if here is not None else ""),
        roots=roots,
        resolver=model.cluster.dns_address,
        dns_refresh_s=model.mesh.settings.dns_refresh_s,
    )
