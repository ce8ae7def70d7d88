"""Rate limits: one filter in every listener, idle, in which the routes of a limited place put filters of their own.

What it is filled with comes with the routes (`envoy.filters.http.filter_chain`): for each limit what tells whether it counts the request,
and what counts it, Envoy itself or the shared counter (`drivers/rate_limits`). So a place without limits pays nothing, each limit has its
own answer, and a denial says which one it was: it sets a header that the first of the filters takes away again, into the request's
metadata, for the access log.

A shared counter is told with each request how much may pass (`RATE`): it has no configuration that could be older than the routes.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from google.protobuf.message import Message

from seaway.model.authorization import AllOf, CountedBy, LimitKey, RateLimit
from seaway.plans.envoy.filters.terms import JWT_FILTER, PAYLOAD, permission_and_principal
from seaway.plans.envoy.proto import RATE_COUNTER, Fields, HttpRbac, as_json, described, described_message, type_url
from seaway.protocols.flow_entry import DENIED_LIMIT, LIMITS
from seaway.protocols.rate_counter import DOMAIN, LIMIT, RATE, write_rate

SLOT = "seaway.limits"

MOST_COUNTERS = 10_000
"""Of one limit at one place. Beyond that the one that was asked longest ago is forgotten, and would begin anew."""

ANSWER_S = 0.25
"""How long a request waits for the shared counter."""

RBAC = "envoy.filters.http.rbac"
"""Under this name RBAC leaves what its rules came to in the request's metadata."""

_PREFIX = "envoy.extensions.filters.http"
_CHAIN = f"{_PREFIX}.filter_chain.v3.FilterChainConfig"
_EXPRESSION = "envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor"
_DENIED = "x-seaway-denied-limit"
_UNLIMITED = {"max_tokens": 2**32 - 1, "tokens_per_fill": 2**32 - 1, "fill_interval": "1s"}
_ALL = {"default_value": {"numerator": 100}}
_NONE = {"default_value": {"numerator": 0}}


def limit_filter() -> Fields:
    """The HttpFilter, which does nothing where no route fills it."""
    return described(SLOT, _CHAIN, {})


def limits_per_route(limits: tuple[RateLimit, ...]) -> dict[str, Message]:
    """`typed_per_filter_config` of a RouteConfiguration."""
    if not limits:
        return {}
    filters = [_teller(), *(one for number, limit in enumerate(limits) for one in _filters(limit, number))]
    return {SLOT: described_message(f"{_CHAIN}PerRoute", {"filter_chain": {"filters": filters}})}


def _filters(limit: RateLimit, number: int) -> Iterator[Fields]:
    if limit.when != AllOf(()):
        yield _asker(limit, number)
    yield _counter(limit, number) if limit.shared else _bucket(limit, number)


def _teller() -> Fields:
    """What filters say of a denial goes to the access log, and not to the caller. The first to see requests is the last to see answers."""
    into = {"metadata_namespace": LIMITS, "key": DENIED_LIMIT}
    rule = {"header": _DENIED, "on_header_present": into, "remove": True}
    return _filter("teller", f"{_PREFIX}.header_to_metadata.v3.Config", {"response_rules": [rule]})


def _asker(limit: RateLimit, number: int) -> Fields:
    """Marks requests that the limit counts, by the same conditions that authorization has."""
    permission, principal = permission_and_principal(limit.when)
    policies = {limit.name: {"permissions": [permission], "principals": [principal]}}
    rules = HttpRbac(shadow_rules={"action": "ALLOW", "policies": policies}, shadow_rules_stat_prefix=_mark(number))
    return {"name": f"when {number}", "typed_config": {"@type": type_url(rules), **as_json(rules)}}


def _mark(number: int) -> str:
    return f"limit_{number}_"


def _bucket(limit: RateLimit, number: int) -> Fields:
    """Counted by Envoy. Pods under the same routes share a filter, so that a pod's own address is one of the keys."""
    here = [_expression("at", "destination.address"), *_actions(limit, number)]
    entries = [{"key": _descriptor_key(one)} for one in here]
    bucket = {"max_tokens": limit.burst, "tokens_per_fill": limit.requests, "fill_interval": _json_duration(limit.per_s)}
    fields: Fields = {
        "stat_prefix": "seaway",
        "status": {"code": limit.status},
        "token_bucket": _UNLIMITED,  # of requests that do not count
        "always_consume_default_token_bucket": False,
        "filter_enabled": _ALL,
        "filter_enforced": _NONE if limit.dry_run else _ALL,
        "rate_limited_as_resource_exhausted": True,
        "response_headers_to_add": [*_denial(limit), _header("retry-after", str(max(1, ceil(limit.per_s / limit.requests))))],
        "descriptors": [{"entries": entries, "token_bucket": bucket}],
        "max_dynamic_descriptors": MOST_COUNTERS,
        "rate_limits": [{"actions": here, **({} if limit.dry_run else {"x_ratelimit_option": "DRAFT_VERSION_03"})}],
    }
    return _filter(f"limit {number}", f"{_PREFIX}.local_ratelimit.v3.LocalRateLimit", fields)


