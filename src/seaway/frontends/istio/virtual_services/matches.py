"""`http[].match`: which requests a rule is for. Blocks are alternatives; all conditions of one hold together.

What a proxy can know beforehand (port, gateway, labels and namespace of the caller) is no condition on a request: it decides whether the
proxy gets the route at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.core.labels import is_label_key, is_label_value
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.host_names import is_label
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.virtual_services.bindings import gateway_names, read_gateways
from seaway.frontends.istio.virtual_services.expressions import ANYTHING, read_text, text_problem
from seaway.frontends.istio.virtual_services.rules import Match, Sources
from seaway.model.route import ClaimMatch, Conditions, Exact, HeaderMatch, PathMatch, QueryMatch, Regex, Text, TextPrefix
from seaway.resources.istio.selection import StringMatch
from seaway.resources.istio.virtual_service import HTTPMatchRequest

CLAIMS = "@request.auth.claims"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~A-Za-z0-9-]+")  # token of RFC 9110, section 5.6.2
_PSEUDO_HEADERS = frozenset((":method", ":scheme", ":authority", ":path", ":status"))
_PORTS = range(1, 65536)
_LONGEST_QUERY_NAME = 1024  # bytes, Envoy's bound


def read_match(written: HTTPMatchRequest, place: Place) -> tuple[Match, Findings]:
    """One block, and what upstream refuses in it."""
    return build_match(written, place), tuple(_problems(written, place))


def build_match(written: HTTPMatchRequest, place: Place) -> Match:
    """A block whose parts are known to be right, such as one that is merged from two."""
    return Match(
        name=written.name,
        path=_path(written.uri),
        conditions=_conditions(written),
        port=written.port or 0,
        sources=Sources(
            gateway_names(written.gateways, place.key.namespace), tuple(sorted(written.source_labels.items())), written.source_namespace
        ),
        stat_prefix=written.stat_prefix,
        written=written,
        origin=place.origin,
    )


def claim_path(name: str) -> tuple[str, ...]:
    """The claim that a header name stands for (`@request.auth.claims.a.b`, `@request.auth.claims[a][b]`), none for a real header."""
    if not name.lower().startswith(CLAIMS):
        return ()
    rest = name[len(CLAIMS) :]
    if rest.startswith(".") and len(rest) > 1:
        return tuple(rest[1:].split("."))
    if rest.startswith("[") and rest.endswith("]") and len(rest) > 2:
        return tuple(rest[1:-1].split("]["))
    return ()


def is_catch_all(match: Match) -> bool:
    """Whether every request of the host matches, so that no rule after it is used."""
    whole = match.path in (None, TextPrefix("/")) or (isinstance(match.path, Regex) and match.path.pattern == ".*")
    return whole and not (match.conditions.headers or match.conditions.query or match.conditions.claims)


def _path(uri: StringMatch | None) -> PathMatch | None:
    match uri:
        case StringMatch(exact=str(text)):
            return Exact(text)
        case StringMatch(prefix=str(text)):
            return TextPrefix(text)
        case StringMatch(regex=str(text)):
            return Regex(text, len(text))
        case _:
            return None


def _conditions(written: HTTPMatchRequest) -> Conditions:
    """Headers by name, then what HTTP/2 makes headers of."""
    headers = [HeaderMatch(name, read_text(text)) for name, text in written.headers.items() if not claim_path(name)]
    headers += [_without(name, read_text(text)) for name, text in written.without_headers.items() if not claim_path(name)]
    headers.sort(key=lambda one: (one.name, one.invert))
    parts = {":method": written.method, ":authority": written.authority, ":scheme": written.scheme}
    headers += [HeaderMatch(name, read_text(text)) for name, text in parts.items() if text is not None]
    claims = [
        ClaimMatch(claim_path(name), read_text(text), invert)
        for names, invert in ((written.headers, False), (written.without_headers, True))
        for name, text in sorted(names.items())
        if claim_path(name)
    ]
    query = [QueryMatch(name, read_text(text)) for name, text in sorted(written.query_params.items())]
    return Conditions(tuple(headers), tuple(query), tuple(claims), written.ignore_uri_case)


def _without(name: str, text: Text) -> HeaderMatch:
    """A request without the header matches too: its absence is, or counts as an empty value that is, another one."""
    return HeaderMatch(name, text, invert=True, missing_matches=text.kind != "present")


def _problems(written: HTTPMatchRequest, place: Place) -> Iterator[Finding]:
    yield from _name_problems(written.headers, place.of("headers"))
    yield from _name_problems(written.without_headers, place.of("withoutHeaders"))
    for name, text in written.headers.items():
        yield from _text_problem(text, f"header {plain(name)}", place.of("headers", name))
    for name, text in written.without_headers.items():
        if text.regex != ANYTHING:
            yield from _text_problem(text, f"header {plain(name)}", place.of("withoutHeaders", name))
    for name, text in written.query_params.items():
        what, where = f"query parameter {plain(name)}", place.of("queryParams", name)
        yield from _text_problem(text, what, where)
        if problem := _query_name_problem(name):
            yield where.find(codes.MATCH_REFUSED, what=what, problem=problem)
    if written.uri is not None:
        yield from _text_problem(written.uri, "uri", place.of("uri"), empty_prefix=True)
    for field in ("scheme", "method", "authority"):
        if (text := getattr(written, field)) is not None:
            yield from _text_problem(text, field, place.of(field))
    if written.port and written.port not in _PORTS:
        yield place.of("port").find(codes.MATCH_REFUSED, what="port", problem=f"{written.port} is not from 1 to 65535")
    yield from source_problems(written.source_labels, written.source_namespace, place)
    yield from read_gateways(written.gateways, place.of("gateways"))


def source_problems(labels: Mapping[str, str], namespace: str, place: Place) -> Iterator[Finding]:
    """What upstream refuses in `sourceLabels` and `sourceNamespace`."""
    for name, value in labels.items():
        if not is_label_key(name) or not is_label_value(value):
            problem = f"{plain(name)}: {plain(value)} is no label"
            yield place.of("sourceLabels", name).find(codes.MATCH_REFUSED, what="sourceLabels", problem=problem)
    if namespace and not is_label(namespace):
        yield place.of("sourceNamespace").find(codes.MATCH_REFUSED, what="sourceNamespace", problem=f"{plain(namespace)} is no namespace")


def _name_problems(names: Mapping[str, StringMatch], place: Place) -> Iterator[Finding]:
    for name in names:
        if not claim_path(name) and name not in _PSEUDO_HEADERS and _HEADER_NAME.fullmatch(name) is None:
            problem = "it is no header name" if name else "its name is empty"
            yield place.of(name).find(codes.MATCH_REFUSED, what=f"header {plain(name)}", problem=problem)


def _text_problem(text: StringMatch, what: str, place: Place, empty_prefix: bool = False) -> Iterator[Finding]:
    if problem := text_problem(text, empty_prefix):
        yield place.find(codes.MATCH_REFUSED, what=what, problem=problem)


def _query_name_problem(name: str) -> str:
    if not name:
        return "its name is empty"
    return f"its name is longer than {_LONGEST_QUERY_NAME} bytes" if len(name.encode("utf-8", "replace")) > _LONGEST_QUERY_NAME else ""
