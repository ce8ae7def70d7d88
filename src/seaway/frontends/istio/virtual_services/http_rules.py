"""One of `spec.http`: all features of a rule together, and which of them exclude one another."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.virtual_services.cors import read_cors
from seaway.frontends.istio.virtual_services.destinations import read_shares
from seaway.frontends.istio.virtual_services.faults import read_fault
from seaway.frontends.istio.virtual_services.headers import check_authority, read_headers
from seaway.frontends.istio.virtual_services.matches import read_match
from seaway.frontends.istio.virtual_services.mirrors import read_mirrors
from seaway.frontends.istio.virtual_services.redirects import read_redirect
from seaway.frontends.istio.virtual_services.responses import read_response
from seaway.frontends.istio.virtual_services.retries import read_retries
from seaway.frontends.istio.virtual_services.rewrites import read_rewrite
from seaway.frontends.istio.virtual_services.rules import ActionRule, Delegated, ForwardRule, HeaderChanges, HttpRule, Match
from seaway.frontends.istio.virtual_services.timeouts import read_timeout
from seaway.resources.istio.virtual_service import HTTPRoute


def read_http(written: HTTPRoute, delegate: bool, registry: Registry, place: Place) -> tuple[HttpRule, Findings]:
    """One rule of an object that is a `delegate` (it has no hosts) or not."""
    findings: list[Finding] = list(_conflicts(written, delegate, place))
    matches: list[Match] = []
    for index, one in enumerate(written.match):
        match, more = read_match(one, place.of("match", index))
        matches.append(match)
        findings += more
    headers: HeaderChanges | None = None
    if written.headers is not None:
        headers, more = read_headers(written.headers, place.of("headers"))
        findings += more
    findings += check_authority(written.headers, written.rewrite.authority if written.rewrite is not None else "", place)
    action, acting = _read_action(written, registry, place)
    copies, copying = read_mirrors(written, registry, place)
    rewrite, rewriting = read_rewrite(written.rewrite, place)
    timeout_s, waiting = read_timeout(written.timeout, place)
    retries, retrying = read_retries(written.retries, place)
    fault, failing = read_fault(written.fault, place)
    cors, crossing = read_cors(written.cors_policy, place)
    rule = HttpRule(
        name=written.name,
        matches=tuple(matches),
        action=action,
        timeout_s=timeout_s,
        retries=retries,
        fault=fault,
        cors=cors,
        copies=copies,
        rewrite=rewrite,
        headers=headers,
        place=place,
    )
    return rule, (*findings, *acting, *copying, *rewriting, *waiting, *retrying, *failing, *crossing)


def _read_action(written: HTTPRoute, registry: Registry, place: Place) -> tuple[ActionRule, Findings]:
    """What is done with a request. Of several (which is refused) it is the delegate, then the redirect, then the response."""
    shares, findings = read_shares(written.route, registry, place.of("route"))
    if written.delegate is not None:
        return Delegated(written.delegate.namespace or place.key.namespace, written.delegate.name), findings
    if written.redirect is not None:
        redirect, more = read_redirect(written.redirect, written.match, place.of("redirect"))
        return redirect, (*findings, *more)
    if written.direct_response is not None:
        response, more = read_response(written.direct_response, place.of("directResponse"))
        return response, (*findings, *more)
    return ForwardRule(shares), findings


def _conflicts(written: HTTPRoute, delegate: bool, place: Place) -> Iterator[Finding]:
    if written.delegate is not None and not delegate:
        for field, there in (("redirect", written.redirect is not None), ("route", bool(written.route))):
            if there:
                yield place.of(field).find(codes.ROUTE_REFUSED, problem=f"it has both delegate and {field}")
        return
    if written.delegate is not None:
        problem = "a delegate cannot delegate any further"
        yield place.of("delegate").find(codes.ROUTE_REFUSED, problem=problem)
    present = {
        "redirect": written.redirect is not None,
        "directResponse": written.direct_response is not None,
        "route": bool(written.route),
        "fault": written.fault is not None,
        "rewrite": written.rewrite is not None,
    }
    if not any(present[one] for one in ("redirect", "directResponse", "route")):
        yield place.find(codes.ROUTE_REFUSED, problem="it has neither route nor redirect nor directResponse")
    for one, others in _EXCLUSIONS:
        for other in others:
            if present[one] and present[other]:
                yield place.of(other).find(codes.ROUTE_REFUSED, problem=f"it has both {one} and {other}")


_EXCLUSIONS = (("redirect", ("route", "fault", "rewrite", "directResponse")), ("directResponse", ("route", "fault", "rewrite")))
