"""`http[].rewrite`: another path, another authority.

`uri` replaces what the match matched (a text prefix, or the whole path of an exact or regex match); the expression replaces every match of
itself in the path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.virtual_services.expressions import expression_problem
from seaway.frontends.istio.virtual_services.rules import RewriteRule
from seaway.model.route import Rewrite, RewritePrefix
from seaway.resources.istio.virtual_service import HTTPRewrite

UNSENDABLE = re.compile(r"[\x00\r\n\ud800-\udfff]")
"""What Envoy takes in no header: NUL, CR and LF; and lone surrogates, which have no UTF-8 form."""


def read_rewrite(written: HTTPRewrite | None, place: Place) -> tuple[RewriteRule | None, Findings]:
    """None where nothing is written."""
    if written is None:
        return None, ()
    path: Rewrite | RewritePrefix | None = None
    if written.uri_regex_rewrite is not None:
        path = Rewrite(written.uri_regex_rewrite.match, written.uri_regex_rewrite.rewrite)
    elif written.uri:
        path = RewritePrefix(written.uri)
    return RewriteRule(path, written.authority), tuple(_problems(written, place.of("rewrite")))


def _problems(written: HTTPRewrite, place: Place) -> Iterator[Finding]:
    regex = written.uri_regex_rewrite
    if written.uri and regex is not None:
        yield place.find(codes.PATH_REWRITE_REFUSED, problem="uri and uriRegexRewrite exclude one another")
    if not written.uri and regex is None and not written.authority:
        yield place.find(codes.PATH_REWRITE_REFUSED, problem="it says nothing")
    if UNSENDABLE.search(written.uri):
        yield place.of("uri").find(codes.PATH_REWRITE_REFUSED, problem="uri holds a control character")
    if UNSENDABLE.search(written.authority):
        yield place.of("authority").find(codes.PATH_REWRITE_REFUSED, problem="authority holds a control character")
    if regex is None:
        return
    place = place.of("uriRegexRewrite")
    if not regex.match or not regex.rewrite:
        yield place.find(codes.PATH_REWRITE_REFUSED, problem="uriRegexRewrite needs both match and rewrite")
    elif problem := expression_problem(regex.match):
        yield place.of("match").find(codes.PATH_REWRITE_REFUSED, problem=problem)
    if UNSENDABLE.search(regex.rewrite):
        yield place.of("rewrite").find(codes.PATH_REWRITE_REFUSED, problem="the substitution holds a control character")
