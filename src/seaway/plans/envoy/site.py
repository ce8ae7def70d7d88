"""What a node's Envoy is told of where it stands: all that plans of upstreams need to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.model.locality import NOWHERE, Locality

DEBIANS_ROOTS = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Site:
    """`roots` is the file of the certificate authorities that this machine believes. `resolver` is who is asked for DNS names, again every
    `dns_refresh_s` seconds unless an answer says for how long it holds.
    """

    node: str
    locality: Locality = NOWHERE
    roots: str = DEBIANS_ROOTS
    resolver: str = "10.96.0.10"
    dns_refresh_s: float = 60
