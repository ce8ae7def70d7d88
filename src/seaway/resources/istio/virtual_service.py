"""VirtualService: routes of requests and connections.

https://istio.io/latest/docs/reference/config/networking/virtual-service/
"""

from __future__ import annotations

import msgspec

from seaway.resources.istio.selection import Percent, PortSelector, StringMatch
from seaway.resources.meta import ObjectMeta, Struct


class Destination(Struct, frozen=True, kw_only=True):
    host: str
    subset: str = ""
    port: PortSelector | None = None


class Delegate(Struct, frozen=True, kw_only=True):
    name: str = ""
    namespace: str = ""


class HeaderOperations(Struct, frozen=True, kw_only=True):
    set: dict[str, str] = {}
    add: dict[str, str] = {}
    remove: tuple[str, ...] = ()


class Headers(Struct, frozen=True, kw_only=True):
    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


class HTTPMatchRequest(Struct, frozen=True, kw_only=True):
    """All fields are ANDed. Maps are by header or parameter name; an empty StringMatch asks for presence."""

    name: str = ""
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: dict[str, StringMatch] = {}
    port: int | None = None
    source_labels: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    query_params: dict[str, StringMatch] = {}
    ignore_uri_case: bool = False
    without_headers: dict[str, StringMatch] = {}
    source_namespace: str = ""
    stat_prefix: str = ""


class HTTPRouteDestination(Struct, frozen=True, kw_only=True):
    destination: Destination
    weight: int | None = None
    headers: Headers | None = None


class HTTPRedirect(Struct, frozen=True, kw_only=True):
    """`derive_port` is FROM_PROTOCOL_DEFAULT or FROM_REQUEST_PORT, and excludes `port`."""

    uri: str = ""
    authority: str = ""
    port: int | None = None
    derive_port: str | None = None
    scheme: str = ""
    redirect_code: int | None = None
    prefix_rewrite: str = ""


class HTTPBody(Struct, frozen=True, kw_only=True):
    """One of the two; `bytes` is base64."""

    string: str | None = None
    bytes: str | None = None


class HTTPDirectResponse(Struct, frozen=True, kw_only=True):
    status: int
    body: HTTPBody | None = None


class RegexRewrite(Struct, frozen=True, kw_only=True):
    match: str = ""
    rewrite: str = ""


class HTTPRewrite(Struct, frozen=True, kw_only=True):
    uri: str = ""
    authority: str = ""
    uri_regex_rewrite: RegexRewrite | None = None


class HTTPRetry(Struct, frozen=True, kw_only=True):
    """`retry_on` is a comma separated list. Durations are text."""

    attempts: int | None = None
    per_try_timeout: str | None = None
    retry_on: str = ""
    retry_remote_localities: bool | None = None
    retry_ignore_previous_hosts: bool | None = None
    backoff: str | None = None


class CorsPolicy(Struct, frozen=True, kw_only=True):
    """`allow_origin` is deprecated: exact origins. `unmatched_preflights`: UNSPECIFIED, FORWARD or IGNORE."""

    allow_origin: tuple[str, ...] = ()
    allow_origins: tuple[StringMatch, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: str | None = None
    allow_credentials: bool | None = None
    unmatched_preflights: str | None = None


class HTTPFaultDelay(Struct, frozen=True, kw_only=True):
    """`percent` is the deprecated form of `percentage`; of the two delays only the fixed one does anything upstream."""

    percent: int | None = None
    fixed_delay: str | None = None
    exponential_delay: str | None = None
    percentage: Percent | None = None


class HTTPFaultAbort(Struct, frozen=True, kw_only=True):
    """One of the three statuses; `http2_error` does nothing upstream."""

    http_status: int | None = None
    grpc_status: str | None = None
    http2_error: str | None = None
    percentage: Percent | None = None


class HTTPFaultInjection(Struct, frozen=True, kw_only=True):
    delay: HTTPFaultDelay | None = None
    abort: HTTPFaultAbort | None = None


class HTTPMirrorPolicy(Struct, frozen=True, kw_only=True):
    destination: Destination
    percentage: Percent | None = None


class HTTPRoute(Struct, frozen=True, kw_only=True):
    """`mirror_percent` (in two spellings, as the CRD has it) is the deprecated form of `mirror_percentage`."""

    name: str = ""
    match: tuple[HTTPMatchRequest, ...] = ()
    route: tuple[HTTPRouteDestination, ...] = ()
    redirect: HTTPRedirect | None = None
    direct_response: HTTPDirectResponse | None = None
    delegate: Delegate | None = None
    rewrite: HTTPRewrite | None = None
    timeout: str | None = None
    retries: HTTPRetry | None = None
    fault: HTTPFaultInjection | None = None
    mirror: Destination | None = None
    mirrors: tuple[HTTPMirrorPolicy, ...] = ()
    mirror_percent: int | None = None
    mirror_percent_snake: int | None = msgspec.field(name="mirror_percent", default=None)
    mirror_percentage: Percent | None = None
    cors_policy: CorsPolicy | None = None
    headers: Headers | None = None


class RouteDestination(Struct, frozen=True, kw_only=True):
    destination: Destination
    weight: int | None = None


class TLSMatchAttributes(Struct, frozen=True, kw_only=True):
    sni_hosts: tuple[str, ...]
    destination_subnets: tuple[str, ...] = ()
    port: int | None = None
    source_labels: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    source_namespace: str = ""


class TLSRoute(Struct, frozen=True, kw_only=True):
    match: tuple[TLSMatchAttributes, ...]
    route: tuple[RouteDestination, ...] = ()


class L4MatchAttributes(Struct, frozen=True, kw_only=True):
    destination_subnets: tuple[str, ...] = ()
    port: int | None = None
    source_subnet: str = ""
    source_labels: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    source_namespace: str = ""


class TCPRoute(Struct, frozen=True, kw_only=True):
    match: tuple[L4MatchAttributes, ...] = ()
    route: tuple[RouteDestination, ...] = ()


class VirtualServiceSpec(Struct, frozen=True, kw_only=True):
    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    http: tuple[HTTPRoute, ...] = ()
    tls: tuple[TLSRoute, ...] = ()
    tcp: tuple[TCPRoute, ...] = ()
    export_to: tuple[str, ...] = ()


class VirtualService(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: VirtualServiceSpec = VirtualServiceSpec()
