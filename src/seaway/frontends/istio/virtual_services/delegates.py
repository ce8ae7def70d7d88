"""`http[].delegate`: a rule whose routes are another VirtualService's.

A rule of the delegate holds for requests that the root's rule matches too. Whether its matches lie within the root's is told from prefixes
and exact values; expressions are never merged. What the delegate's rule does not say, it takes over from the root's.
Source: mergeVirtualServicesIfNeeded in pilot/pkg/model/virtualservice.go of upstream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.exports import exported_to
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.virtual_services.matches import build_match
from seaway.frontends.istio.virtual_services.rules import Copies, Delegated, HttpRule, Match, VirtualRules
from seaway.resources.istio.selection import StringMatch
from seaway.resources.istio.virtual_service import HTTPMatchRequest


@dataclass(frozen=True, slots=True)
class Delegates:
    """VirtualServices without hosts, by namespace and name."""

    by_name: Mapping[tuple[str, str], VirtualRules]
    void: frozenset[tuple[str, str]]
    served: frozenset[tuple[str, str]]
    """`void` are those that upstream refuses, `served` those that have hosts: neither is there to delegate to."""


def join_delegates(rules: Iterable[VirtualRules], void: frozenset[tuple[str, str]]) -> tuple[tuple[VirtualRules, ...], Findings]:
    """The VirtualServices that have hosts, each delegating rule replaced by the delegate's."""
    every = tuple(rules)
    delegates = Delegates(
        {(one.key.namespace, one.key.name): one for one in every if not one.hosts},
        void,
        frozenset((one.key.namespace, one.key.name) for one in every if one.hosts),
    )
    findings: list[Finding] = []
    used: set[tuple[str, str]] = set()
    joined: list[VirtualRules] = []
    for root in every:
        if not root.hosts:
            continue
        http: list[HttpRule] = []
        for rule in root.http:
            if isinstance(rule.action, Delegated):
                used.add((rule.action.namespace, rule.action.name))
                merged, more = _delegated(root, rule, rule.action, delegates)
                http += merged
                findings += more
            else:
                http.append(rule)
        joined.append(replace(root, http=tuple(http)))
    for name, delegate in delegates.by_name.items():
        if name not in used:
            findings.append(Place(delegate.place.resource, ()).find(codes.DELEGATE_UNUSED))
    return tuple(joined), tuple(findings)


def _delegated(root: VirtualRules, rule: HttpRule, to: Delegated, delegates: Delegates) -> tuple[list[HttpRule], Findings]:
    name, where = f"{to.namespace}/{to.name}", rule.place.of("delegate")
    delegate = delegates.by_name.get((to.namespace, to.name))
    if delegate is None:
        problem = "there is no such VirtualService"
        if (to.namespace, to.name) in delegates.void:
            problem = "that VirtualService is refused"
        elif (to.namespace, to.name) in delegates.served:
            problem = "that VirtualService has hosts, so that it is no delegate"
        return [], (where.find(codes.DELEGATE_UNUSABLE, name=plain(name), problem=problem),)
    if not exported_to(delegate.exports, root.key.namespace):
        problem = f"it is not exported to namespace {root.key.namespace}"
        return [], (where.find(codes.DELEGATE_UNUSABLE, name=plain(name), problem=problem),)
    merged: list[HttpRule] = []
    findings: list[Finding] = []
    for own in delegate.http:
        matches = _matches(rule.matches, own)
        if matches is None:
            words = f"rule {rule.place.path[-1]} of {root.key} ({rule.place.origin})"
            findings.append(own.place.find(codes.DELEGATE_CONFLICT, root=words))
        else:
            merged.append(_inherit(rule, replace(own, matches=matches)))
    return merged, tuple(findings)


