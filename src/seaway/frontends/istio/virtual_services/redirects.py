"""`http[].redirect`: an answer that sends the client elsewhere. What it does not name stays as the request has it, like the query."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.virtual_services.rewrites import UNSENDABLE
from seaway.frontends.istio.virtual_services.rules import RedirectRule
from seaway.model.route import Redirect, RewritePrefix
from seaway.resources.istio.virtual_service import HTTPMatchRequest, HTTPRedirect

STATUSES = (301, 302, 303, 307, 308)
"""What Envoy redirects with. Upstream's webhook takes all from 300 to 399, and its route for another one is refused by Envoy."""

FROM_PROTOCOL, FROM_REQUEST = "FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"
_OWN_PORTS = {"http": 80, "https": 443}


def read_redirect(written: HTTPRedirect, matches: tuple[HTTPMatchRequest, ...], place: Place) -> tuple[RedirectRule, Findings]:
    """The redirect of a rule with these matches; 301 unless it says otherwise."""
    rule = RedirectRule(
        scheme=written.scheme,
        authority=written.authority,
        port=written.port or 0,
        same_port=written.derive_port == FROM_REQUEST,
        path=written.uri,
        prefix=written.prefix_rewrite,
        status=written.redirect_code or 301,
    )
    return rule, tuple(_problems(written, matches, place))


def build_redirect(rule: RedirectRule, port: int, tls: bool) -> Redirect:
    """The redirect for requests that come by this port. A scheme's own port is not written out."""
    scheme = rule.scheme or ("https" if tls else "http")
    to_port = port if rule.same_port else rule.port
    return Redirect(
        scheme=rule.scheme,
        authority=rule.authority,
        port=0 if to_port == _OWN_PORTS[scheme] else to_port,
        path=rule.path,
        rewrite=RewritePrefix(rule.prefix) if rule.prefix else None,
        status=rule.status,
    )


def _problems(written: HTTPRedirect, matches: tuple[HTTPMatchRequest, ...], place: Place) -> Iterator[Finding]:
    names_port = written.port is not None or written.derive_port is not None
    if not (written.uri or written.authority or written.scheme or written.prefix_rewrite or names_port):
        yield place.find(codes.REDIRECT_REFUSED, problem="it says nothing")
    if written.redirect_code and written.redirect_code not in STATUSES:
        problem = f"{written.redirect_code} is no status to redirect with"
        yield place.of("redirectCode").find(codes.REDIRECT_REFUSED, problem=problem)
    if written.scheme not in ("", *_OWN_PORTS):
        yield place.of("scheme").find(codes.REDIRECT_REFUSED, problem=f"scheme {plain(written.scheme)} is neither http nor https")
    if written.port is not None and not 0 <= written.port < 65536:
        yield place.of("port").find(codes.REDIRECT_REFUSED, problem=f"port {written.port} is not from 1 to 65535")
    if written.port is not None and written.derive_port is not None:
        yield place.of("derivePort").find(codes.REDIRECT_REFUSED, problem="port and derivePort exclude one another")
    if written.derive_port not in (None, FROM_PROTOCOL, FROM_REQUEST):
        problem = f"derivePort {plain(written.derive_port)} is neither {FROM_PROTOCOL} nor {FROM_REQUEST}"
        yield place.of("derivePort").find(codes.REDIRECT_REFUSED, problem=problem)
    if written.uri and written.prefix_rewrite:
        yield place.of("prefixRewrite").find(codes.REDIRECT_REFUSED, problem="uri and prefixRewrite exclude one another")
    if written.prefix_rewrite and not (matches and all(_by_prefix(one) for one in matches)):
        yield place.of("prefixRewrite").find(codes.REDIRECT_REFUSED, problem="prefixRewrite needs a prefix in each match of the rule")
    for field in ("uri", "authority", "prefix_rewrite"):
        if UNSENDABLE.search(getattr(written, field)):
            yield place.find(codes.REDIRECT_REFUSED, problem="it holds a control character")


def _by_prefix(match: HTTPMatchRequest) -> bool:
    return match.uri is not None and match.uri.prefix is not None
