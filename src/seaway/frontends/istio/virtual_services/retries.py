"""`http[].retries`: which failures are tried again, how often and where.

Without the block the mesh's default holds, else upstream's built-in one: two more tries after failures that cannot have reached the
application, or of which gRPC says so. An answered 503 is not among them. Ours says more than upstream's: a request that only reads is sent
again if its connection ends without an answer, as connections do that the application finds idle.
Source: pilot/pkg/networking/core/route/retry of upstream.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TypeAlias

from seaway.core.codes import mesh as mesh_codes
from seaway.core.codes import routing as codes
from seaway.core.durations import read_duration
from seaway.core.finding import Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.settings import Settings
from seaway.frontends.istio.virtual_services.rules import RetryRule
from seaway.model.route import NoRetries, Retries
from seaway.resources.istio.virtual_service import HTTPRetry
from seaway.resources.resource import field_path

BY_STATUS = "retriable-status-codes"

_BUILT_IN = Retries(
    attempts=2, on=("connect-failure", "refused-stream", "reset-before-request", "unavailable", "cancelled", BY_STATUS), safe_on=("reset",)
)
BUILT_IN = RetryRule(_BUILT_IN)
"""What upstream does where nobody says anything."""

WORDS = frozenset(
    (
        *("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream", BY_STATUS),
        *("retriable-headers", "envoy-ratelimited", "http3-post-connect-failure"),
        *("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
    )
)
"""Envoy's words that upstream takes: those for HTTP, those for HTTP/3 and rate limits, those for gRPC."""

DEFAULT = "defaultHttpRetryPolicy"

_Problems: TypeAlias = tuple[tuple[tuple[str, ...], str], ...]
"""Each with the field below the block that it is about."""

_STATUSES = frozenset(one.value for one in HTTPStatus)


def choose_retries(rule: RetryRule | None, default: RetryRule, hashed: bool) -> Retries | NoRetries:
    """The policy of a route. `hashed`: its only destination is chosen by a consistent hash, which a retry keeps to unless told not to."""
    chosen = rule or default
    if hashed and not chosen.explicit and isinstance(chosen.policy, Retries):
        return replace(chosen.policy, avoid_tried=False)
    return chosen.policy


def read_retries(written: HTTPRetry | None, place: Place) -> tuple[RetryRule | None, Findings]:
    """None where nothing is written."""
    if written is None:
        return None, ()
    rule, problems = _parse(written)
    return rule, tuple(place.of("retries", *step).find(codes.RETRIES_REFUSED, problem=problem) for step, problem in problems)


def read_default_retries(settings: Settings) -> tuple[RetryRule, Findings]:
    """The mesh's own default, else the built-in one."""
    written = settings.written.body.default_http_retry_policy if settings.written is not None else None
    if settings.written is None or written is None:
        return BUILT_IN, ()
    rule, problems = _parse(written)
    place = Place(settings.written, (DEFAULT,))
    words = {"default": "upstream's built-in retries stay", "advice": "Give attempts, and in retryOn Envoy's words or HTTP statuses."}
    findings = tuple(
        place.of(*step).find(mesh_codes.MESH_SETTING_INVALID, field=field_path(DEFAULT, *step), problem=problem, **words)
        for step, problem in problems
    )
    return BUILT_IN if problems else rule, findings


def _parse(written: HTTPRetry) -> tuple[RetryRule, _Problems]:
    attempts = written.attempts or 0
    problems: list[tuple[tuple[str, ...], str]] = []
    if attempts < 0:
        problems.append((("attempts",), "attempts cannot be negative"))
    if not attempts:
        if written.per_try_timeout is not None or written.retry_on or written.retry_remote_localities is not None:
            problems.append(((), "attempts is 0, which switches retries off, and other fields say how to retry"))
        return RetryRule(NoRetries()), tuple(problems)
    on, statuses, more = _parse_on(written.retry_on)
    per_try_s, late = _parse_time(written.per_try_timeout, "perTryTimeout")
    backoff_s, early = _parse_time(written.backoff, "backoff")
    retries = replace(
        _BUILT_IN,
        attempts=max(attempts, 0),
        per_try_s=per_try_s,
        backoff_s=backoff_s,
        avoid_tried=written.retry_ignore_previous_hosts is not False,
        other_localities=bool(written.retry_remote_localities),
    )
    if written.retry_on:
        retries = replace(retries, on=on, statuses=statuses)
    if written.retry_on or written.per_try_timeout is not None:  # Envoy's `reset` would count a try that took too long
        retries = replace(retries, safe_on=())
    return RetryRule(retries, written.retry_ignore_previous_hosts is not None), (*problems, *more, *late, *early)


def _parse_on(written: str) -> tuple[tuple[str, ...], tuple[int, ...], _Problems]:
    """Envoy's words and HTTP statuses; statuses alone bring the word that makes them count. Upstream takes no spaces."""
    words: list[str] = []
    statuses: list[int] = []
    problems: list[tuple[tuple[str, ...], str]] = []
    for part in written.split(",") if written else ():
        if part.isascii() and part.isdecimal() and len(part) < 4 and int(part) in _STATUSES:
            statuses.append(int(part))
        elif part in WORDS:
            words.append(part)
        else:
            problems.append((("retryOn",), _unknown(part)))
    if statuses and BY_STATUS not in words:
        words.append(BY_STATUS)
    return tuple(words), tuple(statuses), tuple(problems)


def _unknown(part: str) -> str:
    word = part.strip()
    if word != part and (word in WORDS or word.isdecimal()):
        return f"in retryOn, a space stands beside {plain(word)}"
    return f"retryOn knows no {plain(word)}" if word else "retryOn holds an empty word"


def _parse_time(written: str | None, field: str) -> tuple[float | None, _Problems]:
    if written is None:
        return None, ()
    seconds, problem = read_duration(written)
    return seconds, (((field,), f"{field}: {problem}"),) if problem else ()
