"""Redirects: from plain HTTP to https, and to wherever a route says. As Envoy's RedirectAction, which keeps the request's query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import re2

from seaway.model.route import Exact, PathMatch, Redirect
from seaway.plans.envoy.guards import authority, header
from seaway.plans.envoy.proto import Fields

REDIRECT_CODES = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
"""What Envoy's RedirectAction can answer with."""

HTTPS_REDIRECT_CODE = REDIRECT_CODES[308]  # ingress-nginx http-redirect-code

_LOCATION = re2.compile(r"(?:(https?)://([^/?#@:\s\[\]]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?)?(/[^#\s]*)?")


@dataclass(frozen=True, slots=True)
class Destination:
    """A redirect's location in its parts; "" and 0 for those that it leaves to the request."""

    scheme: str
    host: str
    port: int
    path: str


def parse_location(location: str) -> Destination | None:
    """An absolute http or https URL without user and fragment, a path, or "" for neither; None for anything else."""
    found = _LOCATION.fullmatch(location)
    if found is None or location.startswith("//"):
        return None
    port = int(found[3] or 0)
    return Destination(found[1] or "", found[2] or "", port, found[4] or "") if port < 65536 else None


def redirect_action(redirect: Redirect) -> Fields:
    """RedirectAction of a redirect that Envoy does not refuse. A query in the location itself goes before the request's."""
    to = parse_location(redirect.location)
    assert to is not None, "refused before"
    fields: dict[str, object] = {
        "scheme_redirect": to.scheme,
        "host_redirect": to.host,
        "port_redirect": to.port,
        "path_redirect": to.path,
        "response_code": REDIRECT_CODES[redirect.status],
    }
    if redirect.rewrite is not None:
        del fields["path_redirect"]
        fields["regex_rewrite"] = {"pattern": {"regex": redirect.rewrite.pattern}, "substitution": redirect.rewrite.substitution}
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
