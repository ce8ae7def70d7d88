"""ProxyConfig: settings of a single proxy, as MeshConfig's `defaultConfig` or a pod's annotation `proxy.istio.io/config` has them.

What concerns an Envoy process, its bootstrap or its statistics is kept as plain data.
Source: mesh/v1alpha1/proxy.proto of https://github.com/istio/api
"""

from __future__ import annotations

from typing import Any

import msgspec

from seaway.core.codes.mesh import PROXY_ANNOTATION_INVALID
from seaway.core.codes.reading import UNKNOWN_FIELD
from seaway.core.finding import Finding, Findings, finding
from seaway.resources.embedded_yaml import read_embedded
from seaway.resources.istio.camel_case import camel_case
from seaway.resources.istio.workload_entry import ReadinessProbe
from seaway.resources.meta import Struct
from seaway.resources.resource import Resource, Step, place_of
from seaway.resources.schema import Report, describe
from seaway.resources.struct_schema import struct_type

Plain = dict[str, Any]


class Topology(Struct, frozen=True, kw_only=True):
    """What stands in front of a gateway. `proxy_protocol` is `{}` where gateways expect the PROXY protocol."""

    num_trusted_proxies: int | None = None
    forward_client_cert_details: str | None = None
    proxy_protocol: Plain | None = None


class HeaderSwitch(Struct, frozen=True, kw_only=True):
    """`disabled` of headers that are on by default, `enabled` of those that are off; `value` is the `server` header's."""

    disabled: bool | None = None
    enabled: bool | None = None
    value: str = ""


class MetadataExchangeHeaders(Struct, frozen=True, kw_only=True):
    """`mode`: UNDEFINED or IN_MESH."""

    mode: str | None = None


class SetCurrentClientCertDetails(Struct, frozen=True, kw_only=True):
    subject: bool | None = None
    cert: bool | None = None
    chain: bool | None = None
    dns: bool | None = None
    uri: bool | None = None


class ProxyHeaders(Struct, frozen=True, kw_only=True):
    forwarded_client_cert: str | None = None
    set_current_client_cert_details: SetCurrentClientCertDetails | None = None
    request_id: HeaderSwitch | None = None
    server: HeaderSwitch | None = None
    attempt_count: HeaderSwitch | None = None
    envoy_debug_headers: HeaderSwitch | None = None
    metadata_exchange_headers: MetadataExchangeHeaders | None = None
    preserve_http1_header_case: bool | None = None
    x_forwarded_host: HeaderSwitch | None = None
    x_forwarded_port: HeaderSwitch | None = None


class ProxyConfig(Struct, frozen=True, kw_only=True):
    config_path: str = ""
    binary_path: str = ""
    service_cluster: str = ""
    tracing_service_name: str | None = None
    drain_duration: str | None = None
    discovery_address: str = ""
    discovery_refresh_delay: str | None = None
    zipkin_address: str = ""
    statsd_udp_address: str = ""
    envoy_metrics_service_address: str = ""
    proxy_admin_port: int | None = None
    availability_zone: str = ""
    control_plane_auth_policy: str | None = None
    custom_config_file: str = ""
    stat_name_length: int | None = None
    concurrency: int | None = None
    proxy_bootstrap_template_path: str = ""
    interception_mode: str | None = None
    tracing: Plain | None = None
    sds: Plain | None = None
    envoy_access_log_service: Plain | None = None
    envoy_metrics_service: Plain | None = None
    proxy_metadata: dict[str, str] = {}
    runtime_values: dict[str, str] = {}
    status_port: int | None = None
    extra_stat_tags: tuple[str, ...] = ()
    gateway_topology: Topology | None = None
    termination_drain_duration: str | None = None
    mesh_id: str = ""
    readiness_probe: ReadinessProbe | None = None
    proxy_stats_matcher: Plain | None = None
    hold_application_until_proxy_starts: bool | None = None
    ca_certificates_pem: tuple[str, ...] = ()
    image: Plain | None = None
    private_key_provider: Plain | None = None
    proxy_headers: ProxyHeaders | None = None
    file_flush_interval: str | None = None
    file_flush_min_size_kb: int | None = None
    stats_compression: bool | None = None


ANNOTATION = "proxy.istio.io/config"


def parse_proxy_config(resource: Resource[Any], text: str, *path: Step) -> tuple[Resource[ProxyConfig], Findings]:
    """The ProxyConfig that stands as text at this path of an object, with the place of each field. After a mistake other than an unknown
    field it is empty.
    """
    mark = resource.mark
    for step in path:
        mark = (mark.children or {}).get(step, mark)
    document, findings = read_embedded(text, resource.file, mark)
    raw: Any = document.value if document is not None and not findings else {}
    mark = document.mark if document is not None else mark
    problems = [(one.origin, one.message, one.help) for one in findings]
    if not isinstance(raw, dict):
        problems.append((place_of(resource.file, mark, ()), f"a mapping is expected, not {describe(raw)}", "Write its fields as YAML."))
        raw = {}
    raw, mark = camel_case(raw, mark, ProxyConfig)
    report, schema = Report(ProxyConfig.__name__), struct_type(ProxyConfig)
    schema.check(raw, (), report)
    for one in report.mistakes:
        said = Finding(one.code, place_of(resource.file, mark, one.path), None, one.args)
        problems.append((said.origin, said.message, said.help))
        raw = raw if one.code is UNKNOWN_FIELD else {}
    body = msgspec.convert(schema.without_nulls(raw), ProxyConfig)
    wrong = (finding(PROXY_ANNOTATION_INVALID, at, resource.key, problem=problem, advice=advice) for at, problem, advice in problems)
    return Resource(resource.key, resource.api_version, resource.meta, body, raw, resource.file, mark, resource.digest), tuple(wrong)
