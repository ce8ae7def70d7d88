"""Transport sockets of a cluster: mutual TLS of the mesh, TLS to the world, plaintext; and the PROXY protocol around each."""

from __future__ import annotations

from typing import assert_never

from seaway.model.names import certificate_secret
from seaway.model.upstream import MutualMesh, OriginateTls, Plain, Upstream
from seaway.plans.envoy.clusters.protocols import speaks_http2
from seaway.plans.envoy.clusters.proxy_protocol import wrap
from seaway.plans.envoy.mesh.sockets import mesh_socket
from seaway.plans.envoy.mesh.tls import TLS_VERSIONS
from seaway.plans.envoy.proto import ADS, Fields, UpstreamTlsContext, extension
from seaway.plans.envoy.site import Site


def transport_sockets(upstream: Upstream, site: Site, all_take_mtls: bool, short: bool) -> Fields:
    """`transport_socket`, or `transport_socket_matches`; neither for plaintext."""
    protection = upstream.treatment.protection
    match protection:
        case Plain():
            fields: Fields = {}
        case MutualMesh():
            fields = mesh_socket(upstream, protection, all_take_mtls, short)
        case OriginateTls():
            fields = {"transport_socket": _originate(upstream, protection, site)}
        case _:
            assert_never(protection)
    return wrap(fields, upstream.treatment.proxy_protocol)


def _originate(upstream: Upstream, protection: OriginateTls, site: Site) -> Fields:
    common: dict[str, object] = {"tls_params": TLS_VERSIONS}
    if speaks_http2(upstream):
        common["alpn_protocols"] = ["h2"]
    if protection.certificate is not None:
        common["tls_certificate_sds_secret_configs"] = [{"name": certificate_secret(protection.certificate.id), "sds_config": ADS}]
    if protection.verify:
        common["validation_context"] = _verification(protection, site)
    return extension("envoy.transport_sockets.tls", UpstreamTlsContext(common_tls_context=common, sni=protection.sni))


def _verification(protection: OriginateTls, site: Site) -> Fields:
    fields: dict[str, object] = {"trusted_ca": {"inline_string": protection.trust} if protection.trust else {"filename": site.roots}}
    if protection.crl:
        fields["crl"] = {"inline_string": protection.crl}
    if protection.names:
        fields["match_typed_subject_alt_names"] = [
            {"san_type": kind, "matcher": {"exact": name}} for name in protection.names for kind in _kinds(name)
        ]
    return fields


def _kinds(name: str) -> tuple[str, ...]:
    """The types of subject alternative names that a text can be. Upstream takes it for any of them, and each has a matcher of its own."""
    return ("URI",) if "://" in name else ("DNS", "IP_ADDRESS") if name.replace(".", "").isdigit() or ":" in name else ("DNS",)
