"""Failed requests that are sent again, as Envoy's RetryPolicy."""

from __future__ import annotations

from dataclasses import replace

from seaway.model.route import SAFE_METHODS, Retries
from seaway.plans.envoy.proto import Fields, PreviousHostsPredicate, PreviousPriorities, duration, extension, wrapped

READS: Fields = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(SAFE_METHODS)}}}
"""Matches requests with a safe method."""


def for_reads(retries: Retries) -> Retries | None:
    """The policy for requests with a safe method; None where it is that of all.

    Envoy's policies cannot tell by method which word counts, only routes can: they are there twice. What this is for is an application that
    ends an idle connection just as a request is sent on it. Nothing tells that from an application that has died of the request.
    """
    return replace(retries, on=(*retries.on, *retries.safe_on), safe_on=()) if retries.safe_on else None


def retry_policy(retries: Retries) -> Fields:
    fields: dict[str, object] = {
        "retry_on": ",".join(retries.on),
        "num_retries": wrapped(retries.attempts),
        "host_selection_retry_max_attempts": retries.host_attempts,
    }
    if retries.avoid_tried:
        fields["retry_host_predicate"] = [extension("envoy.retry_host_predicates.previous_hosts", PreviousHostsPredicate())]
    if retries.other_localities:
        # As upstream: the choice among priorities is made anew after every second try.
        fields["retry_priority"] = extension("envoy.retry_priorities.previous_priorities", PreviousPriorities(update_frequency=2))
    if retries.statuses:
        fields["retriable_status_codes"] = list(retries.statuses)
    if retries.per_try_s is not None:
        fields["per_try_timeout"] = duration(retries.per_try_s)
    if retries.backoff_s is not None:
        longest = {"max_interval": duration(retries.max_backoff_s)} if retries.max_backoff_s is not None else {}
        fields["retry_back_off"] = {"base_interval": duration(retries.backoff_s), **longest}
    return fields
