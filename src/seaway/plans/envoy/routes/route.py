"""One route: match, action, and what it says besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from seaway.model.route import Forward, Redirect, Respond, Retries, Route
from seaway.plans.envoy.proto import Fields
from seaway.plans.envoy.refusals import refuses_action, refuses_conditions, refuses_match, refuses_policy
from seaway.plans.envoy.resource import as_utf8, provenance
from seaway.plans.envoy.routes import cors, faults
from seaway.plans.envoy.routes.forwards import route_action
from seaway.plans.envoy.routes.headers import header_changes
from seaway.plans.envoy.routes.matches import build_match
from seaway.plans.envoy.routes.redirects import https_redirects, redirect_action
from seaway.plans.envoy.routes.responses import direct_response
from seaway.plans.envoy.routes.retries import READS, for_reads

UNSERVED = Respond(503, "This route cannot be served: see `seaway check`.")


def build_routes(
    route: Route, guards: Sequence[Fields] = (), plain_at: str = "", shared_retries: Retries | None = None
) -> Iterator[Fields]:
    """The Envoy routes that one route of ours needs: none if it cannot be matched at all, several for a redirect to https, and two where
    requests that only read are tried again after more failures than others.

    `guards` are further matchers of headers; `plain_at` is the domain where requests come without TLS ("" where they have it).
    """
    if refuses_match(route.match) or refuses_conditions(route.conditions):
        return
    named: Fields = {"name": as_utf8(route.name or str(route.origin)), "metadata": provenance(route.origin, route.owner)}
    if route.https_redirect and plain_at:
        for more, redirect in https_redirects(plain_at, route.match):
            yield {**named, "match": build_match(route.match, route.conditions, (*guards, *more)), "redirect": redirect}
    else:
        if (reading := _for_reads(route)) is not None:
            yield {**named, "match": build_match(route.match, route.conditions, (*guards, READS)), **_outcome(reading, shared_retries)}
        yield {**named, "match": build_match(route.match, route.conditions, guards), **_outcome(route, shared_retries)}


def _for_reads(route: Route) -> Route | None:
    """The route as requests with a safe method take it; None where it is the same for all."""
    retries = route.policy.retries
    if not isinstance(route.action, Forward) or not isinstance(retries, Retries) or (more := for_reads(retries)) is None:
        return None
    if refuses_action(route.action) or refuses_policy(route.policy):
        return None
    return replace(route, policy=replace(route.policy, retries=more))


def common_retries(routes: Sequence[Route]) -> Retries | None:
    """What all routes that go on retry by; None where they differ, or do not retry."""
    policies = {route.policy.retries for route in routes if isinstance(route.action, Forward)}
    only = next(iter(policies)) if len(policies) == 1 else None
    return only if isinstance(only, Retries) else None


def _outcome(route: Route, shared_retries: Retries | None) -> Fields:
    action, policy = route.action, route.policy
    if refuses_action(action) or refuses_policy(policy):
        return {"direct_response": direct_response(UNSERVED)}
    request, response = [policy.request], [policy.response]
    match action:
        case Forward(destinations):
            done: Fields = {"route": route_action(action, policy, shared_retries)}
            if len(destinations) == 1:
                request.append(destinations[0].request)
                response.append(destinations[0].response)
        case Redirect():
            done = {"redirect": redirect_action(action)}
        case Respond():
            done = {"direct_response": direct_response(action)}
    fields: dict[str, object] = {**done, **header_changes(request, response)}
    filters = {}
    if policy.fault is not None:
        filters[faults.FILTER] = faults.fault_config(policy.fault)
    if policy.cors is not None:
        filters[cors.FILTER] = cors.cors_config(policy.cors)
    if filters:
        fields["typed_per_filter_config"] = filters
    if policy.stat_prefix:
        fields["stat_prefix"] = as_utf8(policy.stat_prefix)
    return fields