def _counter(limit: RateLimit, number: int) -> Fields:
    """Counted by the service that all nodes ask. Should it be gone, Envoy knows at once."""
    told = [_constant(LIMIT, limit.name), _constant(RATE, write_rate(limit.requests, limit.per_s, limit.burst))]
    fields: Fields = {
        "domain": DOMAIN,
        "timeout": _json_duration(ANSWER_S),
        "failure_mode_deny": not limit.fail_open,
        "status_on_error": {"code": 503},
        "rate_limited_status": {"code": limit.status},
        "rate_limited_as_resource_exhausted": True,
        "disable_x_envoy_ratelimited_header": True,
        "enable_x_ratelimit_headers": "OFF" if limit.dry_run else "DRAFT_VERSION_03",
        "filter_enforced": _NONE if limit.dry_run else _ALL,
        "response_headers_to_add": _denial(limit),
        "rate_limit_service": {"grpc_service": {"envoy_grpc": {"cluster_name": RATE_COUNTER}}, "transport_api_version": "V3"},
        "rate_limits": [{"actions": [*told, *_actions(limit, number)]}],
    }
    return _filter(f"limit {number}", f"{_PREFIX}.ratelimit.v3.RateLimit", fields)


def _denial(limit: RateLimit) -> list[Fields]:
    cited = f"{limit.name}@{limit.origin}"
    return [_header(_DENIED, cited), *(_header(name, value) for name, value in limit.headers)]


def _header(name: str, value: str) -> Fields:
    return {"header": {"key": name, "value": value.replace("%", "%%")}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _actions(limit: RateLimit, number: int) -> list[Fields]:
    """What makes a request's descriptor. Where one of them finds nothing, the request does not count."""
    counted = (
        [_metadata("when", "envoy.filters.http.rbac", (f"{_mark(number)}shadow_effective_policy_id",))] if limit.when != AllOf(()) else []
    )
    return [*counted, *(_action(key, f"key {place}") for place, key in enumerate(limit.keys))]


def _action(key: LimitKey, name: str) -> Fields:
    match key.by:
        case CountedBy.HEADER:
            return {"request_headers": {"header_name": key.name, "descriptor_key": name}}
        case CountedBy.METHOD:
            return {"request_headers": {"header_name": ":method", "descriptor_key": name}}
        case CountedBy.PARAMETER:
            return {"query_parameters": {"query_parameter_name": key.name, "descriptor_key": name}}
        case CountedBy.CLAIM:
            return _metadata(name, JWT_FILTER, (PAYLOAD, *key.name.split(".")))
        case CountedBy.CLIENT:
            return {"remote_address": {}}
        case CountedBy.CALLER:
            return _expression(name, "connection.uri_san_peer_certificate")
        case CountedBy.PATH:
            return _expression(name, "request.url_path")


def _descriptor_key(action: Fields) -> object:
    """The key of the entry that an action makes."""
    (kind, fields), *_ = action.items()
    assert isinstance(fields, dict)
    if kind == "extension":
        return fields["typed_config"]["descriptor_key"]
    return fields.get("descriptor_key", kind)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _constant(name: str, value: str) -> Fields:
    return {"generic_key": {"descriptor_key": name, "descriptor_value": value}}


def _metadata(name: str, filter_name: str, path: tuple[str, ...]) -> Fields:
    key = {"key": filter_name, "path": [{"key": step} for step in path]}
    return {"metadata": {"descriptor_key": name, "metadata_key": key, "source": "DYNAMIC"}}


def _expression(name: str, text: str) -> Fields:
    """A value of Envoy's attributes. https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes"""
    typed = {
        "@type": "type.googleapis.com/envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor",
        "descriptor_key": name,
        "text": text,
    }
    return {"extension": {"name": "envoy.rate_limit_descriptors.expr", "typed_config": typed}}


def _json_duration(value_s: float) -> str:
    return f"{value_s:.3f}s"


def _filter(name: str, type_name: str, fields: Fields) -> Fields:
    typed = {"@type": "type.googleapis.com/xds.type.v3.TypedStruct", "type_url": f"type.googleapis.com/{type_name}", "value": fields}
    return {"name": name, "typed_config": typed}
