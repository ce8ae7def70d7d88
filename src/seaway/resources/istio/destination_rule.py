"""DestinationRule: what happens to traffic once its destination is chosen.

https://istio.io/latest/docs/reference/config/networking/destination-rule/
"""

from __future__ import annotations

from typing import Any

import msgspec

from seaway.resources.istio.selection import PortSelector, WorkloadSelector
from seaway.resources.meta import ObjectMeta, Struct


class RingHash(Struct, frozen=True, kw_only=True):
    minimum_ring_size: int | None = None


class MagLev(Struct, frozen=True, kw_only=True):
    table_size: int | None = None


class CookieAttribute(Struct, frozen=True, kw_only=True):
    name: str
    value: str = ""


class HTTPCookie(Struct, frozen=True, kw_only=True):
    """`ttl` of zero asks for a session cookie; an absent one for no cookie to be made."""

    name: str
    path: str = ""
    ttl: str | None = None
    attributes: tuple[CookieAttribute, ...] = ()


class ConsistentHashLB(Struct, frozen=True, kw_only=True):
    """One hash key; at most one algorithm. `minimum_ring_size` is the deprecated form of `ring_hash`."""

    http_header_name: str | None = None
    http_cookie: HTTPCookie | None = None
    use_source_ip: bool | None = None
    http_query_parameter_name: str | None = None
    ring_hash: RingHash | None = None
    maglev: MagLev | None = None
    minimum_ring_size: int | None = None


class LocalityDistribute(Struct, frozen=True, kw_only=True):
    """Weights by locality, `region/zone/subzone`, that sum up to 100."""

    from_: str = msgspec.field(name="from", default="")
    to: dict[str, int] = {}


class LocalityFailover(Struct, frozen=True, kw_only=True):
    from_: str = msgspec.field(name="from", default="")
    to: str = ""


class LocalityLoadBalancerSetting(Struct, frozen=True, kw_only=True):
    distribute: tuple[LocalityDistribute, ...] = ()
    failover: tuple[LocalityFailover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    enabled: bool | None = None


class ZoneAwareLoadBalancerSetting(Struct, frozen=True, kw_only=True):
    failover: tuple[LocalityFailover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    enabled: bool | None = None
    min_cluster_size: int | None = None


class WarmupConfiguration(Struct, frozen=True, kw_only=True):
    duration: str
    minimum_percent: float | None = None
    aggression: float | None = None


class LoadBalancerSettings(Struct, frozen=True, kw_only=True):
    """`simple` or `consistent_hash`. `warmup_duration_secs` (a duration as text) is the deprecated form of `warmup`."""

    simple: str | None = None
    consistent_hash: ConsistentHashLB | None = None
    backend_utilization: dict[str, Any] | None = None
    locality_lb_setting: LocalityLoadBalancerSetting | None = None
    zone_aware_lb_setting: ZoneAwareLoadBalancerSetting | None = None
    warmup_duration_secs: str | None = None
    warmup: WarmupConfiguration | None = None


class TcpKeepalive(Struct, frozen=True, kw_only=True):
    probes: int | None = None
    time: str | None = None
    interval: str | None = None


class TCPSettings(Struct, frozen=True, kw_only=True):
    max_connections: int | None = None
    connect_timeout: str | None = None
    tcp_keepalive: TcpKeepalive | None = None
    max_connection_duration: str | None = None
    idle_timeout: str | None = None


class HTTP2KeepAlive(Struct, frozen=True, kw_only=True):
    interval: str | None = None
    timeout: str | None = None


class HTTPSettings(Struct, frozen=True, kw_only=True):
    """`h2_upgrade_policy`: DEFAULT, DO_NOT_UPGRADE or UPGRADE."""

    http1_max_pending_requests: int | None = None
    http2_max_requests: int | None = None
    max_requests_per_connection: int | None = None
    max_retries: int | None = None
    idle_timeout: str | None = None
    h2_upgrade_policy: str | None = None
    use_client_protocol: bool | None = None
    max_concurrent_streams: int | None = None
    http2_keep_alive: HTTP2KeepAlive | None = None


class ConnectionPoolSettings(Struct, frozen=True, kw_only=True):
    tcp: TCPSettings | None = None
    http: HTTPSettings | None = None


class OutlierDetection(Struct, frozen=True, kw_only=True):
    """`consecutive_errors` is deprecated: gateway errors, upstream."""

    consecutive_errors: int | None = None
    split_external_local_origin_errors: bool | None = None
    consecutive_local_origin_failures: int | None = None
    consecutive_gateway_errors: int | None = None
    consecutive_5xx_errors: int | None = msgspec.field(name="consecutive5xxErrors", default=None)
    interval: str | None = None
    base_ejection_time: str | None = None
    max_ejection_percent: int | None = None
    min_health_percent: int | None = None
    outlier_detection_http_error_codes: tuple[int, ...] = ()


class CircuitBreaker(OutlierDetection, frozen=True, kw_only=True):
    """No part of the API, and yet in many manifests: who writes `circuitBreaker` means `outlierDetection`, whose fields it takes."""


class ClientTLSSettings(Struct, frozen=True, kw_only=True):
    """`mode`: DISABLE, SIMPLE, MUTUAL or ISTIO_MUTUAL."""

    mode: str | None = None
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    credential_name: str = ""
    subject_alt_names: tuple[str, ...] = ()
    sni: str = ""
    insecure_skip_verify: bool | None = None
    ca_crl: str = ""


class PortTrafficPolicy(Struct, frozen=True, kw_only=True):
    port: PortSelector | None = None
    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None
    circuit_breaker: CircuitBreaker | None = None


class TunnelSettings(Struct, frozen=True, kw_only=True):
    """`protocol`: CONNECT or POST."""

    protocol: str = ""
    target_host: str
    target_port: int


class ProxyProtocol(Struct, frozen=True, kw_only=True):
    """`version`: V1 or V2."""

    version: str | None = None


class RetryBudget(Struct, frozen=True, kw_only=True):
    percent: float | None = None
    budget_interval: str | None = None
    min_retry_concurrency: int | None = None


class TrafficPolicy(Struct, frozen=True, kw_only=True):
    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None
    port_level_settings: tuple[PortTrafficPolicy, ...] = ()
    tunnel: TunnelSettings | None = None
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None
    circuit_breaker: CircuitBreaker | None = None


class Subset(Struct, frozen=True, kw_only=True):
    name: str
    labels: dict[str, str] = {}
    traffic_policy: TrafficPolicy | None = None


class DestinationRuleSpec(Struct, frozen=True, kw_only=True):
    host: str
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    workload_selector: WorkloadSelector | None = None


class DestinationRule(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: DestinationRuleSpec
