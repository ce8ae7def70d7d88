"""TLS that ends at a gateway's server: certificates and authorities come as secrets, so that replacing one moves no listener."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.names import Key
from seaway.model.certificate import Certificate
from seaway.model.mesh import MeshSettings
from seaway.model.names import server_secret_name
from seaway.model.route import ClientCertificates, Server, Termination
from seaway.plans.envoy.mesh.tls import mesh_server_context
from seaway.plans.envoy.proto import ADS, DownstreamTlsContext, Fields, Secret, extension, wrapped
from seaway.plans.envoy.resource import build_resource
from seaway.protocols.xds_resource import SECRET, XdsResource

HTTP_ALPN = ("h2", "http/1.1")


def server_socket(server: Server, spiffe: str, settings: MeshSettings, alpn: tuple[str, ...]) -> Fields:
    """The transport socket. `spiffe` is the pod's own identity, for servers that show it."""
    termination = server.tls
    assert termination is not None
    if not termination.certificates:
        return mesh_server_context(spiffe, True, alpn, (settings.trust_domain, *settings.trust_domain_aliases))
    common: dict[str, object] = {
        "tls_params": _parameters(termination),
        "tls_certificate_sds_secret_configs": [{"name": secret_name(one), "sds_config": ADS} for one in termination.certificates],
    }
    if alpn:
        common["alpn_protocols"] = alpn
    clients = termination.clients
    if clients is not None:
        common |= _validation(clients)
    context = DownstreamTlsContext(
        common_tls_context=common,
        require_client_certificate=wrapped(clients is not None and clients.required),
        **({"disable_stateless_session_resumption": True, "disable_stateful_session_resumption": True} if clients is not None else {}),
    )
    return extension("envoy.transport_sockets.tls", context)


def secret_name(certificate: Certificate) -> str:
    """By the object that the certificate stands in, whatever it holds."""
    owner = certificate.owner or Key("", "Secret", "", certificate.id)
    return server_secret_name(owner.namespace, owner.name)


def _parameters(termination: Termination) -> Fields:
    fields: dict[str, object] = {
        "tls_minimum_protocol_version": termination.minimum,
        "tls_maximum_protocol_version": termination.maximum,
    }
    if termination.ciphers:
        fields["cipher_suites"] = termination.ciphers
    if termination.curves:
        fields["ecdh_curves"] = termination.curves
    return fields


def _validation(clients: ClientCertificates) -> dict[str, object]:
    checks: dict[str, object] = {}
    if clients.names:
        checks["match_typed_subject_alt_names"] = [
            {"san_type": kind, "matcher": {"exact": name}} for name in clients.names for kind in ("DNS", "URI", "EMAIL", "IP_ADDRESS")
        ]
    if clients.spki:
        checks["verify_certificate_spki"] = clients.spki
    if clients.hashes:
        checks["verify_certificate_hash"] = clients.hashes
    if not clients.verify:
        checks["trust_chain_verification"] = "ACCEPT_UNTRUSTED"
    if not clients.trust:
        return {"validation_context": checks}
    named = {"name": _authorities(clients), "sds_config": ADS}
    return {"combined_validation_context": {"default_validation_context": checks, "validation_context_sds_secret_config": named}}


def _authorities(clients: ClientCertificates) -> str:
    namespace, _, name = clients.source.partition("/")
    return f"{server_secret_name(namespace, name)}#ca"


def plan_server_secrets(server: Server) -> Iterator[XdsResource]:
    """Its certificates, and the authorities of its clients. Bodies hold private keys: never print them."""
    if server.tls is None:
        return
    for one in server.tls.certificates:
        pair = {"certificate_chain": {"inline_string": one.chain}, "private_key": {"inline_string": one.key}}
        yield build_resource(SECRET, secret_name(one), Secret(name=secret_name(one), tls_certificate=pair), (one.owner,))
    clients = server.tls.clients
    if clients is not None and clients.trust:
        name = _authorities(clients)
        context: dict[str, object] = {"trusted_ca": {"inline_string": clients.trust}}
        if clients.crl:
            context["crl"] = {"inline_string": clients.crl}
        namespace, _, short = clients.source.partition("/")
        owner = Key("", "Secret", namespace, short)
        yield build_resource(SECRET, name, Secret(name=name, validation_context=context), (owner,))
