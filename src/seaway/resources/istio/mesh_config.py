"""MeshConfig: settings of the whole mesh, as the ConfigMap `istio` of the root namespace holds them under the key `mesh`.

What concerns telemetry backends, certificates of the control plane or other clusters is kept as plain data.
Source: mesh/v1alpha1/config.proto of https://github.com/istio/api
"""

from __future__ import annotations

from typing import Any

import msgspec

from seaway.core.codes import reading as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.core.origin import Origin
from seaway.resources.core_v1 import ConfigMap
from seaway.resources.embedded_yaml import read_embedded
from seaway.resources.istio.camel_case import camel_case
from seaway.resources.istio.destination_rule import ClientTLSSettings, LocalityLoadBalancerSetting, TcpKeepalive, TrafficPolicy
from seaway.resources.istio.proxy_config import Plain, ProxyConfig
from seaway.resources.istio.virtual_service import HTTPRetry
from seaway.resources.meta import LabelSelector, Struct
from seaway.resources.resource import Mark, Resource, place_of
from seaway.resources.schema import Report, describe
from seaway.resources.struct_schema import struct_type

CONFIG_MAP = "istio"
"""The ConfigMap's name. Those of further control planes (`istio-canary`) are not this mesh's."""
KEY = "mesh"


class MeshOutboundTrafficPolicy(Struct, frozen=True, kw_only=True):
    """`mode`: REGISTRY_ONLY, ALLOW_ANY or ALLOW_ANY_DYNAMIC_DNS; only the last one uses `tls`."""

    mode: str | None = None
    tls: ClientTLSSettings | None = None


class InboundTrafficPolicy(Struct, frozen=True, kw_only=True):
    """`mode`: PASSTHROUGH or LOCALHOST."""

    mode: str | None = None


class CertificateData(Struct, frozen=True, kw_only=True):
    """A further root: `pem`, or the URL of a SPIFFE bundle."""

    pem: str | None = None
    spiffe_bundle_url: str | None = None
    cert_signers: tuple[str, ...] = ()
    trust_domains: tuple[str, ...] = ()


class ExtAuthzRequestBody(Struct, frozen=True, kw_only=True):
    max_request_bytes: int | None = None
    allow_partial_message: bool = False
    pack_as_bytes: bool = False


class EnvoyExtAuthzHttpProvider(Struct, frozen=True, kw_only=True):
    """`service` is `[namespace/]host`. Header names may be `exact`, `prefix*` or `*suffix`. `include_headers_in_check` is deprecated."""

    service: str = ""
    port: int | None = None
    timeout: str | None = None
    path_prefix: str = ""
    fail_open: bool = False
    clear_route_cache: bool = False
    status_on_error: str = ""
    include_headers_in_check: tuple[str, ...] = ()
    include_request_headers_in_check: tuple[str, ...] = ()
    include_additional_headers_in_check: dict[str, str] = {}
    include_request_body_in_check: ExtAuthzRequestBody | None = None
    headers_to_upstream_on_allow: tuple[str, ...] = ()
    headers_to_downstream_on_deny: tuple[str, ...] = ()
    headers_to_downstream_on_allow: tuple[str, ...] = ()


class EnvoyExtAuthzGrpcProvider(Struct, frozen=True, kw_only=True):
    service: str = ""
    port: int | None = None
    timeout: str | None = None
    fail_open: bool = False
    clear_route_cache: bool = False
    status_on_error: str = ""
    include_request_body_in_check: ExtAuthzRequestBody | None = None


class ExtensionProvider(Struct, frozen=True, kw_only=True):
    """A name, and exactly one of the others."""

    name: str = ""
    envoy_ext_authz_http: EnvoyExtAuthzHttpProvider | None = None
    envoy_ext_authz_grpc: EnvoyExtAuthzGrpcProvider | None = None
    zipkin: Plain | None = None
    lightstep: Plain | None = None
    datadog: Plain | None = None
    stackdriver: Plain | None = None
    opencensus: Plain | None = None
    skywalking: Plain | None = None
    opentelemetry: Plain | None = None
    prometheus: Plain | None = None
    envoy_file_access_log: Plain | None = None
    envoy_http_als: Plain | None = None
    envoy_tcp_als: Plain | None = None
    envoy_otel_als: Plain | None = None
    sds: Plain | None = None


class DefaultProviders(Struct, frozen=True, kw_only=True):
    tracing: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    access_logging: tuple[str, ...] = ()


class ProxyPathNormalization(Struct, frozen=True, kw_only=True):
    """DEFAULT, NONE, BASE, MERGE_SLASHES or DECODE_AND_MERGE_SLASHES."""

    normalization: str | None = None


class TLSConfig(Struct, frozen=True, kw_only=True):
    """`min_protocol_version`: TLS_AUTO, TLSV1_2 or TLSV1_3."""

    min_protocol_version: str | None = None
    ecdh_curves: tuple[str, ...] = ()
    cipher_suites: tuple[str, ...] = ()


