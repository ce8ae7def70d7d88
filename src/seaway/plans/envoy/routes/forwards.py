"""Requests that go on: to which cluster, and how, as Envoy's RouteAction."""

from __future__ import annotations

from seaway.model.names import upstream_cluster
from seaway.model.route import Destination, Forward, Retries, RoutePolicy
from seaway.plans.envoy.proto import Fields, wrapped
from seaway.plans.envoy.routes.hashes import hash_policies
from seaway.plans.envoy.routes.headers import header_changes
from seaway.plans.envoy.routes.mirrors import mirror_policies
from seaway.plans.envoy.routes.retries import retry_policy
from seaway.plans.envoy.routes.rewrites import path_rewrite
from seaway.plans.envoy.routes.timeouts import timeouts


def route_action(forward: Forward, policy: RoutePolicy, shared_retries: Retries | None) -> Fields:
    """`shared_retries` are those that the virtual host has for all of its routes: they are not repeated."""
    fields: dict[str, object] = {**_clusters(forward.destinations), **timeouts(policy), **path_rewrite(forward.rewrite)}
    if forward.authority:
        fields["host_rewrite_literal"] = forward.authority
    if isinstance(policy.retries, Retries) and policy.retries != shared_retries:
        fields["retry_policy"] = retry_policy(policy.retries)
    if policy.mirrors:
        fields["request_mirror_policies"] = mirror_policies(policy.mirrors)
    if policy.hash_by:
        fields["hash_policy"] = hash_policies(policy.hash_by)
    return fields


def _clusters(destinations: tuple[Destination, ...]) -> Fields:
    """A single destination's changes of headers are the route's: see `route.py`."""
    if len(destinations) == 1:
        return {"cluster": upstream_cluster(destinations[0].to)}
    return {"weighted_clusters": {"clusters": [_share(one) for one in destinations if one.weight]}}


def _share(destination: Destination) -> Fields:
    fields: dict[str, object] = {
        "name": upstream_cluster(destination.to),
        "weight": wrapped(destination.weight),
        **header_changes((destination.request,), (destination.response,)),
    }
    if destination.authority:
        fields["host_rewrite_literal"] = destination.authority
    return fields
