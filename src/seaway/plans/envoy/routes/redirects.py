"""Redirects: from plain HTTP to https, and to wherever a route says. As Envoy's RedirectAction, which keeps the request's query."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from seaway.model.route import Exact, PathMatch, Redirect
from seaway.plans.envoy.proto import Fields
from seaway.plans.envoy.routes.guards import authority, header
from seaway.plans.envoy.routes.rewrites import path_rewrite

REDIRECT_CODES = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
"""What Envoy's RedirectAction can answer with."""

HTTPS_REDIRECT_CODE = REDIRECT_CODES[308]  # ingress-nginx http-redirect-code


def redirect_action(redirect: Redirect) -> Fields:
    """RedirectAction of a redirect that Envoy does not refuse. A query in the location itself replaces the request's."""
    fields: dict[str, object] = {
        "scheme_redirect": redirect.scheme,
        "host_redirect": redirect.authority,
        "port_redirect": redirect.port,
        "path_redirect": redirect.path,
        **path_rewrite(redirect.rewrite),
        "response_code": REDIRECT_CODES[redirect.status],
    }
    if redirect.rewrite is not None:
        del fields["path_redirect"]
    return {name: value for name, value in fields.items() if value}


def https_redirects(domain: str, match: PathMatch) -> Iterator[tuple[list[Fields], Fields]]:
    """RedirectActions to https with the header guards of each, as ingress-nginx's ssl-redirect answers.

    The port of the Host header goes: an exact host is named outright; for a wildcard, Envoy can only replace a port by 443. One slash
    at the end of the URL goes too (ingress-nginx issue 6931), so `/a/` needs an answer of its own; `/a/?b` keeps it.
    """
    host: Fields = {"https_redirect": True, "response_code": HTTPS_REDIRECT_CODE}
    hosts: list[tuple[list[Fields], Fields]] = [([], {**host, "host_redirect": domain})]
    if domain.startswith("*"):
        hosts = [([authority(r".*:[0-9]+")], {**host, "port_redirect": 443}), ([], host)]
    slash: Fields = {"regex_rewrite": {"pattern": {"regex": "/$"}, "substitution": ""}}
    paths: list[tuple[list[Fields], Fields]] = [([header(":path", r"[^?]*/")], slash), ([], {})]
    if isinstance(match, Exact) and not match.path.endswith("/"):
        paths = paths[1:]
    for (host_guards, by_host), (path_guards, by_path) in product(hosts, paths):
        yield [*host_guards, *path_guards], {**by_host, **by_path}
