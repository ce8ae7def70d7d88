"""The filters that a policy puts before a workload or a gateway, in order, and where their configuration comes from.

What a policy says comes with the routes (`per_route`) or by the filters' own names (`plan_filters`), and all filters stand in every
listener, so that no edit of policies moves one: connections stay, and the next request on each is judged anew. (While a listener changes,
Envoy keeps connections on the filters that they came in by, for as long as it drains.) On TCP there are no routes: the rules stand in the
filter chain (`network_filters`), and a change ends the connections that it was about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from google.protobuf.message import Message

from seaway.core.names import Key
from seaway.model.authorization import Action, FetchedKeys, WorkloadPolicy
from seaway.plans.envoy.filters.authorizer import (
    NETWORK_RBAC,
    authorizer_of,
    custom_policies,
    custom_rules,
    http_authorizer,
    network_authorizer,
)
from seaway.plans.envoy.filters.rate_limits import SLOT as LIMITS
from seaway.plans.envoy.filters.rate_limits import limit_filter, limits_per_route
from seaway.plans.envoy.filters.rbac import rbac_fields
from seaway.plans.envoy.filters.terms import ALWAYS, JWT_FILTER
from seaway.plans.envoy.filters.tokens import token_filter
from seaway.plans.envoy.proto import (
    ADS,
    Fields,
    FilterConfig,
    HttpExtAuthz,
    HttpRbac,
    HttpRbacPerRoute,
    JwtAuthentication,
    NetworkRbac,
    TypedExtensionConfig,
    extension,
    pack,
    type_url,
)
from seaway.plans.envoy.resource import build_resource
from seaway.protocols.xds_resource import EXTENSION, XdsResource

CUSTOM, ASK, AUDIT, DENY, ALLOW = (f"seaway.authorization.{step}" for step in ("custom", "ask", "audit", "deny", "allow"))
_ACTIONS = {AUDIT: Action.AUDIT, DENY: Action.DENY, ALLOW: Action.ALLOW}

ORDER = (
    CUSTOM,  # marks what the authorizer is asked about, so before it
    ASK,  # first to decide: an authorizer may be what makes tokens, and no request is to cost more that it refuses
    JWT_FILTER,  # claims are there for all that follows
    AUDIT,  # notes requests whatever becomes of them, so before they are refused
    DENY,  # before ALLOW: no exception from it
    ALLOW,  # after them: what nothing has refused must be allowed by something, if anything allows
    LIMITS,  # last: what may not pass anyway is not to use up what others may send, and callers and claims are known
)
"""Upstream's order, and ours of the last. https://istio.io/latest/docs/concepts/security/#implicit-enablement"""


def http_filters(slot: str, always: WorkloadPolicy | None = None) -> list[Fields]:
    """HttpFilters to stand before all others. `slot` is a name for the place, which does not change when the policy does.

    They cost a request nothing unless its routes ask for them: `per_route` for the slot must stand in the RouteConfiguration that the place
    uses, and its `plan_filters` be planned.

    `always` is the policy of a place whose routes depend on a token's claims: Envoy decides which filters a request needs by the route
    that it has before, so that those which the policy needs are there for every request.
    """
    made: dict[str, Fields] = {name: extension(name, HttpRbac()) for name in (CUSTOM, *_ACTIONS)}
    made[ASK] = _discovered(ASK, slot, HttpExtAuthz())
    made[JWT_FILTER] = _discovered(JWT_FILTER, slot, JwtAuthentication())
    made[LIMITS] = limit_filter()
    needed = _needed(slot, always) if always is not None else frozenset[str]()
    return [made[name] if name in needed else {**made[name], "disabled": True} for name in ORDER]


def _needed(slot: str, policy: WorkloadPolicy) -> frozenset[str]:
    """The filters that the policy configures."""
    asked = per_route(slot, policy)
    return frozenset(name for name in ORDER if name in asked or _resource_name(name, slot) in asked)


