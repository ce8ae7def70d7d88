"""The routes of a VirtualService for one caller: what its rules mean by the caller's port, and where their destinations are for it.

Sources: BuildHTTPRoutesForVirtualService and GetDestinationCluster in pilot/pkg/networking/core/route/route.go of upstream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.destination_rules.build import DestinationRules
from seaway.frontends.istio.registry import Host, Registry
from seaway.frontends.istio.virtual_services.matches import is_catch_all
from seaway.frontends.istio.virtual_services.mirrors import copies
from seaway.frontends.istio.virtual_services.redirects import build_redirect
from seaway.frontends.istio.virtual_services.retries import choose_retries
from seaway.frontends.istio.virtual_services.rules import (
    MESH,
    NO_CHANGES,
    Delegated,
    ForwardRule,
    HttpRule,
    Match,
    RedirectRule,
    RetryRule,
    Share,
    Sources,
    Target,
    VirtualRules,
)
from seaway.model.route import Action, Destination, Forward, Mirror, Respond, Route, RoutePolicy, TextPrefix
from seaway.model.upstream import NOWHERE, UpstreamId

ANY_PATH = TextPrefix("/")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a client, at the port by which requests come; `gateway` is `namespace/name` of a Gateway object, or the mesh."""

    client: Client
    port: int
    gateway: str = MESH
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Lookups:
    """What destinations are looked up in, and how failures are tried again where no rule says it."""

    registry: Registry
    rules: DestinationRules
    retries: RetryRule


def build_routes(virtual: VirtualRules, caller: Caller, lookups: Lookups) -> tuple[Route, ...]:
    """In the order in which they are tried; none where no rule is for this caller. What stands behind a catch-all is left out."""
    return tuple(_routes(virtual, caller, lookups))


def default_route(host: Host, caller: Caller, lookups: Lookups) -> Route:
    """Without a VirtualService a host is routed to itself."""
    to = lookups.rules.identify(caller.client, host, caller.port, "")
    policy = RoutePolicy(grpc_timeout=True, retries=lookups.retries.policy, hash_by=lookups.rules.hash_by(to))
    return Route(ANY_PATH, Forward((Destination(to),), None), False, host.key, host.origin, policy=policy)


def is_for(sources: Sources, port: int, caller: Caller) -> bool:
    """Whether a match of HTTP rules is for this caller. Where it names gateways, labels and namespaces of callers do not count."""
    if port and port != caller.port:
        return False
    return caller.gateway in sources.gateways if sources.gateways else comes_from(sources, caller.client)


def comes_from(sources: Sources, client: Client) -> bool:
    """Whether the caller has the labels, and is in the namespace, that are asked for."""
    return set(sources.labels) <= set(client.labels) and sources.namespace in ("", client.namespace)


def locate(target: Target, caller: Caller, lookups: Lookups) -> UpstreamId:
    """The upstream that a destination means to the caller; one that leads nowhere where the caller sees no such host or port."""
    host = lookups.registry.called(target.host, caller.client.namespace)
    port = target.port or (host.ports[0].number if host is not None and len(host.ports) == 1 else caller.port)
    if host is None or host.port(port) is None:
        return UpstreamId(target.host, port, target.subset, NOWHERE)
    return lookups.rules.identify(caller.client, host, port, target.subset)


def _routes(virtual: VirtualRules, caller: Caller, lookups: Lookups) -> Iterator[Route]:
    for rule in virtual.http:
        for match in rule.matches:
            if is_for(match.sources, match.port, caller):
                yield _route(rule, match, caller, lookups)
                if is_catch_all(match):
                    return
        if not rule.matches:
            yield _route(rule, None, caller, lookups)
            return


def _route(rule: HttpRule, match: Match | None, caller: Caller, lookups: Lookups) -> Route:
    headers = rule.headers or NO_CHANGES
    policy = RoutePolicy(
        fault=rule.fault,
        cors=rule.cors,
        request=headers.request,
        response=headers.response,
        stat_prefix=match.stat_prefix if match is not None else "",
    )
    action: Action
    match rule.action:
        case ForwardRule(shares):
            action = _forward(rule, shares, caller, lookups)
            policy = _forwarding(policy, rule, action, caller, lookups)
        case RedirectRule():
            action = build_redirect(rule.action, caller.port, caller.tls)
        case Respond():
            action = rule.action
        case Delegated():
            raise AssertionError("delegates are joined before routes are built")
    route = Route(ANY_PATH, action, False, rule.owner, rule.place.origin, policy=policy, name=rule.name, via=rule.via)
    if match is None:
        return route
    name = f"{rule.name}.{match.name}" if match.name else rule.name
    return replace(route, match=match.path or ANY_PATH, conditions=match.conditions, origin=match.origin, name=name)


def _forward(rule: HttpRule, shares: tuple[Share, ...], caller: Caller, lookups: Lookups) -> Forward:
    """The rewrite's authority counts before that of `headers`, and that before a single destination's."""
    authority = (rule.rewrite.authority if rule.rewrite is not None else "") or (rule.headers or NO_CHANGES).authority
    if len(shares) == 1 and not authority:
        authority = shares[0].headers.authority
    destinations = tuple(
        Destination(
            to=locate(share.to, caller, lookups),
            weight=share.weight,
            request=share.headers.request,
            response=share.headers.response,
            authority=share.headers.authority if len(shares) > 1 else "",
        )
        for share in shares
    )
    return Forward(destinations, rule.rewrite.path if rule.rewrite is not None else None, authority)


def _forwarding(policy: RoutePolicy, rule: HttpRule, forward: Forward, caller: Caller, lookups: Lookups) -> RoutePolicy:
    """What only matters to requests that leave."""
    hashes = [one for to in forward.destinations if to.to.variant != NOWHERE for one in lookups.rules.hash_by(to.to)]
    hashed = bool(hashes) and len(forward.destinations) == 1
    return replace(
        policy,
        timeout_s=rule.timeout_s or 0,
        grpc_timeout=True,
        retries=choose_retries(rule.retries, lookups.retries, hashed),
        mirrors=tuple(Mirror(locate(target, caller, lookups), percent) for target, percent in copies(rule.copies)),
        hash_by=tuple(dict.fromkeys(hashes)),
    )
