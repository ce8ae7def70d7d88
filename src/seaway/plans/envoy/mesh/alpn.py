"""What a proxy of the mesh says in the handshake about what it will speak: how the other side's proxy tells its peers from strangers.

The words are Istio's (pilot/pkg/networking/util/util.go in istio/istio). What an application's own TLS offers never holds one of them.
A client offers what it will speak in HTTP's own words too, so that the server's choice is right; where it will speak HTTP of a version
that is not known beforehand, it does not, and the server looks at the first bytes.
"""

from __future__ import annotations

from seaway.model.upstream import AppProtocol, Upstream

ISTIO_HTTP = ("istio-http/1.0", "istio-http/1.1", "istio-h2")
"""Offered by a peer that will speak HTTP."""

ISTIO_ANY = (*ISTIO_HTTP, "istio-peer-exchange", "istio")
"""One of these is offered by every peer."""

TCP = ("istio",)
"""What a peer offers for a connection that is opaque to it."""

PLAIN_HTTP = ("http/1.0", "http/1.1", "h2c")
"""What is found out about a connection in plaintext that turns out to be HTTP."""

SERVED = ("h2", "http/1.1")
"""What a proxy accepts in a handshake."""


def client_alpn(upstream: Upstream) -> tuple[str, ...]:
    """What a client offers to an upstream of the mesh."""
    pool = upstream.treatment.pool
    if pool.upgrade_http2 or (upstream.protocol.http2 and not pool.client_protocol):
        return ("istio-h2", "istio", "h2")
    if upstream.protocol is AppProtocol.DETECT or pool.client_protocol:
        return ("istio-http/1.1", "istio-h2")
    return ("istio-http/1.1", "istio", "http/1.1") if upstream.protocol.http else TCP
