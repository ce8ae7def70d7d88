"""The part of Envoy's configuration that the simulation reads, typed. Field names are Envoy's; what is not listed is not read."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from seaway.plans.envoy.static import decode_resource
from seaway.protocols.xds_resource import LISTENER, ROUTES, XdsResource


class Struct(msgspec.Struct, frozen=True, kw_only=True):
    """A message; protobuf leaves out fields that have their default."""


class Expression(Struct, frozen=True, kw_only=True):
    regex: str = ""


class Rewrite(Struct, frozen=True, kw_only=True):
    pattern: Expression
    substitution: str = ""


class StringMatch(Struct, frozen=True, kw_only=True):
    """One of them."""

    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    contains: str | None = None
    safe_regex: Expression | None = None
    ignore_case: bool = False


class HeaderMatch(Struct, frozen=True, kw_only=True):
    name: str
    string_match: StringMatch | None = None
    present_match: bool = False
    invert_match: bool = False
    treat_missing_header_as_empty: bool = False


class QueryMatch(Struct, frozen=True, kw_only=True):
    name: str
    string_match: StringMatch | None = None
    present_match: bool = False


class MetadataMatch(Struct, frozen=True, kw_only=True):
    """Of what filters left; the simulation brings no token, so that none is there."""

    invert: bool = False


class RouteMatch(Struct, frozen=True, kw_only=True):
    prefix: str | None = None
    path: str | None = None
    path_separated_prefix: str | None = None
    safe_regex: Expression | None = None
    case_sensitive: bool = True
    headers: tuple[HeaderMatch, ...] = ()
    query_parameters: tuple[QueryMatch, ...] = ()
    dynamic_metadata: tuple[MetadataMatch, ...] = ()


class Share(Struct, frozen=True, kw_only=True):
    name: str
    weight: int = 0
    host_rewrite_literal: str = ""


class Shares(Struct, frozen=True, kw_only=True):
    clusters: tuple[Share, ...] = ()


class RouteAction(Struct, frozen=True, kw_only=True):
    """To `cluster`, or to one of the `weighted_clusters`."""

    cluster: str = ""
    weighted_clusters: Shares | None = None
    regex_rewrite: Rewrite | None = None
    prefix_rewrite: str = ""
    host_rewrite_literal: str = ""


class Redirect(Struct, frozen=True, kw_only=True):
    """`response_code` is the name of a status; left out, as the default value of its enumeration, for 301."""

    https_redirect: bool = False
    scheme_redirect: str = ""
    host_redirect: str = ""
    port_redirect: int = 0
    path_redirect: str = ""
    prefix_rewrite: str = ""
    response_code: str = "MOVED_PERMANENTLY"
    regex_rewrite: Rewrite | None = None


class Body(Struct, frozen=True, kw_only=True):
    inline_string: str = ""
    inline_bytes: bytes = b""


class DirectResponse(Struct, frozen=True, kw_only=True):
    status: int
    body: Body = Body()


class Fraction(Struct, frozen=True, kw_only=True):
    numerator: int = 0
    denominator: str = "HUNDRED"

    @property
    def always(self) -> bool:
        return self.numerator >= {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}[self.denominator]


class Abort(Struct, frozen=True, kw_only=True):
    """A gRPC status instead of an HTTP one is told in a header, which no other client looks at."""

    http_status: int = 0
    percentage: Fraction = Fraction()


class FilterOfRoute(Struct, frozen=True, kw_only=True):
    """What a route says to one filter; of the fault filter, how it aborts."""

    abort: Abort | None = None


class Metadata(Struct, frozen=True, kw_only=True):
    filter_metadata: dict[str, dict[str, str]] = {}


class Route(Struct, frozen=True, kw_only=True):
    match: RouteMatch
    name: str = ""
    metadata: Metadata = Metadata()
    route: RouteAction | None = None
    redirect: Redirect | None = None
    direct_response: DirectResponse | None = None
    typed_per_filter_config: dict[str, FilterOfRoute] = {}

    @property
    def abort(self) -> Abort | None:
        fault = self.typed_per_filter_config.get("envoy.filters.http.fault")
        return fault.abort if fault is not None else None


class VirtualHost(Struct, frozen=True, kw_only=True):
    name: str
    domains: tuple[str, ...]
    require_tls: str = "NONE"
    routes: tuple[Route, ...] = ()


class RouteConfiguration(Struct, frozen=True, kw_only=True):
    virtual_hosts: tuple[VirtualHost, ...] = ()


class Rds(Struct, frozen=True, kw_only=True):
    route_config_name: str


class FilterConfig(Struct, frozen=True, kw_only=True):
    rds: Rds | None = None


class Filter(Struct, frozen=True, kw_only=True):
    typed_config: FilterConfig


class ChainMatch(Struct, frozen=True, kw_only=True):
    server_names: tuple[str, ...] = ()


class NamedSecret(Struct, frozen=True, kw_only=True):
    name: str


class CommonTls(Struct, frozen=True, kw_only=True):
    tls_certificate_sds_secret_configs: tuple[NamedSecret, ...] = ()


class TlsContext(Struct, frozen=True, kw_only=True):
    common_tls_context: CommonTls = CommonTls()


class TransportSocket(Struct, frozen=True, kw_only=True):
    typed_config: TlsContext


class FilterChain(Struct, frozen=True, kw_only=True):
    """`transport_socket` is set where TLS ends here."""

    name: str = ""
    filter_chain_match: ChainMatch = ChainMatch()
    filters: tuple[Filter, ...] = ()
    transport_socket: TransportSocket | None = None

    @property
    def certificate(self) -> str:
        """Name of the secret with the (first) certificate, "" on plain connections."""
        named = self.transport_socket.typed_config.common_tls_context.tls_certificate_sds_secret_configs if self.transport_socket else ()
        return named[0].name if named else ""

    @property
    def route_config(self) -> str:
        """Name of the routes. LookupError where the chain is no HTTP one."""
        for one in self.filters:
            if one.typed_config.rds is not None:
                return one.typed_config.rds.route_config_name
        raise LookupError("the filter chain has no HTTP connection manager")


class Listener(Struct, frozen=True, kw_only=True):
    filter_chains: tuple[FilterChain, ...] = ()
    default_filter_chain: FilterChain | None = None


Message = TypeVar("Message", Listener, RouteConfiguration)


def find_listener(resources: tuple[XdsResource, ...], name: str) -> Listener:
    """LookupError where the plan has no listener of this name."""
    return _find(resources, LISTENER, name, Listener)


def find_routes(resources: tuple[XdsResource, ...], name: str) -> RouteConfiguration:
    """LookupError where the plan has no routes of this name."""
    return _find(resources, ROUTES, name, RouteConfiguration)


def _find(resources: tuple[XdsResource, ...], type_url: str, name: str, message: type[Message]) -> Message:
    for resource in resources:
        if resource.type_url == type_url and resource.name == name:
            return msgspec.convert(decode_resource(resource), message)
    raise LookupError(f"no {type_url.rsplit('.', 1)[-1]} {name} in the plan")
