"""The shorter way: a request to a pod of the same node passes Envoy once, and its destination's policy on the way out.

Both proxies would be this one process. It knows the caller's identity from the caller's own listener, so that encrypting to itself proves
nothing more: the request goes to the application as it is, past the inbound redirect of its pod (by a DSCP value that nobody else can send,
see `plans/nft`). What the inbound side would ask stands before the connection instead, as filters of the cluster: they see a request as it
arrives there, after every change that its route makes. Who is meant is the same name that the caller's certificate would show.

Where that cannot be said for all endpoints at once, the two passes are taken: under several policies or names, for what needs a token or an
authorizer, on ports that are not known to be HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from seaway.model.authorization import (
    Action,
    Address,
    AllOf,
    AnyOf,
    AuthorizationPolicy,
    DestinationPort,
    Header,
    Not,
    Path,
    Principal,
    Rule,
    Term,
    WorkloadPolicy,
)
from seaway.model.index import Model
from seaway.model.upstream import AppProtocol, MutualMesh, OfService, Passthrough, Upstream
from seaway.plans.envoy.filters.rbac import rbac_fields
from seaway.plans.envoy.filters.terms import CALLER
from seaway.plans.envoy.proto import Fields, HeaderMutation, HttpRbac, UpstreamCodec, extension

_SHORT = (AppProtocol.HTTP, AppProtocol.HTTP2, AppProtocol.GRPC)
_ORDER = (Action.AUDIT, Action.DENY, Action.ALLOW)

ALWAYS, NEVER = AllOf(()), AnyOf(())


@dataclass(frozen=True, slots=True)
class Shortcut:
    """What all endpoints of an upstream have in common: in whose name and by which policies they take requests."""

    spiffe: str
    policies: tuple[AuthorizationPolicy, ...]


def shortcut_of(model: Model, upstream: Upstream, rewritten: bool) -> Shortcut | None:
    """None where requests take two passes. `rewritten`: some route to it changes paths, which are not cleaned again on the shorter way."""
    protection = upstream.treatment.protection
    if not isinstance(upstream.endpoints, OfService) or not isinstance(protection, MutualMesh) or upstream.protocol not in _SHORT:
        return None
    if isinstance(upstream.treatment.balancing, Passthrough) or upstream.treatment.proxy_protocol:
        return None
    service = model.service.get(upstream.endpoints.service)
    backends = [(one.pod, one.ports[upstream.endpoints.port]) for one in service.backends if one.pod in model.member] if service else []
    ports = {port for _, port in backends if port}
    if not all(model.takes_mtls(pod, port) for pod, port in backends):  # such a port is called in plaintext, by nobody in particular
        return None
    members = [model.member[pod] for pod, _ in backends if pod is not None]
    inbounds = [model.inbound.get(member.pod) for member in members]
    if len(ports) != 1 or len({member.spiffe for member in members}) != 1 or not all(inbounds):
        return None
    port = ports.pop()
    known = {next((at.protocol for at in one.ports if at.port == port), None) for one in inbounds if one is not None}
    policies = {member.policy for member in members}
    if not known <= set(_SHORT) or len(policies) != 1:
        return None
    return _folded(model.policy.get(policies.pop()), members[0].spiffe, port, rewritten)


def _folded(policy: WorkloadPolicy | None, spiffe: str, port: int, rewritten: bool) -> Shortcut | None:
    if policy is None:
        return Shortcut(spiffe, ())
    if replace(policy, id="", policies=()) != WorkloadPolicy(""):
        return None
    terms = [rule.http for one in policy.policies for rule in one.rules]
    if any(one.action not in _ORDER for one in policy.policies) or not all(_can_move(term, rewritten) for term in terms):
        return None
    return Shortcut(spiffe, tuple(replace(one, rules=tuple(_at_port(rule, port) for rule in one.rules)) for one in policy.policies))


def _can_move(term: Term, rewritten: bool) -> bool:
    """Whether it means the same on the way out."""
    match term:
        case AnyOf(terms) | AllOf(terms):
            return all(_can_move(one, rewritten) for one in terms)
        case Not(inner):
            return _can_move(inner, rewritten)
        case Path():
            return not rewritten
        case Address(of):
            return of == "peer"
        case _:
            return isinstance(term, Principal | DestinationPort | Header)


def _at_port(rule: Rule, port: int) -> Rule:
    return replace(rule, http=_without_port(rule.http, port))


def _without_port(term: Term, port: int) -> Term:
    """The workload's port is known here, and not what the caller's connection shows."""
    match term:
        case DestinationPort(wanted):
            return ALWAYS if wanted == port else NEVER
        case AnyOf(terms):
            return AnyOf(tuple(_without_port(one, port) for one in terms))
        case AllOf(terms):
            return AllOf(tuple(_without_port(one, port) for one in terms))
        case Not(inner):
            return Not(_without_port(inner, port))
        case _:
            return term


def upstream_filters(shortcut: Shortcut) -> list[Fields]:
    """`http_filters` of the cluster: what the inbound side asks, and what it tells the application of the caller."""
    asked = (rbac_fields(action, shortcut.policies, on_the_way_out=True) for action in _ORDER)
    rules = [extension(f"seaway.shorter.{number}", HttpRbac(**fields)) for number, fields in enumerate(asked) if fields]
    return [*rules, *_caller(shortcut.spiffe), extension("envoy.filters.http.upstream_codec", UpstreamCodec())]


def _caller(spiffe: str) -> Iterator[Fields]:
    """X-Forwarded-Client-Cert, without a hash: no certificate was shown.

    https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
    """
    value = f"By={spiffe};URI=%FILTER_STATE({CALLER}:PLAIN)%"
    header = {"header": {"key": "x-forwarded-client-cert", "value": value}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
    yield extension("envoy.filters.http.header_mutation", HeaderMutation(mutations={"request_mutations": [{"append": header}]}))
