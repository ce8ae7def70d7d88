"""Walks the planned Envoy resources with one request: listener, certificate, virtual host, route, action.

It reads what Envoy reads, not the model, so that a mistake in the plan shows; a test holds its answers against a real Envoy's. Of Envoy's
language it knows what `plans/envoy` uses. Connections, health and retries are not its matter: it ends where a cluster is chosen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import re2

from seaway.protocols.xds_resource import XdsResource
from seaway.simulate.envoy_config import (
    HeaderMatch,
    Listener,
    Redirect,
    Rewrite,
    Route,
    RouteMatch,
    VirtualHost,
    find_listener,
    find_routes,
)

_UNRESERVED = re.compile(r"%(?:2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])")  # escapes of A-Z a-z 0-9 - . _ ~
_UNESCAPED = re.compile(r"[{}|^`\"<>]")
_STATUSES = {"MOVED_PERMANENTLY": 301, "FOUND": 302, "SEE_OTHER": 303, "TEMPORARY_REDIRECT": 307, "PERMANENT_REDIRECT": 308}


@dataclass(frozen=True, slots=True)
class Request:
    """`path` with its query; `host` as in the Host header, port and all. `sni` is the server name of TLS, "" for none."""

    host: str
    path: str = "/"
    sni: str = ""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """To this cluster, with this path and query."""

    cluster: str
    path: str


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
    """The fate of a request that enters by this listener (`plans.envoy.listeners.listener_name`). LookupError where there is none."""
    entry = find_listener(resources, listener)
    seen = _Seen.of(request, tls=entry.tls)
    certificate = _certificate(entry, request.sni)
    host = _virtual_host(find_routes(resources, entry.route_config).virtual_hosts, seen)
    if host is None:
        return SimulatedAnswer(Answered(404, "", ""), certificate)
    route = next((one for one in host.routes if _matches(one.match, seen)), None)
    if route is None:
        return SimulatedAnswer(Answered(404, "", ""), certificate, host.name)
    cited = tuple(sorted(route.metadata.filter_metadata.get("seaway", {}).items()))
    return SimulatedAnswer(_outcome(route, seen), certificate, host.name, route.name, cited)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The request as the router sees it: cleaned path apart from its query, Host without final dot, scheme of the transport."""

    authority: str
    path: str
    query: str
    scheme: str

    @staticmethod
    def of(request: Request, tls: bool) -> _Seen:
        path, mark, query = request.path.partition("?")
        name, port = _split_port(request.host)
        return _Seen(name.removesuffix(".") + port, clean_path(path), mark + query, "https" if tls else "http")


def clean_path(path: str) -> str:
    """As Envoy's `normalize_path` and then `merge_slashes` leave it (it calls Chromium's URL canonicaliser).

    Needless escapes are undone and missing ones made, backslashes turned, dot segments resolved (also with parameters, `..;x`).
    """
    text = _UNRESERVED.sub(lambda one: chr(int(one[0][1:], 16)), path).replace("\\", "/")
    text = _UNESCAPED.sub(lambda one: f"%{ord(one[0]):02X}", text)
    kept: list[str] = []
    for segment in text.removeprefix("/").split("/"):
        name = segment.partition(";")[0]
        if name == "..":
            del kept[-1:]
        elif name != ".":
            kept.append(segment)
    if text.rpartition("/")[2].partition(";")[0] in (".", ".."):
        kept.append("")
    clean = "/" + "/".join(kept)
    if "//" in clean:
        clean = "/" + "/".join(one for one in kept if one) + ("/" if clean.endswith("/") else "")
    return clean


def _split_port(host: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*?)(:[0-9]*)?", host)
    return (found[1], found[2] or "") if found else (host, "")


def _certificate(listener: Listener, sni: str) -> str:
    """Exact server name, then the longest wildcard, then the default chain; on a plain listener no certificate at all."""
    name = sni.lower()
    for wanted in (name, *("*" + name[at:] for at in range(len(name)) if name[at] == ".")):
        for chain in listener.filter_chains:
            if wanted in chain.filter_chain_match.server_names:
                return chain.name
    return listener.default_filter_chain.name if listener.default_filter_chain is not None else ""


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
    if match.path is not None:
        hit = seen.path == match.path
    elif match.prefix is not None:
        hit = (seen.path + seen.query).startswith(match.prefix)
    elif match.path_separated_prefix is not None:
        hit = seen.path == match.path_separated_prefix or seen.path.startswith(match.path_separated_prefix + "/")
    else:
        assert match.safe_regex is not None, "the plan uses no other kind of match"
        hit = _full_match(match.safe_regex.regex, seen.path)
    return hit and all(_header_matches(one, seen) for one in match.headers)


def _header_matches(match: HeaderMatch, seen: _Seen) -> bool:
    values = {":authority": seen.authority, ":path": seen.path + seen.query, ":scheme": seen.scheme}
    return _full_match(match.string_match.safe_regex.regex, values[match.name]) != match.invert_match


def _full_match(pattern: str, text: str) -> bool:
    return re2.fullmatch(pattern, text) is not None


def _outcome(route: Route, seen: _Seen) -> Forwarded | Answered:
    if route.route is not None:
        return Forwarded(route.route.cluster, _rewritten(route.route.regex_rewrite, seen))
    if route.redirect is not None:
        return Answered(_STATUSES[route.redirect.response_code], _redirected(route.redirect, seen), "")
    assert route.direct_response is not None, "the plan uses no other kind of action"
    return Answered(route.direct_response.status, "", route.direct_response.body.inline_string)


def _rewritten(rewrite: Rewrite | None, seen: _Seen) -> str:
    """Every match is replaced, in the path alone. A substitution that names a group which does not exist replaces nothing."""
    path = seen.path
    if rewrite is not None:
        named = max(map(int, re.findall(r"\\([0-9])", rewrite.substitution)), default=0)
        if named <= re2.compile(rewrite.pattern.regex).groups:
            path = re2.sub(rewrite.pattern.regex, rewrite.substitution, path)
    return path + seen.query


def _redirected(redirect: Redirect, seen: _Seen) -> str:
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
        path = _rewritten(redirect.regex_rewrite, seen)
    return f"{scheme}://{name}{port}{path if path.startswith('/') else '/' + path}"