class MeshConfig(Struct, frozen=True, kw_only=True):
    """Durations are text, words of enumerations too; None where the mesh says nothing."""

    proxy_listen_port: int | None = None
    proxy_inbound_listen_port: int | None = None
    proxy_http_port: int | None = None
    connect_timeout: str | None = None
    hbone_idle_timeout: str | None = None
    protocol_detection_timeout: str | None = None
    tcp_keepalive: TcpKeepalive | None = None
    ingress_class: str | None = None
    ingress_service: str | None = None
    ingress_controller_mode: str | None = None
    ingress_selector: str | None = None
    enable_tracing: bool | None = None
    access_log_file: str | None = None
    access_log_format: str | None = None
    access_log_encoding: str | None = None
    enable_envoy_access_log_service: bool | None = None
    disable_envoy_listener_log: bool | None = None
    default_config: ProxyConfig | None = None
    outbound_traffic_policy: MeshOutboundTrafficPolicy | None = None
    inbound_traffic_policy: InboundTrafficPolicy | None = None
    config_sources: tuple[Plain, ...] = ()
    enable_auto_mtls: bool | None = None
    trust_domain: str | None = None
    trust_domain_aliases: tuple[str, ...] = ()
    ca_certificates: tuple[CertificateData, ...] = ()
    default_service_export_to: tuple[str, ...] = ()
    default_virtual_service_export_to: tuple[str, ...] = ()
    default_destination_rule_export_to: tuple[str, ...] = ()
    root_namespace: str | None = None
    default_traffic_policy: TrafficPolicy | None = None
    locality_lb_setting: LocalityLoadBalancerSetting | None = None
    dns_refresh_rate: str | None = None
    h2_upgrade_policy: str | None = None
    inbound_cluster_stat_name: str = ""
    outbound_cluster_stat_name: str = ""
    certificates: tuple[Plain, ...] = ()
    service_settings: tuple[Plain, ...] = ()
    service_scope_configs: tuple[Plain, ...] = ()
    enable_prometheus_merge: bool | None = None
    verify_certificate_at_client: bool | None = None
    ca: Plain | None = None
    extension_providers: tuple[ExtensionProvider, ...] = ()
    default_providers: DefaultProviders | None = None
    discovery_selectors: tuple[LabelSelector, ...] = ()
    path_normalization: ProxyPathNormalization | None = None
    default_http_retry_policy: HTTPRetry | None = None
    mesh_mtls: TLSConfig | None = msgspec.field(name="meshMTLS", default=None)
    tls_defaults: TLSConfig | None = None


def parse_mesh_config(resource: Resource[ConfigMap]) -> tuple[Resource[MeshConfig], Findings]:
    """The settings that this ConfigMap holds, with the place of each: `at("outboundTrafficPolicy", "mode")`.

    Fields may be spelt in camelCase or snake_case, as protobuf reads them; paths are in the former. Unknown fields are found and passed
    over; after any other mistake there are no settings, and a finding says why.
    """
    text = resource.body.data.get(KEY, "")
    mark = ((resource.mark.children or {}).get("data", resource.mark).children or {}).get(KEY, resource.mark)
    document, problems = read_embedded(text, resource.file, mark)
    if problems:
        return _settings(resource, {}, mark), tuple(_invalid(resource, one.origin, one) for one in problems)
    raw: Any = document.value if document is not None else {}
    if not isinstance(raw, dict):
        at = place_of(resource.file, document.mark if document is not None else mark, ())
        problem = f"a mapping is expected, not {describe(raw)}"
        advice = "Write fields of MeshConfig, such as `trustDomain: cluster.local`."
        return _settings(resource, {}, mark), (finding(codes.MESH_CONFIG_INVALID, at, resource.key, problem=problem, advice=advice),)
    raw, mark = camel_case(raw, document.mark if document is not None else mark, MeshConfig)
    report = Report(MeshConfig.__name__)
    schema = struct_type(MeshConfig)
    schema.check(raw, (), report)
    findings: list[Finding] = []
    for one in report.mistakes:
        at = place_of(resource.file, mark, one.path)
        if one.code is codes.UNKNOWN_FIELD:
            findings.append(Finding(codes.MESH_FIELD_UNKNOWN, at, resource.key, one.args))
        else:
            findings.append(_invalid(resource, at, Finding(one.code, at, None, one.args)))
    if any(one.code is codes.MESH_CONFIG_INVALID for one in findings):
        raw = {}
    return _settings(resource, schema.without_nulls(raw), mark), tuple(findings)


def _settings(resource: Resource[ConfigMap], raw: dict[str, Any], mark: Mark) -> Resource[MeshConfig]:
    config = msgspec.convert(raw, MeshConfig)
    return Resource(resource.key, resource.api_version, resource.meta, config, raw, resource.file, mark, resource.digest)


def _invalid(resource: Resource[ConfigMap], at: Origin, why: Finding) -> Finding:
    return finding(codes.MESH_CONFIG_INVALID, at, resource.key, problem=why.message, advice=why.help)
