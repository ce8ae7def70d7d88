"""Walks the planned Envoy resources with one request: listener, certificate, virtual host, route, action.

It reads what Envoy reads, not the model, so that a mistake in the plan shows; a test holds its answers against a real Envoy's. Of Envoy's
language it knows what `plans/envoy` uses. Connections, health and retries are not its matter: it ends where a cluster is chosen.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import re2

from seaway.core.paths import clean_path
from seaway.protocols.xds_resource import XdsResource
from seaway.simulate.envoy_config import (
    FilterChain,
    HeaderMatch,
    Listener,
    QueryMatch,
    Redirect,
    Route,
    RouteAction,
    RouteMatch,
    Share,
    StringMatch,
    VirtualHost,
    find_listener,
    find_routes,
)

_STATUSES = {"MOVED_PERMANENTLY": 301, "FOUND": 302, "SEE_OTHER": 303, "TEMPORARY_REDIRECT": 307, "PERMANENT_REDIRECT": 308}


@dataclass(frozen=True, slots=True)
class Request:
    """`path` with its query; `host` as in the Host header, port and all. `sni` is the server name of TLS, "" for none.

    `chance`, from 0 to just below 1, is what shares are dealt by. It comes with no token, and is no gRPC.
    """

    host: str
    path: str = "/"
    sni: str = ""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    chance: float = 0


@dataclass(frozen=True, slots=True)
class Forwarded:
    """To this cluster, with this path and query; `host` is the Host header that it gets."""

    cluster: str
    path: str
    host: str


@dataclass(frozen=True, slots=True)
class Answered:
    """By Envoy itself. `location` is "" but for redirects."""

    status: int
    location: str
    body: str


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """What becomes of a request, and who says so.

    `certificate` names the secret of the TLS handshake ("" on plain ports); `virtual_host` and `route` are names in the plan, "" where
    nothing matched. `origin` is `file:line` of the rule and `cited` all that its metadata tells (kind, namespace, name, field).
    """

    outcome: Forwarded | Answered
    certificate: str = ""
    virtual_host: str = ""
    route: str = ""
    cited: tuple[tuple[str, str], ...] = ()

    @property
    def origin(self) -> str:
        return dict(self.cited).get("from", "")


def simulate_request(resources: tuple[XdsResource, ...], listener: str, request: Request) -> SimulatedAnswer:
    """The fate of a request that enters by this listener (`plans.envoy.listeners.listener_name`).

    LookupError where there is none, or where it takes no HTTP for this server name.
    """
    chain = _chain(find_listener(resources, listener), request.sni)
    if chain is None:
        raise LookupError(f"{listener} takes no connection for {request.sni or 'no server name'}")
    answer = simulate_routes(resources, chain.route_config, request, chain.transport_socket is not None)
    return replace(answer, certificate=chain.certificate)


def simulate_routes(resources: tuple[XdsResource, ...], routes: str, request: Request, tls: bool = False) -> SimulatedAnswer:
    """The fate of a request that meets these routes: a gateway's, or those of a scope and port. LookupError where there are none."""
    seen = _Seen.of(request, tls)
    host = _virtual_host(find_routes(resources, routes).virtual_hosts, seen)
    if host is None:
        return SimulatedAnswer(Answered(404, "", ""))
    if host.require_tls == "ALL" and not tls:
        return SimulatedAnswer(Answered(301, f"https://{seen.authority}{seen.path}{seen.query}", ""), virtual_host=host.name)
    route = next((one for one in host.routes if _matches(one.match, seen)), None)
    if route is None:
        return SimulatedAnswer(Answered(404, "", ""), virtual_host=host.name)
    cited = tuple(sorted(route.metadata.filter_metadata.get("seaway", {}).items()))
    return SimulatedAnswer(_outcome(route, seen), virtual_host=host.name, route=route.name, cited=cited)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The request as the router sees it: cleaned path apart from its query, Host without final dot, scheme of the transport."""

    authority: str
    path: str
    query: str
    scheme: str
    headers: Mapping[str, tuple[str, ...]]
    chance: float

    @staticmethod
    def of(request: Request, tls: bool) -> _Seen:
        path, mark, query = request.path.partition("?")
        name, port = _split_port(request.host)
        authority, clean = name.removesuffix(".") + port, clean_path(path)
        scheme = "https" if tls else "http"
        pseudo = ((":authority", authority), (":path", clean + mark + query), (":scheme", scheme), (":method", request.method))
        headers: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
        for one, value in (*pseudo, *request.headers):
            headers[one.lower()] += (value,)
        return _Seen(authority, clean, mark + query, scheme, headers, request.chance)


def _split_port(host: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*?)(:[0-9]*)?", host)
    return (found[1], found[2] or "") if found else (host, "")


def _chain(listener: Listener, sni: str) -> FilterChain | None:
    """By exact server name, then the longest wildcard, then that for any name, then the default chain."""
    name = sni.lower()
    for wanted in (name, *("*" + name[at:] for at in range(len(name)) if name[at] == ".")):
        for chain in listener.filter_chains:
            if wanted in chain.filter_chain_match.server_names:
                return chain
    return next((one for one in listener.filter_chains if not one.filter_chain_match.server_names), listener.default_filter_chain)


def _virtual_host(hosts: tuple[VirtualHost, ...], seen: _Seen) -> VirtualHost | None:
    """Exact domain, then the longest wildcard, then `*`. The port of the Host header does not count."""
    by_domain = {domain: host for host in hosts for domain in host.domains}
    name = _split_port(seen.authority)[0].lower()
    wildcards = ("*" + name[at:] for at in range(1, len(name)) if "*" + name[at:] in by_domain)
    for domain in (name, *wildcards, "*"):
        if domain in by_domain:
            return by_domain[domain]
    return None


def _matches(match: RouteMatch, seen: _Seen) -> bool:
    return (
        _path_matches(match, seen)
        and all(_header_matches(one, seen) for one in match.headers)
        and all(_query_matches(one, seen) for one in match.query_parameters)
        and all(one.invert for one in match.dynamic_metadata)
    )


def _path_matches(match: RouteMatch, seen: _Seen) -> bool:
    if match.safe_regex is not None:
        return _full_match(match.safe_regex.regex, seen.path)
    fold = str if match.case_sensitive else str.lower
    path = fold(seen.path)
    if match.path is not None:
        return path == fold(match.path)
    if match.prefix is not None:
        return (path + fold(seen.query)).startswith(fold(match.prefix))
    assert match.path_separated_prefix is not None, "the plan uses no other kind of match"
    prefix = fold(match.path_separated_prefix)
    return path == prefix or path.startswith(prefix + "/")


def _header_matches(match: HeaderMatch, seen: _Seen) -> bool:
    """A header that is there several times matches by any of its values."""
    values = seen.headers.get(match.name.lower(), ())
    if match.string_match is None:
        return bool(values) != match.invert_match
    if not values:
        if not match.treat_missing_header_as_empty:
            return False
        values = ("",)
    return any(_text_matches(match.string_match, one) for one in values) != match.invert_match


def _query_matches(match: QueryMatch, seen: _Seen) -> bool:
    """The first value of a name counts, as it is written."""
    for pair in seen.query.removeprefix("?").split("&"):
        name, _, value = pair.partition("=")
        if name == match.name and seen.query:
            return match.string_match is None or _text_matches(match.string_match, value)
    return False


def _text_matches(match: StringMatch, value: str) -> bool:
    if match.safe_regex is not None:
        return _full_match(match.safe_regex.regex, value)
    fold = str.lower if match.ignore_case else str
    text = fold(value)
    if match.prefix is not None:
        return text.startswith(fold(match.prefix))
    if match.suffix is not None:
        return text.endswith(fold(match.suffix))
    if match.contains is not None:
        return fold(match.contains) in text
    return text == fold(match.exact or "")


def _full_match(pattern: str, text: str) -> bool:
    return re2.fullmatch(pattern, text) is not None


def _outcome(route: Route, seen: _Seen) -> Forwarded | Answered:
    """Faults come first: the filter stands before the router, whatever the router would do. Those that are a matter of chance do not."""
    if route.abort is not None and route.abort.percentage.always:
        return Answered(route.abort.http_status or 200, "", "fault filter abort")
    if route.route is not None:
        share = _dealt(route.route, seen.chance)
        host = route.route.host_rewrite_literal or share.host_rewrite_literal or seen.authority
        return Forwarded(share.name, _rewritten(route.route, route.match, seen), host)
    if route.redirect is not None:
        return Answered(_STATUSES[route.redirect.response_code], _redirected(route.redirect, route.match, seen), "")
    assert route.direct_response is not None, "the plan uses no other kind of action"
    body = route.direct_response.body
    return Answered(route.direct_response.status, "", body.inline_string or body.inline_bytes.decode(errors="replace"))


def _dealt(action: RouteAction, chance: float) -> Share:
    """The share that this chance falls to; a lone cluster has it all."""
    if action.weighted_clusters is None:
        return Share(name=action.cluster)
    shares = action.weighted_clusters.clusters
    left = chance * sum(one.weight for one in shares)
    for share in shares:
        left -= share.weight
        if left < 0:
            return share
    return shares[-1]


def _rewritten(rewrites: RouteAction | Redirect, match: RouteMatch, seen: _Seen) -> str:
    """An expression replaces all that it matches, in the path alone; where its substitution names a group that does not exist, nothing.
    A prefix replaces what the route matched: of other matches than by prefix that is the whole path.
    """
    path = seen.path
    if rewrites.regex_rewrite is not None:
        pattern, substitution = rewrites.regex_rewrite.pattern.regex, rewrites.regex_rewrite.substitution
        named = max(map(int, re.findall(r"\\([0-9])", substitution)), default=0)
        if named <= re2.compile(pattern).groups:
            path = re2.sub(pattern, substitution, path)
    elif rewrites.prefix_rewrite:
        matched = match.prefix if match.prefix is not None else match.path_separated_prefix
        path = rewrites.prefix_rewrite + (path[len(matched) :] if matched is not None else "")
    return path + seen.query


def _redirected(redirect: Redirect, match: RouteMatch, seen: _Seen) -> str:
    """The URL of a redirect. Port 80, plain HTTP's own, is not carried over to https, nor 443 to http."""
    scheme = redirect.scheme_redirect or ("https" if redirect.https_redirect else seen.scheme)
    name, port = _split_port(seen.authority)
    if redirect.host_redirect:
        name, port = redirect.host_redirect, ""
    elif scheme != seen.scheme and port == {"http": ":80", "https": ":443"}[seen.scheme]:
        port = ""
    if redirect.port_redirect:
        port = f":{redirect.port_redirect}"
    path = redirect.path_redirect + ("" if "?" in redirect.path_redirect else seen.query)
    if not redirect.path_redirect:
        path = _rewritten(redirect, match, seen)
    return f"{scheme}://{name}{port}{path if path.startswith('/') else '/' + path}"
