"""Mutual TLS between workloads: whose certificate is shown, and whose is accepted. Certificates are named; they come from the node's agent.

Leaves to others: which connections are to be encrypted, and who may call whom.
"""

from __future__ import annotations

from collections.abc import Iterable

from seaway.model.names import ROOT_SECRET, client_secret, server_secret
from seaway.plans.envoy.filters.terms import CALLER
from seaway.plans.envoy.proto import (
    SDS,
    ConfigSource,
    DownstreamTlsContext,
    Fields,
    SetFilterState,
    UpstreamTlsContext,
    as_json,
    described,
    extension,
    wrapped,
)

CALLER_SECRET = "envoy.tls.certificate_mappers.on_demand_secret"
"""Filter state that holds the SDS name of the caller's certificate."""

NOBODY = "client|"
"""SDS name that nobody has: a call that does not say whose it is fails at the handshake."""

TLS_VERSIONS: Fields = {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}

_EXTENSIONS = "envoy.extensions.transport_sockets.tls"


def call_as(spiffe: str) -> Fields:
    """Network filter: connections to the mesh that stem from this one show this identity's certificate, and policies know them by it.

    A value whose factory is hashable takes part in the key of Envoy's connection pools, so no caller ever rides on another's connection.
    """
    value: Fields = {
        "object_key": CALLER_SECRET,
        "factory_key": "envoy.hashable_string",
        "format_string": {"text_format_source": {"inline_string": client_secret(spiffe).replace("%", "%%")}},
        "shared_with_upstream": "ONCE",
    }
    known = {**value, "object_key": CALLER, "factory_key": "envoy.string"}
    known["format_string"] = {"text_format_source": {"inline_string": spiffe.replace("%", "%%")}}
    return extension("envoy.filters.network.set_filter_state", SetFilterState(on_new_connection=[value, known]))


def mesh_server_context(spiffe: str, require_client: bool, alpn: tuple[str, ...], trust_domains: tuple[str, ...]) -> Fields:
    """Transport socket of a listener: shows this identity; a client certificate must lead to a root, and be of one of these domains.

    A brought root may have signed for other meshes too, so that leading to it is not enough.
    """
    context = DownstreamTlsContext(
        common_tls_context={
            "tls_params": TLS_VERSIONS,
            "alpn_protocols": alpn,
            "tls_certificate_sds_secret_configs": [{"name": server_secret(spiffe), "sds_config": SDS}],
            "combined_validation_context": _peers("prefix", (f"spiffe://{domain}/" for domain in trust_domains)),
        },
        require_client_certificate=wrapped(require_client),
        # A resumed session is believed without a certificate: it would outlive the one that it began with, and its root.
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
    )
    return extension("envoy.transport_sockets.tls", context)


def mesh_client_context(sans: tuple[str, ...], sni: str, alpn: tuple[str, ...]) -> Fields:
    """Transport socket of a cluster, for all callers of the node: each shows the identity that `call_as` gave its connection.

    The server must be one of `sans` (SPIFFE IDs). The cluster must come over CDS: in a static one, this crashes Envoy 1.40 at its start.
    """
    mapper = "envoy.tls.upstream_certificate_mappers.filter_state_override"
    selector: Fields = {
        "config_source": as_json(ConfigSource(**SDS)),
        "certificate_mapper": {
            "name": mapper,
            "typed_config": {
                "@type": f"type.googleapis.com/{_EXTENSIONS}.cert_mappers.filter_state_override.v3.Config",
                "default_value": NOBODY,
            },
        },
    }
    name, message = "envoy.tls.certificate_selectors.on_demand_secret", f"{_EXTENSIONS}.cert_selectors.on_demand_secret.v3.Config"
    context = UpstreamTlsContext(
        common_tls_context={
            "tls_params": TLS_VERSIONS,
            "alpn_protocols": alpn,
            "custom_tls_certificate_selector": described(name, message, selector),
            "combined_validation_context": _peers("exact", sans),
        },
        sni=sni,
        # Sessions are kept a cluster, not a caller: one that resumed another's would be taken for it. Envoy 1.40 was seen to resume none
        # behind this selector; here it is told not to.
        max_session_keys=wrapped(0),
    )
    return extension("envoy.transport_sockets.tls", context)


def _peers(match: str, uris: Iterable[str]) -> Fields:
    """Who is accepted: a chain that leads to a root of the mesh, and an URI that matches one of these."""
    return {
        "default_validation_context": {
            "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {match: uri}} for uri in uris],
        },
        "validation_context_sds_secret_config": {"name": ROOT_SECRET, "sds_config": SDS},
    }
