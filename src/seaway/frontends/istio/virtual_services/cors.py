"""`http[].corsPolicy`: which pages of other origins may use the host; Envoy's filter answers their preflights."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seaway.core.codes import routing as codes
from seaway.core.durations import read_duration
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.virtual_services.expressions import read_text, text_problem
from seaway.model.route import Cors, Text
from seaway.resources.istio.virtual_service import CorsPolicy

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"))
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~A-Za-z0-9-]+")  # token of RFC 9110, section 5.6.2; `*` alone is any header
_UNMATCHED = (None, "UNSPECIFIED", "FORWARD", "IGNORE")


def read_cors(written: CorsPolicy | None, place: Place) -> tuple[Cors | None, Findings]:
    """None where nothing is written. `allowOrigin`, the older list of exact origins, counts where the newer one is empty."""
    if written is None:
        return None, ()
    place = place.of("corsPolicy")
    origins = tuple(read_text(one) for one in written.allow_origins)
    seconds, late = _read_age(written.max_age, place.of("maxAge"))
    policy = Cors(
        origins=origins or tuple(Text("exact", one) for one in written.allow_origin),
        methods=written.allow_methods,
        headers=written.allow_headers,
        expose=written.expose_headers,
        max_age_s=seconds,
        credentials=written.allow_credentials,
        forward_unmatched=written.unmatched_preflights != "IGNORE",
    )
    return policy, (*_problems(written, place), *late)


def _read_age(written: str | None, place: Place) -> tuple[int | None, Findings]:
    """Browsers are told whole seconds."""
    if written is None:
        return None, ()
    seconds, problem = read_duration(written)
    if not problem and seconds != int(seconds):
        problem = "it must be in whole seconds"
    return int(seconds), (place.find(codes.CORS_REFUSED, problem=f"maxAge: {problem}"),) if problem else ()


def _problems(written: CorsPolicy, place: Place) -> Iterator[Finding]:
    for index, origin in enumerate(written.allow_origins):
        empty = not (origin.exact or origin.prefix or origin.regex)
        if problem := "an origin is empty" if empty else text_problem(origin):
            yield place.of("allowOrigins", index).find(codes.CORS_REFUSED, problem=problem)
    for index, method in enumerate(written.allow_methods):
        if method not in METHODS:
            yield place.of("allowMethods", index).find(codes.CORS_REFUSED, problem=f"{plain(method)} is no HTTP method")
    lists = (("allowHeaders", written.allow_headers), ("exposeHeaders", written.expose_headers))
    for field, names in lists:
        for index, name in enumerate(names):
            if _HEADER_NAME.fullmatch(name) is None:
                yield place.of(field, index).find(codes.CORS_REFUSED, problem=f"{plain(name)} is no header name")
    if written.unmatched_preflights not in _UNMATCHED:
        problem = f"unmatchedPreflights {plain(written.unmatched_preflights or '')} is neither FORWARD nor IGNORE"
        yield place.of("unmatchedPreflights").find(codes.CORS_REFUSED, problem=problem)