def _inherit(root: HttpRule, own: HttpRule) -> HttpRule:
    """Whole features, none of them merged within."""
    return replace(
        own,
        name=_joined(root.name, own.name),
        rewrite=own.rewrite if own.rewrite is not None else root.rewrite,
        timeout_s=own.timeout_s if own.timeout_s is not None else root.timeout_s,
        retries=own.retries if own.retries is not None else root.retries,
        fault=own.fault if own.fault is not None else root.fault,
        cors=own.cors if own.cors is not None else root.cors,
        headers=own.headers if own.headers is not None else root.headers,
        copies=Copies(
            one=own.copies.one if own.copies.one is not None else root.copies.one,
            percent=own.copies.percent if own.copies.percent is not None else root.copies.percent,
            several=own.copies.several if own.copies.several is not None else root.copies.several,
        ),
        via=(root.owner,),
    )


def _joined(root: str, own: str) -> str:
    return f"{root}-{own}" if root and own else root or own


def _matches(root: tuple[Match, ...], own: HttpRule) -> tuple[Match, ...] | None:
    """Each match of the delegate with each of the root's that it lies within; None where one lies within none."""
    if not root or not own.matches:
        return own.matches or root
    merged: list[Match] = []
    for match in own.matches:
        within = [one for one in root if not _conflict(one, match)]
        if not within:
            return None
        merged += (_merge(one, match, own.place) for one in within)
    return tuple(merged)


def _merge(root: Match, own: Match, place: Place) -> Match:
    outer, inner = root.written, own.written
    written = msgspec.structs.replace(
        inner,
        name=_joined(outer.name, inner.name),
        uri=inner.uri or outer.uri,
        scheme=inner.scheme or outer.scheme,
        method=inner.method or outer.method,
        authority=inner.authority or outer.authority,
        headers={**outer.headers, **inner.headers},
        without_headers={**outer.without_headers, **inner.without_headers},
        query_params={**outer.query_params, **inner.query_params},
        port=inner.port or outer.port,
        source_labels={**outer.source_labels, **inner.source_labels},
        source_namespace=inner.source_namespace or outer.source_namespace,
        gateways=(),
        stat_prefix=inner.stat_prefix or outer.stat_prefix,
    )
    built = build_match(written, place)
    # Names of gateways are complete in either match, each by its own object's namespace.
    return replace(built, sources=replace(built.sources, gateways=own.sources.gateways or root.sources.gateways), origin=own.origin)


def _conflict(root: Match, own: Match) -> bool:
    outer, inner = root.written, own.written
    texts = ((outer.uri, inner.uri), (outer.scheme, inner.scheme), (outer.method, inner.method), (outer.authority, inner.authority))
    if any(_text_conflict(*pair) for pair in texts) or _map_conflict(outer, inner):
        return True
    if outer.ignore_uri_case != inner.ignore_uri_case or (outer.port and inner.port and outer.port != inner.port):
        return True
    if outer.source_namespace and inner.source_namespace != outer.source_namespace:
        return True
    if any(outer.source_labels.get(name, value) != value for name, value in inner.source_labels.items()):
        return True
    here, there = root.sources.gateways, own.sources.gateways
    return bool(here and there) and not set(there) <= set(here)


def _map_conflict(outer: HTTPMatchRequest, inner: HTTPMatchRequest) -> bool:
    pairs = (
        (outer.headers, inner.headers),
        (outer.without_headers, inner.without_headers),
        (outer.query_params, inner.query_params),
    )
    return any(_text_conflict(whole.get(name), text) for whole, part in pairs for name, text in part.items())


def _text_conflict(outer: StringMatch | None, inner: StringMatch | None) -> bool:
    """Whether it cannot be told that all that `inner` matches is matched by `outer` too. Presence is a conflict with anything given."""
    if outer is None or inner is None:
        return False
    if outer.regex or inner.regex:
        return True
    if outer.exact:
        return inner.exact != outer.exact
    if outer.prefix:
        return not (inner.prefix or inner.exact or "").startswith(outer.prefix)
    return True
