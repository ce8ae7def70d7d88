"""Gateway of networking.istio.io: ports, hosts and certificates that the mesh's edge serves.

https://istio.io/latest/docs/reference/config/networking/gateway/
"""

from __future__ import annotations

from seaway.resources.meta import ObjectMeta, Struct


class Port(Struct, frozen=True, kw_only=True):
    """`target_port` is deprecated."""

    number: int
    protocol: str
    name: str
    target_port: int | None = None


class TLSCertificate(Struct, frozen=True, kw_only=True):
    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""


class ServerTLSSettings(Struct, frozen=True, kw_only=True):
    """`mode`: PASSTHROUGH, SIMPLE, MUTUAL, AUTO_PASSTHROUGH, ISTIO_MUTUAL or OPTIONAL_MUTUAL. Versions: TLS_AUTO, TLSV1_0 to TLSV1_3."""

    https_redirect: bool = False
    mode: str | None = None
    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    ca_crl: str = ""
    credential_name: str = ""
    credential_names: tuple[str, ...] = ()
    ca_cert_credential_name: str = ""
    tls_certificates: tuple[TLSCertificate, ...] = ()
    subject_alt_names: tuple[str, ...] = ()
    verify_certificate_spki: tuple[str, ...] = ()
    verify_certificate_hash: tuple[str, ...] = ()
    min_protocol_version: str | None = None
    max_protocol_version: str | None = None
    cipher_suites: tuple[str, ...] = ()
    ecdh_curves: tuple[str, ...] = ()
    insecure_skip_verify: bool | None = None


class Server(Struct, frozen=True, kw_only=True):
    """`default_endpoint` does nothing upstream."""

    port: Port
    bind: str = ""
    hosts: tuple[str, ...]
    tls: ServerTLSSettings | None = None
    default_endpoint: str = ""
    name: str = ""


class GatewaySpec(Struct, frozen=True, kw_only=True):
    servers: tuple[Server, ...] = ()
    selector: dict[str, str] = {}


class Gateway(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: GatewaySpec = GatewaySpec()
