"""Telemetry: metrics, access logs and traces of a workload.

https://istio.io/latest/docs/reference/config/telemetry/
"""

from __future__ import annotations

from seaway.resources.istio.selection import PolicyTargetReference, ProviderRef, WorkloadSelector
from seaway.resources.meta import ObjectMeta, Struct


class ModeSelector(Struct, frozen=True, kw_only=True):
    """`mode`: CLIENT_AND_SERVER, CLIENT or SERVER. Of tracing (TracingSelector) and access logs (LogSelector)."""

    mode: str | None = None


class TagLiteral(Struct, frozen=True, kw_only=True):
    """Also a formatter, whose value is a format string."""

    value: str


class TagSource(Struct, frozen=True, kw_only=True):
    """An environment variable or a request header."""

    name: str
    default_value: str = ""


class CustomTag(Struct, frozen=True, kw_only=True):
    """One of the four."""

    literal: TagLiteral | None = None
    environment: TagSource | None = None
    header: TagSource | None = None
    formatter: TagLiteral | None = None


class Tracing(Struct, frozen=True, kw_only=True):
    match: ModeSelector | None = None
    providers: tuple[ProviderRef, ...] = ()
    random_sampling_percentage: float | None = None
    disable_span_reporting: bool | None = None
    disable_context_propagation: bool | None = None
    custom_tags: dict[str, CustomTag] = {}
    enable_istio_tags: bool | None = None
    use_request_id_for_trace_sampling: bool | None = None


class MetricSelector(Struct, frozen=True, kw_only=True):
    """A standard metric (`REQUEST_COUNT`, …) or a custom one; `mode` as above."""

    metric: str | None = None
    custom_metric: str | None = None
    mode: str | None = None


class TagOverride(Struct, frozen=True, kw_only=True):
    """`operation`: UPSERT (with a CEL expression as value) or REMOVE."""

    operation: str | None = None
    value: str = ""


class MetricsOverrides(Struct, frozen=True, kw_only=True):
    match: MetricSelector | None = None
    disabled: bool | None = None
    tag_overrides: dict[str, TagOverride] = {}


class Metrics(Struct, frozen=True, kw_only=True):
    providers: tuple[ProviderRef, ...] = ()
    overrides: tuple[MetricsOverrides, ...] = ()
    reporting_interval: str | None = None


class LogFilter(Struct, frozen=True, kw_only=True):
    """A CEL expression."""

    expression: str = ""


class AccessLogging(Struct, frozen=True, kw_only=True):
    match: ModeSelector | None = None
    providers: tuple[ProviderRef, ...] = ()
    disabled: bool | None = None
    filter: LogFilter | None = None


class TelemetrySpec(Struct, frozen=True, kw_only=True):
    """`target_ref` is the deprecated form of `target_refs`."""

    selector: WorkloadSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    tracing: tuple[Tracing, ...] = ()
    metrics: tuple[Metrics, ...] = ()
    access_logging: tuple[AccessLogging, ...] = ()


class Telemetry(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: TelemetrySpec = TelemetrySpec()
