"""External authorizers: Envoy's ext_authz filters, which ask a service about the requests that CUSTOM policies match.

An RBAC filter before it evaluates the policies without enforcing them, and leaves the name of the rule that matched in the request's
metadata; ext_authz asks only where it finds such a name. https://istio.io/latest/docs/tasks/security/authorization/authz-custom/
"""

from __future__ import annotations

from google.protobuf.message import Message

from seaway.model.authorization import Action, AuthorizationPolicy, ExternalAuthorizer, WorkloadPolicy
from seaway.model.names import upstream_cluster
from seaway.model.route import Text
from seaway.plans.envoy.filters.rbac import rules_of
from seaway.plans.envoy.filters.text import string_matcher
from seaway.plans.envoy.proto import Fields, HttpExtAuthz, NetworkExtAuthz, duration

NAME_PREFIX = "istio-ext-authz-"
"""Before the names of rules whose match makes the authorizer be asked."""

METADATA_PREFIX = "istio_ext_authz_"
MATCHED = METADATA_PREFIX + "shadow_effective_policy_id"
HTTP_RBAC = "envoy.filters.http.rbac"
NETWORK_RBAC = "envoy.filters.network.rbac"
"""Namespaces of the metadata that the two RBAC filters write."""


def custom_policies(policy: WorkloadPolicy) -> tuple[AuthorizationPolicy, ...]:
    return tuple(one for one in policy.policies if one.action is Action.CUSTOM)


def authorizer_of(policy: WorkloadPolicy) -> ExternalAuthorizer | None:
    """Who is asked: the one authorizer that the policies name, if there is exactly one and it is to be had."""
    named = {one.provider for one in custom_policies(policy)}
    found = [one for one in policy.authorizers if one.name in named]
    return found[0] if len(named) == 1 and found else None


def custom_rules(policy: WorkloadPolicy, tcp: bool = False) -> Fields:
    """RBAC that marks what the policies match or, with nobody to ask, denies it."""
    custom = custom_policies(policy)
    if authorizer_of(policy) is not None:
        return {"shadow_rules": rules_of(Action.CUSTOM, custom, tcp, NAME_PREFIX), "shadow_rules_stat_prefix": METADATA_PREFIX}
    return {"rules": rules_of(Action.CUSTOM, custom, tcp)}


def http_authorizer(authorizer: ExternalAuthorizer) -> Message:
    """The filter. `status_on_error` is what a client gets when the authorizer cannot be reached; what it answers itself goes through."""
    fields: dict[str, object] = {
        "transport_api_version": "V3",
        "failure_mode_allow": authorizer.fail_open,
        "status_on_error": {"code": authorizer.status_on_error},
        "clear_route_cache": authorizer.clear_route_cache,
        "filter_enabled_metadata": _asked(HTTP_RBAC),
    }
    if authorizer.body_bytes:
        fields["with_request_body"] = {
            "max_request_bytes": authorizer.body_bytes,
            "allow_partial_message": authorizer.body_partial,
            "pack_as_bytes": authorizer.body_raw,
        }
    if authorizer.grpc:
        return HttpExtAuthz(**fields, grpc_service=_grpc_service(authorizer))
    if authorizer.sent_headers:
        fields["allowed_headers"] = _names(authorizer.sent_headers)
    return HttpExtAuthz(**fields, http_service=_http_service(authorizer))


def network_authorizer(authorizer: ExternalAuthorizer) -> Message | None:
    """The filter for bytes; None where the authorizer speaks HTTP only, and TCP connections are not asked about."""
    if not authorizer.grpc:
        return None
    return NetworkExtAuthz(
        stat_prefix="tcp.",
        transport_api_version="V3",
        failure_mode_allow=authorizer.fail_open,
        grpc_service=_grpc_service(authorizer),
        filter_enabled_metadata=_asked(NETWORK_RBAC),
    )


def _grpc_service(authorizer: ExternalAuthorizer) -> Fields:
    """The cluster's name would be the authority, and servers refuse one with a `|` in it."""
    name = upstream_cluster(authorizer.to)
    return {"envoy_grpc": {"cluster_name": name, "authority": name.replace("|", "_.")}, "timeout": duration(authorizer.timeout_s)}


def _http_service(authorizer: ExternalAuthorizer) -> Fields:
    uri = {
        "uri": f"http://{authorizer.to.host}",
        "cluster": upstream_cluster(authorizer.to),
        "timeout": duration(authorizer.timeout_s),
    }
    added = [{"key": name, "value": value} for name, value in authorizer.added_headers]
    lists = {
        "allowed_upstream_headers": authorizer.upstream_headers,
        "allowed_client_headers": authorizer.denied_headers,
        "allowed_client_headers_on_success": authorizer.allowed_headers,
    }
    return {
        "server_uri": uri,
        "path_prefix": authorizer.path_prefix,
        "authorization_request": {"headers_to_add": added},
        "authorization_response": {field: _names(names) for field, names in lists.items() if names},
    }


def _names(names: tuple[Text, ...]) -> Fields:
    return {"patterns": [string_matcher(name) for name in names]}


def _asked(namespace: str) -> Fields:
    return {"filter": namespace, "path": [{"key": MATCHED}], "value": {"string_match": {"prefix": NAME_PREFIX}}}
