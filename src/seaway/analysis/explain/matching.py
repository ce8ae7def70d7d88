"""Which virtual host and route a request meets, and what the route makes of it. A test holds this against the planned Envoy resources.

Order and forms are those of `plans/envoy/routes`: exact host before the longest wildcard before `*`; routes as they stand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import re2

from seaway.analysis.explain.question import Http
from seaway.analysis.terms import matches
from seaway.core.paths import clean_path
from seaway.model.mesh import MeshHost
from seaway.model.route import (
    Conditions,
    Destination,
    Exact,
    Forward,
    HeaderMatch,
    HeaderOps,
    PathMatch,
    Prefix,
    QueryMatch,
    Regex,
    Rewrite,
    RewritePrefix,
    Route,
    TextPrefix,
    VirtualHost,
)


@dataclass(frozen=True, slots=True)
class HostFound:
    """What serves a host: its name and its routes. `https_only`: plain HTTP is sent to https."""

    name: str
    routes: tuple[Route, ...]
    https_only: bool = False


def find_host(hosts: tuple[VirtualHost, ...], host: str) -> HostFound | None:
    """Of a gateway. A wildcard that is not `deep` is for one label; what is deeper belongs to `*`."""
    merged: dict[str, list[VirtualHost]] = {}
    for one in hosts:
        merged.setdefault(one.host.lower() or "*", []).append(one)
    name = host.lower().removesuffix(".")
    for domain in _domains(name):
        if domain not in merged:
            continue
        shallow = domain.startswith("*.") and "." in name.removesuffix(domain[1:])
        found = [one for one in merged[domain] if one.deep or not shallow]
        routes = tuple(route for one in sorted(found, key=lambda one: not one.deep) for route in one.routes)
        if shallow and not found:
            routes = tuple(route for one in merged.get("*", ()) for route in one.routes)
        return HostFound(domain, routes, any(one.https_only for one in merged[domain] if one.deep or not domain.startswith("*.")))
    return None


def find_mesh_host(hosts: tuple[MeshHost, ...], host: str) -> MeshHost | None:
    by_domain: dict[str, MeshHost] = {}
    for one in hosts:
        for domain in one.domains:
            by_domain.setdefault(domain.lower(), one)
    return next((by_domain[one] for one in _domains(host.lower().removesuffix(".")) if one in by_domain), None)


def _domains(name: str) -> list[str]:
    return [name, *("*" + name[at:] for at in range(len(name)) if name[at] == "."), "*"]


def find_route(routes: tuple[Route, ...], http: Http, tls: bool) -> Route | None:
    """The first that is for the request."""
    return next((one for one in routes if _is_for(one.match, one.conditions, http, tls)), None)


def _is_for(path: PathMatch, conditions: Conditions, http: Http, tls: bool) -> bool:
    return (
        _path_is_for(path, conditions.ignore_path_case, http)
        and all(_header_is_for(one, http, tls) for one in conditions.headers)
        and all(_query_is_for(one, http) for one in conditions.query)
        and all(one.invert for one in conditions.claims)
    )


def _path_is_for(match: PathMatch, ignore_case: bool, http: Http) -> bool:
    plain, mark, query = http.path.partition("?")
    whole, fold = clean_path(plain), str.lower if ignore_case else str
    path = fold(whole)
    match match:
        case Exact(wanted):
            return path == fold(wanted)
        case Prefix("/" | ""):
            return True
        case Prefix(wanted):
            start = fold(wanted.rstrip("/"))
            return path == start or path.startswith(f"{start}/")
        case TextPrefix(wanted):
            return (path + fold(mark + query)).startswith(fold(wanted))
        case Regex(pattern):
            return re2.fullmatch(pattern, whole) is not None


def _header_is_for(match: HeaderMatch, http: Http, tls: bool) -> bool:
    values = [value for name, value in _headers(http, tls) if name == match.name.lower()]
    if match.text.kind == "present":
        return bool(values) != match.invert
    if not values and not match.missing_matches:
        return False
    return any(matches(match.text, one) for one in values or [""]) != match.invert


def _headers(http: Http, tls: bool) -> tuple[tuple[str, str], ...]:
    pseudo = ((":method", http.method), (":authority", http.host), (":path", http.path), (":scheme", "https" if tls else "http"))
    return (*pseudo, *http.headers)


def _query_is_for(match: QueryMatch, http: Http) -> bool:
    """The first value of a name counts, as it is written."""
    for pair in filter(None, http.path.partition("?")[2].split("&")):
        name, _, value = pair.partition("=")
        if name == match.name:
            return match.text.kind == "present" or matches(match.text, value)
    return False


def rewritten(route: Route, to: Destination, http: Http) -> Http:
    """The request as the destination gets it."""
    assert isinstance(route.action, Forward)
    host = route.action.authority or to.authority or http.host
    headers = http.headers
    for ops in (route.policy.request, to.request):
        headers = _changed(headers, ops)
    return replace(http, host=host, path=_path(route, http.path), headers=headers)


def _changed(headers: tuple[tuple[str, str], ...], ops: HeaderOps) -> tuple[tuple[str, str], ...]:
    gone = {one.lower() for one in (*ops.remove, *(name for name, _ in ops.set))}
    kept = tuple(one for one in headers if one[0] not in gone)
    return (*kept, *((name.lower(), value) for name, value in (*ops.set, *ops.add)))


def _path(route: Route, given: str) -> str:
    assert isinstance(route.action, Forward)
    plain, mark, query = given.partition("?")
    path = clean_path(plain)
    match route.action.rewrite:
        case Rewrite(pattern, substitution):
            named = max(map(int, re.findall(r"\\([0-9])", substitution)), default=0)
            if named <= re2.compile(pattern).groups:
                path = re2.sub(pattern, substitution, path)
        case RewritePrefix(text):
            matched = route.match.path if isinstance(route.match, Prefix | TextPrefix) else None
            path = text + (path[len(matched) :] if matched is not None else "")
        case None:
            pass
    return path + mark + query
