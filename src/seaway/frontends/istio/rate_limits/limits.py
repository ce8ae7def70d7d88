"""One limit of a RateLimitPolicy: what it counts, how much of that may pass, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seaway.core.codes import rate_limits as codes
from seaway.core.durations import read_duration
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.authorization.fields import Field, Surroundings, operation_fields, source_fields
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.virtual_services.expressions import read_text, text_problem
from seaway.model.authorization import AllOf, AnyOf, CountedBy, Header, LimitKey, RateLimit, Term
from seaway.resources import seaway_v1 as api
from seaway.resources.istio.authorization_policy import Operation, Source

UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
SHORTEST_S = 0.05
"""Envoy's shortest time to fill a bucket in."""

MOST = 2**32 - 1
TOO_MANY_REQUESTS = 429
_STATUSES = range(400, 600)
_SCOPES = ("local", "global")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FRAMING = frozenset(("connection", "content-length", "host", "transfer-encoding", "upgrade"))


def read_limit(limit: api.RateLimit, index: int, place: Place, around: Surroundings) -> tuple[RateLimit | None, Findings]:
    """None where something is wrong with it: half of a limit may be none, or another one."""
    problems = tuple(_problems(limit, place))
    if problems:
        return None, problems
    unused = ()
    if limit.fail_open is not None and limit.scope != "global":
        unused = (place.of("failOpen").find(codes.FIELD_UNUSED, field="failOpen", reason="a local limit has nobody to ask"),)
    response = limit.response or api.RateLimitResponse()
    read = RateLimit(
        key=place.key,
        index=index,
        requests=limit.requests,
        per_s=_per(limit.per)[0],
        burst=limit.burst if limit.burst is not None else limit.requests,
        shared=limit.scope == "global",
        keys=tuple(_key(one) for one in limit.key),
        when=_when(limit, place, around),
        status=response.status or TOO_MANY_REQUESTS,
        headers=tuple(sorted((name.lower(), value) for name, value in response.headers.items())),
        fail_open=limit.fail_open is not False,
        dry_run=limit.dry_run is True,
        origin=place.origin,
    )
    return read, unused


def _problems(limit: api.RateLimit, place: Place) -> Iterator[Finding]:
    def invalid(at: Place, problem: str, advice: str) -> Finding:
        return at.find(codes.LIMIT_INVALID, problem=problem, advice=advice)

    for name, number in (("requests", limit.requests), ("burst", limit.burst)):
        if number is not None and not 1 <= number <= MOST:
            closing = "To let nothing pass, write an AuthorizationPolicy with action DENY." if number == 0 else f"Write 1 to {MOST}."
            yield invalid(place.of(name), f"{name}: {number} is no limit", closing)
    if problem := _per(limit.per)[1]:
        yield invalid(place.of("per"), f"per: {limit.per}: {problem}", f"Write {', '.join(UNITS)}, or a duration such as 10s.")
    if limit.scope is not None and limit.scope not in _SCOPES:
        yield invalid(place.of("scope"), f"scope: {limit.scope} is neither local nor global", "Write one of the two.")
    for number, key in enumerate(limit.key):
        if problem := _key_problem(key):
            yield invalid(place.of("key", number), f"key: {problem}", "Let each item of `key` hold one field.")
    for number, match in enumerate(limit.match):
        for at, problem in _match_problems(match, place.of("match", number)):
            yield invalid(at, f"match: {problem}", "Correct the value, or take it out.")
    for at, problem in _response_problems(limit.response, place.of("response")):
        yield invalid(at, f"response: {problem}", "Correct the value, or take it out.")


def _per(text: str) -> tuple[float, str]:
    """Seconds, and what is wrong with the text."""
    if text in UNITS:
        return UNITS[text], ""
    length, problem = read_duration(text)
    if problem and not any(character.isdigit() for character in text):
        return 0, "it is no unit"
    if not problem and length < SHORTEST_S:
        return 0, "it is shorter than 50ms"
    return length, problem


def _key(key: api.RateLimitKey) -> LimitKey:
    return _given(key)[0]


def _given(key: api.RateLimitKey) -> tuple[LimitKey, ...]:
    """All fields that are given."""
    named = ((CountedBy.HEADER, key.header), (CountedBy.PARAMETER, key.query_param), (CountedBy.CLAIM, key.claim))
    plain = (
        (CountedBy.CLIENT, key.remote_address),
        (CountedBy.CALLER, key.source_principal),
        (CountedBy.PATH, key.path),
        (CountedBy.METHOD, key.method),
    )
    return (
        *(LimitKey(by, name.lower() if by is CountedBy.HEADER else name) for by, name in named if name is not None),
        *(LimitKey(by) for by, there in plain if there is not None),
    )


def _key_problem(key: api.RateLimitKey) -> str:
    given = _given(key)
    if len(given) != 1:
        return "an item names several things to count by" if given else "an item names nothing to count by"
    by, name = given[0].by, given[0].name
    if by is CountedBy.HEADER and _HEADER_NAME.fullmatch(name) is None:
        return f"{name or 'an empty text'} is no header name"
    if by is CountedBy.PARAMETER and not name:
        return "queryParam is empty"
    if by is CountedBy.CLAIM and not all(name.split(".")):
        return f"{name or 'an empty text'} is no claim"
    return ""


def _fields(match: api.RateLimitMatch, place: Place) -> Iterator[Field]:
    source = Source(
        principals=match.principals,
        not_principals=match.not_principals,
        namespaces=match.namespaces,
        not_namespaces=match.not_namespaces,
        remote_ip_blocks=match.remote_ip_blocks,
        not_remote_ip_blocks=match.not_remote_ip_blocks,
    )
    operation = Operation(
        hosts=match.hosts,
        not_hosts=match.not_hosts,
        methods=match.methods,
        not_methods=match.not_methods,
        paths=match.paths,
        not_paths=match.not_paths,
    )
    yield from source_fields(source, place)
    yield from operation_fields(operation, place)


def _match_problems(match: api.RateLimitMatch, place: Place) -> Iterator[tuple[Place, str]]:
    for field in _fields(match, place):
        if problem := field.problem:
            yield field.place, problem
    for name, text in match.headers.items():
        at = place.of("headers", name)
        if _HEADER_NAME.fullmatch(name) is None:
            yield at, f"{name or 'an empty text'} is no header name"
        elif problem := text_problem(text):
            yield at, f"header {name}: {problem}"


def _when(limit: api.RateLimit, place: Place, around: Surroundings) -> Term:
    if not limit.match:
        return AllOf(())
    alternatives = tuple(_match(one, place.of("match", number), around) for number, one in enumerate(limit.match))
    return alternatives[0] if len(alternatives) == 1 else AnyOf(alternatives)


def _match(match: api.RateLimitMatch, place: Place, around: Surroundings) -> Term:
    headers = (Header(name.lower(), read_text(text)) for name, text in match.headers.items())
    return AllOf((*(field.term(around) for field in _fields(match, place)), *headers))


def _response_problems(response: api.RateLimitResponse | None, place: Place) -> Iterator[tuple[Place, str]]:
    if response is None:
        return
    if response.status is not None and response.status not in _STATUSES:
        yield place.of("status"), f"status {response.status} is not from 400 to 599"
    for name, value in response.headers.items():
        if _HEADER_NAME.fullmatch(name) is None or name.lower() in _FRAMING:
            yield place.of("headers", name), f"header {name or 'without a name'} cannot be set"
        elif not value.isprintable():
            yield place.of("headers", name), f"header {name}: its value holds what no header can"