def per_route(slot: str, policy: WorkloadPolicy) -> dict[str, Message]:
    """`typed_per_filter_config` of a RouteConfiguration: which of the filters of a place act, and on what."""
    rules: dict[str, Fields] = {name: rbac_fields(action, policy.policies) for name, action in _ACTIONS.items()}
    if custom_policies(policy):
        rules[CUSTOM] = custom_rules(policy)
    asked = {name: pack(HttpRbacPerRoute(rbac=fields)) for name, fields in rules.items() if fields}
    if authorizer_of(policy) is not None:
        asked[_resource_name(ASK, slot)] = pack(FilterConfig(config={}))
    if policy.tokens:
        asked[_resource_name(JWT_FILTER, slot)] = pack(FilterConfig(config={}))
    return dict(sorted((asked | limits_per_route(policy.limits)).items()))


def plan_filters(slot: str, policy: WorkloadPolicy, fetched: Mapping[FetchedKeys, str], routing: bool = False) -> Iterator[XdsResource]:
    """The configuration of those filters of a place that have names of their own; the listener with `http_filters` must exist, too.

    `routing`: where a request goes depends on its token.
    """
    if (authorizer := authorizer_of(policy)) is not None:
        yield _configuration(ASK, slot, http_authorizer(authorizer), {one.key for one in custom_policies(policy)})
    if policy.tokens:
        yield _configuration(JWT_FILTER, slot, token_filter(policy.tokens, fetched, routing), {one.key for one in policy.tokens})


def plan_idle_filters(slot: str, policy: WorkloadPolicy) -> Iterator[XdsResource]:
    """What those filters of a place let pass that its policy has no use for: everything.

    For places where filters act without being asked by routes (`always`): once a policy is gone, connections keep the listener that they
    came in by until it has drained, and its filters would deny all if nothing had their names any more.
    """
    used = {ASK: authorizer_of(policy) is not None, JWT_FILTER: bool(policy.tokens)}
    for name in (name for name, is_used in used.items() if not is_used):
        yield _configuration(name, slot, HttpRbac(), set())


def network_filters(policy: WorkloadPolicy) -> list[Fields]:
    """Network filters to stand before what forwards bytes."""
    filters: list[Fields] = []
    if custom_policies(policy):
        authorizer = authorizer_of(policy)
        asking = network_authorizer(authorizer) if authorizer is not None else None
        if authorizer is None or asking is not None:
            filters.append(_network_rbac(custom_rules(policy, tcp=True)))
        if asking is not None:
            filters.append(extension("envoy.filters.network.ext_authz", asking))
    rules = (rbac_fields(_ACTIONS[name], policy.policies, tcp=True) for name in ORDER if name in _ACTIONS)
    return [*filters, *(_network_rbac(fields) for fields in rules if fields)]


def policy_owners(policy: WorkloadPolicy) -> frozenset[Key]:
    """The objects that the policy consists of: owners of what `per_route` and `network_filters` are put into."""
    return frozenset(one.key for one in (*policy.policies, *policy.tokens, *policy.limits))


def _network_rbac(fields: Fields) -> Fields:
    return extension(NETWORK_RBAC, NetworkRbac(stat_prefix="tcp.", **fields))


def _discovered(name: str, slot: str, sort: Message) -> Fields:
    """A filter whose configuration has a name of its own. Until it is there, or should Envoy refuse it, whatever asks for it is denied.

    Without warming: Envoy would wait for ever for one that does not exist.
    """
    closed = HttpRbac(rules={"action": "DENY", "policies": {f"waiting for {name}": {"permissions": [ALWAYS], "principals": [ALWAYS]}}})
    return {
        "name": _resource_name(name, slot),
        "config_discovery": {
            "config_source": ADS,
            "type_urls": sorted((type_url(sort), type_url(closed))),
            "default_config": pack(closed),
            "apply_default_config_without_warming": True,
        },
    }


def _resource_name(name: str, slot: str) -> str:
    return f"{name}/{slot}"


def _configuration(name: str, slot: str, message: Message, owners: set[Key]) -> XdsResource:
    resource = _resource_name(name, slot)
    return build_resource(EXTENSION, resource, TypedExtensionConfig(name=resource, typed_config=pack(message)), owners)
